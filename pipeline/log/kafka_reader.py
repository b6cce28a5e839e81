"""A reader on Kafka: it commits what it is told, and starts again from there whenever the group deals anew.

kafka-python's consumer may be used by one thread at a time and blocks, so each reader has a thread of its own, which
polls in short slices, so that a commit does not wait for a poll. Two things that kafka-python 3.0.12 does are mended:
- It keeps the position of a partition that stays with a member through a rebalance; the promise of `Reader` is the
  committed one, so it is set here.
- A join that succeeds while nobody polls is forgotten, and the next poll joins again; if that was the group's leader,
  everybody must. Members that are busy between polls can keep each other from ever reading: two of them, polling half
  of the time each, took 20 s and nine generations. So a join, once begun, is waited for.
- A leader whose client forgets its topics for a moment (`No partition metadata for topic`) deals nothing at all, and
  its next look changes nothing: a pager paged nobody for as long as it was watched. So who was dealt nothing joins
  again, some times.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kafka import ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import MemberState

from pipeline.errors import Retryable
from pipeline.log.entry import Entry
from pipeline.log.kafka_client import entry_of, make_consumer

ANSWER_TIMEOUT_S = 5.0  # for a broker to answer a question
SLICE_S = 0.2
JOIN_S = 10.0  # how long a call may be held up by a join; the other members may take longer
SHORTEST_SLICE_S = 0.01  # the consumer gets nowhere in none
POLL_ENTRIES = 500
NOTHING_S = 5.0  # how long a member that was dealt nothing waits before it joins again
MOST_REJOINS = 3  # since it may be right: there may be more members than partitions


class _Deals(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Counts how often the group has dealt its partitions. Called in the consumer's own thread."""

    def __init__(self) -> None:
        self.count = 0

    def on_partitions_revoked(self, revoked: object) -> None:
        # Nothing may be asked yet: the broker answers in order, and holds the answer to our joining until all have
        # joined. kafka-python refuses commits from here until the deal is done.
        pass

    def on_partitions_assigned(self, assigned: object) -> None:
        self.count += 1


class KafkaReader:
    """A `Reader` of `topics` on the Kafka at `bootstrap`, as a member of `group`."""

    def __init__(self, bootstrap: str, group: str, topics: Sequence[str]) -> None:
        self._bootstrap = bootstrap
        self._group = group
        self._topics = tuple(topics)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pagesieve-kafka-read")
        self._consumer: Any = None
        self._is_closing = False
        self._deals = _Deals()
        self._positioned_at = 0  # the deal after which every position was set
        self._generation = 0
        self._nothing_since_s: float | None = None  # when it was dealt nothing
        self._left_at = 0  # the last deal before it left for that reason
        self._rejoins = MOST_REJOINS
        self._held: deque[Entry] = deque()
        self._slice: asyncio.Future[tuple[int, list[Entry]]] | None = None

    @property
    def generation(self) -> int:
        """See `Reader`."""
        return self._generation

    async def poll(self, timeout_s: float, at_most: int | None = None) -> list[Entry]:
        """See `Reader`. A broker that is away looks like one that has nothing new; a join may take JOIN_S longer."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        limit = POLL_ENTRIES if at_most is None else at_most
        while True:
            remaining_s = deadline_s - loop.time()
            # Entries are held already if the call before was cancelled.
            slice_s = 0.0 if self._held and limit else min(remaining_s, SLICE_S)
            await self._next_slice(max(slice_s, SHORTEST_SLICE_S), 0 if self._held else limit)
            if (self._held and limit) or remaining_s <= 0:
                return [self._held.popleft() for _ in range(min(limit, len(self._held)))]

    async def commit(self, next_offsets: Mapping[tuple[str, int], int]) -> None:
        """See `Reader`. Retryable too when the group has dealt anew: another member may be further by now."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._commit, dict(next_offsets), self._generation)

    async def read_all(self, topic: str) -> list[Entry]:
        """See `Reader`."""
        return await asyncio.to_thread(_read_all, self._bootstrap, topic)

    async def close(self) -> None:
        """See `Reader`."""
        self._is_closing = True
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._drop_consumer)
        self._thread.shutdown()

    async def _next_slice(self, slice_s: float, at_most: int) -> None:
        """Let the thread poll once, or wait for the poll that a cancelled call has left behind.

        What it brings is held here, because the consumer has moved on and would not bring it again.
        """
        if self._slice is None:
            loop = asyncio.get_running_loop()
            self._slice = loop.run_in_executor(self._thread, self._poll, slice_s, at_most)
        under_way = self._slice
        try:
            await asyncio.shield(under_way)
        finally:
            if under_way.done() and self._slice is under_way:
                self._slice = None
                self._hold(under_way)

    def _hold(self, ended: asyncio.Future[tuple[int, list[Entry]]]) -> None:
        if ended.cancelled() or ended.exception() is not None:
            return
        generation, entries = ended.result()
        if generation != self._generation:
            self._generation = generation
            self._held.clear()
        self._held.extend(entries)

    def _poll(self, slice_s: float, at_most: int) -> tuple[int, list[Entry]]:
        try:
            if self._consumer is None:
                self._consumer = make_consumer(self._bootstrap, ANSWER_TIMEOUT_S, self._group)
                self._consumer.subscribe(self._topics, listener=self._deals)
            records = self._poll_consumer(int(slice_s * 1000), at_most)
            if self._deals.count != self._positioned_at:
                self._seek_to_committed()
                records = {}
            self._leave_if_dealt_nothing()
        except Retryable:
            raise
        except Exception as exc:
            # Whatever it was: a new consumer starts from what is committed, so nothing is lost.
            self._drop_consumer()
            raise Retryable(f"Kafka at {self._bootstrap} cannot be read: {exc}") from exc
        return self._positioned_at, [entry_of(record) for batch in records.values() for record in batch]

    def _leave_if_dealt_nothing(self) -> None:
        """Join anew with the next poll, if there may be a mistake."""
        if self._consumer.assignment() or self._deals.count == self._left_at:
            self._nothing_since_s = None
            if self._consumer.assignment():
                self._rejoins = MOST_REJOINS
            return
        now_s = time.monotonic()
        if self._nothing_since_s is None:
            self._nothing_since_s = now_s
        elif now_s - self._nothing_since_s >= NOTHING_S and self._rejoins:
            self._rejoins -= 1
            self._nothing_since_s, self._left_at = None, self._deals.count
            self._drop_consumer()

    def _poll_consumer(self, timeout_ms: int, at_most: int) -> Mapping[Any, Sequence[Any]]:
        paused = set() if at_most else self._consumer.assignment()
        self._consumer.pause(*paused)
        deadline_s = time.monotonic() + JOIN_S
        while True:
            records: Mapping[Any, Sequence[Any]] = self._consumer.poll(timeout_ms, max_records=at_most or 1)
            is_joining = self._consumer.group_metadata().state == MemberState.REBALANCING
            if records or not is_joining or self._is_closing or time.monotonic() > deadline_s:
                break
        self._consumer.resume(*(paused & self._consumer.assignment()))
        # In spite of the pause there are some if the group has dealt anew; they are read again then.
        return records if at_most else {}

    def _seek_to_committed(self) -> None:
        """Set every position to what the group has committed, else to the oldest entry."""
        deal = self._deals.count
        for partition in self._consumer.assignment():
            committed = self._consumer.committed(partition, timeout_ms=int(ANSWER_TIMEOUT_S * 1000))
            if committed is None:
                self._consumer.seek_to_beginning(partition)
            else:
                self._consumer.seek(partition, committed)
        self._positioned_at = deal

    def _commit(self, next_offsets: Mapping[tuple[str, int], int], generation: int) -> None:
        if self._consumer is None or self._deals.count != generation:
            raise Retryable("not committed: the group has dealt its partitions anew")
        offsets = {TopicPartition(*at): OffsetAndMetadata(offset, "", -1) for at, offset in next_offsets.items()}
        try:
            self._consumer.commit(offsets, timeout_ms=int(ANSWER_TIMEOUT_S * 1000))
        except KafkaError as exc:
            raise Retryable(f"not committed: {exc}") from exc

    def _drop_consumer(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            self._deals.count += 1
            with contextlib.suppress(KafkaError, RuntimeError):  # it may be given up because it is broken
                consumer.close(autocommit=False, timeout_ms=int(ANSWER_TIMEOUT_S * 1000))


def _read_all(bootstrap: str, topic: str) -> list[Entry]:
    consumer = make_consumer(bootstrap, ANSWER_TIMEOUT_S, None)
    timeout_ms = int(ANSWER_TIMEOUT_S * 1000)
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        if not partitions:
            raise Retryable(f"there is no topic {topic}")
        ends = consumer.end_offsets(partitions, timeout_ms=timeout_ms)
        oldest = consumer.beginning_offsets(partitions, timeout_ms=timeout_ms)
        unread = {partition for partition in partitions if oldest[partition] < ends[partition]}
        consumer.assign(sorted(unread))
        entries: list[Entry] = []
        while unread:
            records = consumer.poll(timeout_ms)
            if not records:
                raise Retryable(f"{topic} could not be read to its end")
            entries += [entry_of(record) for batch in records.values() for record in batch]
            # By position, not by the last offset: compaction and markers leave gaps.
            unread = {partition for partition in unread if (consumer.position(partition) or 0) < ends[partition]}
    except KafkaError as exc:
        raise Retryable(f"{topic} cannot be read: {exc}") from exc
    else:
        return entries
    finally:
        consumer.close(autocommit=False)
