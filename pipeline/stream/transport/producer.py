"""Drafts go out as batches: the records of one topic and partition together, in their order."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from functools import lru_cache
from typing import Any

from aiokafka.partitioner import DefaultPartitioner
from faust.transport.drivers import aiokafka as driver

from pipeline import metrics
from pipeline.errors import Fault
from pipeline.log import Draft

# aiokafka has one number for how long a record may wait and how long one request may take. They differ: a connection
# that died silently must be noticed long before a record is given up.
REQUEST_TIMEOUT_MS = 30_000
_choose = DefaultPartitioner()
_CPU = metrics.WORKER_CPU.labels("write")


class IdempotentProducer(driver.Producer):  # type: ignore[misc]  # faust is untyped here
    """Nothing can arrive behind a send that failed, so a repeated prefix stays a prefix."""

    def _settings_extra(self) -> dict[str, Any]:
        return {"enable_idempotence": True}

    def _new_producer(self, transactional_id: str | None = None) -> Any:
        producer = super()._new_producer(transactional_id)
        producer.client._request_timeout_ms = REQUEST_TIMEOUT_MS
        return producer


async def send_drafts(producer: Any, drafts: Sequence[Draft]) -> "AsyncIterator[asyncio.Future[Any]]":
    """Hand `drafts` to aiokafka's `producer` in batches, and yield the future of each as soon as it has it.

    Within a topic's partition they keep their order. Waits while an earlier batch of the same partition is still to be
    sent. aiokafka's `send` costs four times as much for each record.
    """
    started_s = time.thread_time()
    packed = _packed(producer, drafts)
    _CPU.inc(time.thread_time() - started_s)
    for topic, partition, batch in packed:
        yield await producer.send_batch(batch, topic, partition=partition)


def _packed(producer: Any, drafts: Sequence[Draft]) -> list[tuple[str, int, Any]]:
    """(topic, partition, batch), every batch closed: else a `send` of someone else could join it, and answer for it."""
    partitions: dict[str, int] = {}
    open_now: dict[tuple[str, int], Any] = {}
    packed: list[tuple[str, int, Any]] = []
    for topic, key_text, value, headers, fixed in drafts:
        key = key_text.encode()
        if fixed is None:
            known = partitions.get(topic) or partitions.setdefault(topic, _partitions(producer, topic))
            partition = _partition(key, known)
        else:
            partition = fixed
        named = [(name, text.encode()) for name, text in headers.items()] if headers else []
        place = (topic, partition)
        batch = open_now.get(place)
        while batch is None or batch.append(timestamp=None, key=key or None, value=value, headers=named) is None:
            # An empty batch takes any record, however large.
            batch = open_now[place] = producer.create_batch()
            packed.append((topic, partition, batch))
    for _, _, batch in packed:
        batch.close()
    return packed


def _partitions(producer: Any, topic: str) -> int:
    known = producer.client.cluster.partitions_for_topic(topic)
    if not known:
        raise Fault(f"the producer does not know the topic {topic}")
    return len(known)


@lru_cache(maxsize=65536)  # plain Python's murmur2 costs 5 µs for a key of 25 bytes, and keys repeat
def _partition(key: bytes, partitions: int) -> int:
    every = list(range(partitions))
    chosen: int = _choose(key, every, every)
    return chosen
