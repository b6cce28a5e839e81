"""What a fetch brought of a partition becomes one event; how often and how much is fetched is decided here."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import ConsumerMessage

from pipeline.log import Entry
from pipeline.stream.kafka_log import entry_of
from schemas.topics import RAW

# A fetch answers as soon as there is one record, so a quiet log is quick. In the long run there is one in PACE_S, since
# each costs about 1 ms of CPU however small it is; BURST_S / PACE_S of them may follow each other at once.
PACE_S = 0.002
BURST_S = 0.04
ENOUGH_RECORDS = 100  # a fetch that brought so many is no small one: the next need not wait
# A fetch leaves out a partition whose records are still in hand; what arrives there meanwhile waits for its end.
FETCH_WAIT_MS = 20
FULL_S = 1.0  # how long to wait for room in one go
LOOK_S = 0.02


class BatchConsumer(driver.Consumer):  # type: ignore[misc]  # faust is untyped here
    """Hands Faust one message for each partition and fetch; its value is the list of their entries."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_room = asyncio.Event()
        self._next_s = 0.0

    def _new_consumer_thread(self) -> "_ConsumerThread":
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def on_buffer_drop(self, tp: Any) -> None:
        """The agent has room again."""
        super().on_buffer_drop(tp)
        self._has_room.set()

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[Any, Any]]:  # noqa: ASYNC109  # Faust names it
        """Fetch, and yield (partition, message) for each partition that brought something."""
        if self.flow_active and self._buffered_partitions and not self._get_active_partitions():
            # Faust would sleep for a second here, and the agents with it.
            self._has_room.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_room.wait(), FULL_S)
            return
        await asyncio.sleep(max(0.0, self._next_s - time.monotonic()))
        # What is asked for now is without the partitions whose agent has no room: look again soon whether it has.
        records, active = await self._wait_next_records(LOOK_S if self._buffered_partitions else timeout)
        generation = self.app.consumer_generation_id
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            await self._seek_back(records)
            return
        if sum(map(len, records.values())) < ENOUGH_RECORDS:
            self._next_s = max(self._next_s, time.monotonic() - BURST_S) + PACE_S
        for tp, found in records.items():
            if not self.flow_active or self.app.consumer_generation_id != generation:
                return  # the group deals its partitions anew: whoever holds them next starts from what is committed
            if found and (active is None or tp in active or tp in self._buffered_partitions):
                yield tp, _message(tp, found, generation)

    async def _seek_back(self, dropped: Collection[Any]) -> None:
        """Read again what was fetched of these partitions, while the group dealt, and is not handed on."""
        try:
            await self.perform_seek()
            # That goes back to a commit. Where nothing was ever committed the position stays behind what was fetched:
            # a worker that was stalled before its first record never decided it.
            never = [place for place in dropped if not self._read_offset.get(place)]
            if never:
                for place, offset in (await self.earliest_offsets(*never)).items():
                    await self.seek(place, offset)
        except Exception as exc:  # as Faust does: the next deal seeks again
            self.log.warning("cannot go back to what is committed: %r", exc)


class _ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # faust is untyped here
    """Faust's thread for aiokafka's consumer, with what Faust does not let us set."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer

    async def on_start(self) -> None:
        """Connect; what is fetched from then on is unpacked as entries."""
        await super().on_start()
        self._consumer._fetcher._records = _AsEntries()

    async def _commit(self, offsets: Mapping[Any, int]) -> bool:
        """Commit what is still held. Faust would crash where that is nothing: so the group deals after a stall."""
        held = {tp: offset for tp, offset in offsets.items() if tp in self.assignment()}
        return bool(held) and bool(await super()._commit(held))


class _AsEntries(OrderedDict[Any, Any]):
    """What aiokafka has fetched of each partition and not handed on, to be unpacked as entries.

    Its own records, made first and then read into entries, cost 3 µs more, twice for each alert.

    What is handed on at once is bounded, and taken from the first partitions here that have room for it. In aiokafka's
    order that was `alerts.raw` until it was read: a fetch of 1 MB, packed, may hold 30,000 records, and triage had
    nothing to do for as long as normalise took for them, five seconds once. So what is nearest to its end goes first,
    and of a topic each partition in turn. As triage has room for a few batches only, `alerts.raw` has its share.
    """

    def keys(self) -> Any:
        """The partitions in the order in which they are to be handed on."""
        return sorted(super().keys(), key=lambda place: place.topic == RAW.name)

    def __getitem__(self, place: Any) -> Any:
        """What there is of `place`, which goes behind the others now."""
        found = super().__getitem__(place)
        self.move_to_end(place)
        return found

    def __setitem__(self, place: Any, found: Any) -> None:
        # An error of a fetch has no records.
        if (unpacked := getattr(found, "_partition_records", None)) is not None:
            unpacked._consumer_record = entry_of
        super().__setitem__(place, found)


def _message(tp: Any, entries: Sequence[Entry], generation: int) -> Any:
    last = entries[-1]
    return ConsumerMessage(
        tp.topic,
        tp.partition,
        last.offset,
        last.timestamp_ms / 1000,
        0,
        None,
        None,
        entries,
        None,
        0,
        0,
        tp,
        generation_id=generation,
    )
