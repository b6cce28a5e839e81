"""The agents take every record once and in order, whatever the stream brings twice, late or not at all."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from pipeline.codec import decode_alerts
from pipeline.log import Draft, Entry
from pipeline.stream import agents
from pipeline.stream.agents import NormaliseAgent
from pipeline.stream.inbox import MOST_BATCHES, ROUND_RECORDS, Inbox
from pipeline.stream.kafka_log import KafkaLog
from pipeline.stream.outbox import Outbox
from pipeline.stream.remembered import Remembered
from schemas import Alerts
from schemas.topics import RAW
from tests.scene import POLICY, ms

RAW_0 = (RAW.name, 0)


class Shelf:
    """A partition of `alerts.raw` that can be read as the worker reads Kafka; `refusals` times it cannot."""

    def __init__(self, committed: int | None = None, refusals: int = 0) -> None:
        self._committed = committed
        self._refusals = refusals

    async def committed(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int | None]:
        return dict.fromkeys(places, self._committed)

    async def earliest(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 0)

    async def read(self, place: TopicPartition, start: int, stop: int) -> AsyncIterator[list[Entry]]:
        for offset in range(start, stop):
            if self._refusals:
                self._refusals -= 1
                raise KafkaConnectionError("away")
            yield [raw(offset)]


class Event:
    """What Faust hands on, as far as an inbox looks at it."""

    def __init__(self, batch: Sequence[Entry]) -> None:
        self.message = self
        self.value = batch


class Stream:
    """A stream that ends."""

    def __init__(self, *batches: Sequence[Entry]) -> None:
        self._batches = batches

    async def events(self) -> AsyncIterator[Event]:
        for batch in self._batches:
            yield Event(batch)


def raw(offset: int) -> Entry:
    body = {"alerts": [{"status": "firing", "labels": {"alertname": f"a{offset}"}}]}
    return Entry(RAW.name, 0, offset, "", json.dumps(body).encode(), {"source": "alertmanager"}, ms(offset))


def raws(*offsets: int) -> list[Entry]:
    return [raw(offset) for offset in offsets]


def normalised(shelf: Shelf, *batches: Sequence[Entry], until: int) -> tuple[list[int], dict[tuple[str, int], int]]:
    """The raw offsets of what is written, in order, and what may be committed, once `until` records are written."""
    written: list[int] = []

    async def send(drafts: Sequence[Draft]) -> "AsyncIterator[asyncio.Future[Any]]":
        for draft in drafts:
            record = decode_alerts(draft.value)
            assert isinstance(record, Alerts)
            written.append(record.raw_offset)
            sent: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            sent.set_result(None)
            yield sent

    async def scene() -> dict[tuple[str, int], int]:
        inbox, outbox = Inbox(), Outbox(send, lambda _: None)
        agent = NormaliseAgent(POLICY, inbox, outbox, cast(KafkaLog, shelf), Remembered())
        running = asyncio.create_task(agent.run())
        await inbox.fill(Stream(*batches))
        while len(written) < until and not running.done():  # noqa: ASYNC110  # the agent has no event to wait for
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        assert not running.done()
        running.cancel()
        return outbox.durable()

    return written, asyncio.run(scene())


def test_what_the_stream_skips_is_read_from_the_log_and_nothing_overtakes() -> None:
    written, durable = normalised(Shelf(), raws(0, 1), raws(4, 5), raws(9), until=10)
    assert written == list(range(10))
    assert durable == {RAW_0: 10}


def test_what_the_stream_brings_again_is_not_written_again() -> None:
    written, durable = normalised(Shelf(committed=2), raws(0, 1, 2, 3), raws(2, 3), raws(3, 4), until=3)
    assert written == [2, 3, 4]
    assert durable == {RAW_0: 5}


def test_a_log_that_cannot_be_read_is_asked_again_and_nothing_is_taken_twice(monkeypatch: Any) -> None:
    monkeypatch.setattr(agents, "RETRY_S", 0.001)
    written, durable = normalised(Shelf(refusals=3), raws(0), raws(5, 6), until=7)
    assert written == list(range(7))
    assert durable == {RAW_0: 7}


def test_a_round_takes_what_waits_but_not_without_end() -> None:
    async def scene() -> None:
        inbox = Inbox()
        large = raws(*range(ROUND_RECORDS))
        filling = asyncio.create_task(inbox.fill(Stream(raws(0), raws(1), large, raws(2), *[raws(3)] * MOST_BATCHES)))
        await asyncio.sleep(0.01)
        assert not filling.done(), "there is no room for more"
        rounds = inbox.rounds()
        assert await anext(rounds) == [raws(0), raws(1), large]
        await asyncio.sleep(0.01)
        assert await anext(rounds) == [raws(2), *[raws(3)] * (MOST_BATCHES - 1)]
        await filling
        inbox.forget()
        waiting = asyncio.ensure_future(anext(rounds))
        await asyncio.sleep(0.01)
        assert not waiting.done(), "what waited is forgotten"
        waiting.cancel()

    asyncio.run(scene())
