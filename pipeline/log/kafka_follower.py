"""A follower of Kafka: it assigns itself every partition and keeps its own positions, so no group knows of it.

Verified against kafka-python 3.0.12, whose consumer is not thread-safe: it lives in one thread here.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from pipeline.errors import Retryable
from pipeline.log.entry import Entry
from pipeline.log.kafka_client import entry_of, make_consumer

ANSWER_TIMEOUT_S = 5.0  # for a broker to answer a question
POLL_ENTRIES = 500


class KafkaFollower:
    """A `Follower` of `topics` on the Kafka at `bootstrap`."""

    def __init__(self, bootstrap: str, topics: Sequence[str], tails: Mapping[str, int] | None = None) -> None:
        """Of each partition of the topics in `tails` it begins so many records before the end."""
        self._bootstrap = bootstrap
        self._topics = tuple(topics)
        self._tails = tails or {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pagesieve-kafka-follow")
        self._consumer: Any = None
        self._behind: dict[Any, int] | None = None  # partition → the end to be reached; None: not known yet
        self._next: dict[Any, int] = {}

    @property
    def has_caught_up(self) -> bool:
        """See `Follower`."""
        return self._behind is not None and not self._behind

    async def poll(self, timeout_s: float) -> list[Entry]:
        """See `Follower`. A broker that is away looks like one that has nothing new."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._poll, int(timeout_s * 1000))

    async def close(self) -> None:
        """See `Follower`."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._drop_consumer)
        self._thread.shutdown()

    def _poll(self, timeout_ms: int) -> list[Entry]:
        try:
            if self._consumer is None:
                self._start()
            records = self._consumer.poll(timeout_ms, max_records=POLL_ENTRIES)
            entries = [entry_of(record) for batch in records.values() for record in batch]
            for partition, batch in records.items():
                self._next[partition] = batch[-1].offset + 1
            self._look_behind()
        except Retryable:
            raise
        except Exception as exc:
            # Whatever it was: a new consumer goes on behind the last entry that was returned.
            self._drop_consumer()
            raise Retryable(f"Kafka at {self._bootstrap} cannot be read: {exc}") from exc
        return entries

    def _start(self) -> None:
        consumer = self._consumer = make_consumer(self._bootstrap, ANSWER_TIMEOUT_S, None)
        partitions = []
        for topic in self._topics:
            numbers = consumer.partitions_for_topic(topic)
            if not numbers:
                self._drop_consumer()
                raise Retryable(f"there is no topic {topic}: run `pagesieve topics create`")
            partitions += [TopicPartition(topic, number) for number in sorted(numbers)]
        if self._behind is None:
            timeout_ms = int(ANSWER_TIMEOUT_S * 1000)
            ends = consumer.end_offsets(partitions, timeout_ms=timeout_ms)
            oldest = consumer.beginning_offsets(partitions, timeout_ms=timeout_ms)
            self._behind = {partition: end for partition, end in ends.items() if oldest[partition] < end}
            for partition, end in ends.items():
                if partition.topic in self._tails:
                    self._next[partition] = max(oldest[partition], end - self._tails[partition.topic])
        consumer.assign(partitions)
        for partition in partitions:
            # Others start at the oldest entry, by the consumer's own reset.
            if partition in self._next:
                consumer.seek(partition, self._next[partition])

    def _look_behind(self) -> None:
        """Strike out the partitions whose end is reached: by position, since compaction leaves gaps."""
        behind = self._behind or {}
        reached = [partition for partition, end in behind.items() if (self._consumer.position(partition) or 0) >= end]
        for partition in reached:
            del behind[partition]

    def _drop_consumer(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with contextlib.suppress(KafkaError, RuntimeError):  # it may be given up because it is broken
                consumer.close(autocommit=False, timeout_ms=int(ANSWER_TIMEOUT_S * 1000))
