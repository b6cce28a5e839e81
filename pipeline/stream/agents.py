"""The two agents move records between topics and the core, a batch at a time; they decide nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from aiokafka.errors import KafkaError

from pipeline import metrics
from pipeline.core.policy import Policy
from pipeline.log import Entry
from pipeline.normalise.normaliser import Normaliser
from pipeline.stream.engines import Engines, Revoked
from pipeline.stream.kafka_log import KafkaLog, places
from pipeline.stream.normalising import normalised_drafts
from pipeline.stream.outbox import Outbox

logger = structlog.get_logger("pagesieve.worker")

RETRY_S = 2.0
Batch = Sequence[Entry]  # of one partition, in order, never empty


class NormaliseAgent:
    """`alerts.raw` → `alerts`, `alerts.rejected`."""

    def __init__(self, policy: Policy, outbox: Outbox, log: KafkaLog) -> None:
        self._normaliser = Normaliser(policy)
        self._outbox = outbox
        self._log = log
        self._next: dict[int, int] = {}

    async def run(self, batches: AsyncIterator[Batch]) -> None:
        """Handle `batches` for ever."""
        async for batch in batches:
            await _patiently(self._handle, batch)

    def forget(self) -> None:
        """The group deals its partitions anew: another member may have gone on."""
        self._next = {}

    async def _handle(self, batch: Batch) -> None:
        known = self._next
        partition = batch[0].partition
        if partition not in known:
            known[partition] = await self._start(batch[0])
        async for entries in _in_sequence(self._log, batch, known[partition]):
            with _counted("normalise"):
                drafts = [draft for entry in entries for draft in normalised_drafts(entry, self._normaliser)]
            known[partition] = entries[-1].offset + 1
            await self._outbox.deliver(drafts, entries[-1].topic, partition, known[partition])

    async def _start(self, first: Entry) -> int:
        """Where the group stands in the partition of `first`; at its beginning, if it has not finished anything."""
        [place] = places(first.topic, [first.partition])
        committed = (await self._log.committed([place]))[place]
        earliest = (await self._log.earliest([place]))[place]
        return max(earliest, committed or 0)


class TriageAgent:
    """`alerts` → `decisions`, `incidents`, `pages`, by the engine of each partition."""

    def __init__(self, engines: Engines, outbox: Outbox, log: KafkaLog) -> None:
        self._engines = engines
        self._outbox = outbox
        self._log = log
        self._checkpoint = getattr(engines, "checkpoint", None)

    async def run(self, batches: AsyncIterator[Batch]) -> None:
        """Handle `batches` for ever."""
        async for batch in batches:
            try:
                await _patiently(self._handle, batch)
            except Revoked:
                logger.info("left to the next holder", partition=batch[0].partition, offset=batch[0].offset)

    async def _handle(self, batch: Batch) -> None:
        partition = batch[0].partition
        engine = await self._engines.of(partition)
        async for entries in _in_sequence(self._log, batch, engine.next_offset):
            with _counted("triage"):
                drafts = engine.step(entries)
            await self._outbox.deliver(drafts, entries[-1].topic, partition, engine.next_offset, self._checkpoint)


async def batches_of(stream: Any) -> AsyncIterator[Batch]:
    """What each event of a Faust stream brings behind our transport."""
    async for event in stream.events():
        yield event.message.value


@contextmanager
def _counted(stage: str) -> Iterator[None]:
    """Count the CPU of what stands in the block, which must not await."""
    started_s = time.thread_time()
    yield
    metrics.WORKER_CPU.labels(stage).inc(time.thread_time() - started_s)


async def _patiently(handle: Any, batch: Batch) -> None:
    """Let `batch` be handled, again and again while the log cannot be read; what is applied stays applied.

    A send that fails is another matter: it ends the worker before its error comes this far.
    """
    while True:
        try:
            await handle(batch)
        except KafkaError as exc:
            logger.warning("the log cannot be read; alerts wait", partition=batch[0].partition, why=repr(exc))
            await asyncio.sleep(RETRY_S)
        else:
            return


async def _in_sequence(log: KafkaLog, batch: Batch, next_offset: int) -> AsyncIterator[Batch]:
    """`batch` from `next_offset` on, and before it what the stream skipped: no gap in what Faust hands on is a loss.

    Offsets may be missing for good (transactions, compaction); then there is nothing to be read in between.
    """
    if batch[0].offset > next_offset:
        [place] = places(batch[0].topic, [batch[0].partition])
        async for missed in log.read(place, next_offset, batch[0].offset):
            logger.warning("caught up", topic=place.topic, partition=place.partition, records=len(missed))
            yield missed
    # Applied already where the position went back to what was committed.
    left = batch if batch[0].offset >= next_offset else [entry for entry in batch if entry.offset >= next_offset]
    if left:
        yield left
