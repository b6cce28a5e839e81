"""Offsets and past records of the Kafka log, read outside the group: looking never moves what the group has done."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from pipeline.log import Entry
from schemas.topics import MAX_RECORD_BYTES

POLL_MS = 500
COORDINATOR_S, COORDINATOR_RETRY_S = 30.0, 0.25


class KafkaLog:
    """Answers how far topics reach, how far the group has come, and what stands between two offsets."""

    def __init__(self, bootstrap: str, group: str) -> None:
        self._servers = bootstrap.split(",")
        self._group = group
        self._consumer = self._new_consumer()
        self._admin = AIOKafkaAdminClient(bootstrap_servers=self._servers, client_id="pagesieve-offsets")

    async def start(self) -> None:
        """Connect. Raises KafkaError if no broker answers."""
        await self._consumer.start()
        await self._admin.start()

    async def stop(self) -> None:
        """Let the connections go."""
        await self._consumer.stop()
        await self._admin.close()

    async def topics(self) -> set[str]:
        """The topics that exist."""
        found: set[str] = await self._consumer.topics()
        return found

    async def earliest(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset that retention has left, of each of `places`."""
        found: dict[TopicPartition, int] = await self._consumer.beginning_offsets(list(places))
        return found

    async def ends(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset that the next record will have, of each of `places`."""
        found: dict[TopicPartition, int] = await self._consumer.end_offsets(list(places))
        return found

    async def committed(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int | None]:
        """The offset up to which the group has finished, of each of `places`; null where it never finished any."""
        found = await self._group_offsets(list(places))
        offsets = {place: found[place].offset if place in found else -1 for place in places}
        return {place: offset if offset >= 0 else None for place, offset in offsets.items()}

    async def read(self, place: TopicPartition, start: int, stop: int) -> AsyncIterator[list[Entry]]:
        """What stands at `place` from `start` up to but not including `stop`, in order, in pieces.

        `stop` must not lie beyond the end. Offsets may be missing in between; what retention takes meanwhile is
        skipped.
        """
        if start >= stop:
            return
        consumer = self._new_consumer()
        await consumer.start()
        try:
            consumer.assign([place])
            consumer.seek(place, start)
            while await consumer.position(place) < stop:
                found = await consumer.getmany(place, timeout_ms=POLL_MS)
                entries = [entry_of(place, record) for record in found.get(place, ()) if record.offset < stop]
                if entries:
                    yield entries
        finally:
            await consumer.stop()

    async def _group_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, Any]:
        """Ask the group's coordinator, and again while it moves: a new cluster has none for the first second."""
        give_up_s = time.monotonic() + COORDINATOR_S
        while True:
            try:
                found: dict[TopicPartition, Any] = await self._admin.list_consumer_group_offsets(
                    self._group, partitions=places
                )
            except KafkaError as exc:
                if not exc.retriable or time.monotonic() > give_up_s:
                    raise
                await asyncio.sleep(COORDINATOR_RETRY_S)
            else:
                return found

    def _new_consumer(self) -> Any:
        return AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            client_id="pagesieve-reader",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=MAX_RECORD_BYTES,
            max_poll_records=200,
        )


def places(topic: str, partitions: Iterable[int]) -> list[TopicPartition]:
    """The partitions of `topic` as aiokafka names them."""
    return [TopicPartition(topic, partition) for partition in partitions]


def entry_of(place: Any, record: Any) -> Entry:
    """A record of the partition `place`, whoever produced it: key, headers and value may be anything."""
    key, headers, timestamp_ms = record.key, record.headers, record.timestamp
    return Entry(
        place.topic,
        place.partition,
        record.offset,
        "" if key is None else key.decode("utf-8", "replace"),
        record.value or b"",
        {name: _text(value) for name, value in headers} if headers else {},
        0 if timestamp_ms is None or timestamp_ms < 0 else timestamp_ms,  # the log format before 0.10 had none
    )


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8", "replace")
