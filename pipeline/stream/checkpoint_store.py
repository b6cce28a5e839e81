"""Snapshots on Kafka: written beside the worker's own sends, a chunk at a time, and read by exact offsets."""

import asyncio
import contextlib
import time
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from pipeline.codec import encode
from pipeline.log import Draft, Entry
from pipeline.stream import checkpoint
from pipeline.stream.checkpoint import Found, Taken
from pipeline.stream.kafka_log import KafkaLog, places
from schemas import Chunk, Snapshot
from schemas.topics import CHUNKS, MAX_RECORD_BYTES, SILENCES, SNAPSHOTS


class Written(NamedTuple):
    """A snapshot that is durable, and the CPU that it took; how long it took is mostly others' work."""

    snapshot: Snapshot
    cpu_s: float


class SnapshotStore:
    """Keeps the snapshots of every partition.

    Its producer is its own: chunks must not stand in the way of decisions, and a send that fails costs a snapshot,
    where one of the worker's own ends the worker.
    """

    def __init__(self, log: KafkaLog, bootstrap: str) -> None:
        self._log = log
        self._servers = bootstrap.split(",")
        self._producer: Any = None
        self._starting = asyncio.Lock()

    async def find(self, partition: int) -> Found:
        """The snapshots of `partition`. Raises KafkaError: what cannot be read is not missing."""
        return checkpoint.find(await self._read(SNAPSHOTS.name, partition))

    async def state(self, snapshot: Snapshot) -> bytes:
        """The state that `snapshot` is of. Raises ValueError if any of it is missing or damaged, and KafkaError."""
        offsets = [chunk.offset for chunk in snapshot.chunks]
        wanted = set(offsets)
        # Another's chunks may stand in between, if two workers wrote at once.
        found = {
            entry.offset: entry.value
            for entry in await self._read(CHUNKS.name, snapshot.partition, min(offsets), max(offsets) + 1)
            if entry.offset in wanted
        }
        pieces = []
        for chunk in snapshot.chunks:
            pieces.append(await asyncio.to_thread(checkpoint.unpack, chunk, found.pop(chunk.offset, None)))
        return b"".join(pieces)

    async def write(self, taken: Taken, slot: int, stale_chunks: int) -> Written:
        """Make `taken` durable in `slot`, whose last snapshot had `stale_chunks` chunks. Raises KafkaError."""
        producer = await self._started()
        chunks: list[Chunk] = []
        cpu_s = 0.0
        for piece in checkpoint.cut(taken.state):
            packed, chunk, took_s = await asyncio.to_thread(_packed, piece)
            key = checkpoint.chunk_key(slot, len(chunks)).encode()
            sent = await producer.send_and_wait(CHUNKS.name, packed, key, taken.partition)
            chunks.append(chunk.altered(offset=sent.offset))
            cpu_s += took_s
        snapshot = checkpoint.snapshot_of(taken, slot, chunks)
        await producer.send_and_wait(SNAPSHOTS.name, encode(snapshot), str(slot).encode(), taken.partition)
        for number in range(len(chunks), stale_chunks):
            key = checkpoint.chunk_key(slot, number).encode()
            await producer.send_and_wait(CHUNKS.name, None, key, taken.partition)
        return Written(snapshot, cpu_s)

    async def erase(self, snapshot: Snapshot) -> None:
        """Let nobody find `snapshot` again. Raises KafkaError."""
        producer = await self._started()
        await producer.send_and_wait(SNAPSHOTS.name, None, str(snapshot.slot).encode(), snapshot.partition)

    async def tell(self, draft: Draft) -> int:
        """Write `draft`, and return where it stands when it is durable. Raises KafkaError."""
        producer = await self._started()
        sent = await producer.send_and_wait(draft.topic, draft.value, draft.key.encode() or None, draft.partition)
        return int(sent.offset)

    async def silences(self) -> list[Entry]:
        """All that stands on `silences`. Raises KafkaError."""
        found: list[Entry] = []
        for partition in range(SILENCES.partitions):
            found += await self._read(SILENCES.name, partition)
        return found

    async def close(self) -> None:
        """Let the connection go."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(KafkaError):
                await producer.stop()

    async def _read(self, topic: str, partition: int, start: int | None = None, stop: int | None = None) -> list[Entry]:
        """What is left of a partition between two offsets, by default of all of it."""
        [place] = places(topic, [partition])
        first = (await self._log.earliest([place]))[place]
        end = (await self._log.ends([place]))[place]
        # Beyond the end nothing comes: whoever lost its last records would be waited for.
        start, stop = max(first, start or 0), end if stop is None else min(stop, end)
        return [entry async for entries in self._log.read(place, start, stop) for entry in entries]

    async def _started(self) -> Any:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._servers,
                    client_id="pagesieve-snapshots",
                    acks="all",
                    enable_idempotence=True,
                    max_request_size=MAX_RECORD_BYTES,
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer


def _packed(piece: memoryview) -> tuple[bytes, Chunk, float]:
    """A piece as it is stored, what is to be remembered of it but where, and the CPU that this took, in s."""
    started_s = time.thread_time()
    packed, chunk = checkpoint.pack(piece), checkpoint.chunk_of(piece, 0)
    return packed, chunk, time.thread_time() - started_s
