"""The two agents move records between topics and the core, in rounds of batches; they decide nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import structlog
from aiokafka.errors import KafkaError

from pipeline import metrics
from pipeline.codec import decode_alerts
from pipeline.core.policy import Policy
from pipeline.log import Draft, Entry
from pipeline.normalise.normaliser import Normaliser
from pipeline.stream.engine import Recall, may_take_long
from pipeline.stream.engines import Engines, Revoked
from pipeline.stream.inbox import Batch, Inbox
from pipeline.stream.kafka_log import KafkaLog, places
from pipeline.stream.normalising import normalised_drafts
from pipeline.stream.outbox import Checkpoint, Outbox
from pipeline.stream.remembered import Remembered

logger = structlog.get_logger("pagesieve.worker")

RETRY_S = 2.0


class Step(NamedTuple):
    """How a partition's entries are handled: from which offset on, and what they lead to."""

    next_offset: int
    drafts_of: Callable[[Batch], Awaitable[list[Draft]]]


class NormaliseAgent:
    """`alerts.raw` → `alerts`, `alerts.rejected`."""

    def __init__(self, policy: Policy, inbox: Inbox, outbox: Outbox, log: KafkaLog, remembered: Remembered) -> None:
        self._normaliser = Normaliser(policy)
        self._remembered = remembered
        self._rounds = _Rounds(inbox, outbox, log, self._step)
        self._log = log
        self._next: dict[int, int] = {}

    async def run(self) -> None:
        """Handle what comes in for ever."""
        await self._rounds.run()

    def forget(self) -> None:
        """The group deals its partitions anew: another member may have gone on."""
        self._next = {}

    async def _step(self, partition: int, topic: str) -> Step:
        known = self._next
        if partition not in known:
            known[partition] = await self._start(partition, topic)

        async def drafts_of(batch: Batch) -> list[Draft]:
            known[partition] = batch[-1].offset + 1
            with _counted("normalise"):
                return normalised_drafts(batch, self._normaliser, self._remembered)

        return Step(known[partition], drafts_of)

    async def _start(self, partition: int, topic: str) -> int:
        """Where the group stands in the partition; at its beginning, if it has not finished anything."""
        [place] = places(topic, [partition])
        committed = (await self._log.committed([place]))[place]
        earliest = (await self._log.earliest([place]))[place]
        return max(earliest, committed or 0)


class TriageAgent:
    """`alerts` → `decisions`, `incidents`, `pages`, by the engine of each partition."""

    def __init__(self, engines: Engines, inbox: Inbox, outbox: Outbox, log: KafkaLog, remembered: Remembered) -> None:
        self._engines = engines
        self._recall = remembered.recall
        self._rounds = _Rounds(inbox, outbox, log, self._step, engines.checkpoint)

    async def run(self) -> None:
        """Handle what comes in for ever."""
        await self._rounds.run()

    async def _step(self, partition: int, _: str) -> Step:
        engine = await self._engines.of(partition)

        def stepped(batch: Batch, recall: Recall) -> list[Draft]:
            with _counted("triage"):
                return engine.step(batch, recall)

        async def drafts_of(batch: Batch) -> list[Draft]:
            if may_take_long(batch):
                return await engine.aside(partial(stepped, batch, decode_alerts))
            return stepped(batch, self._recall)

        return Step(engine.next_offset, drafts_of)


class _Rounds:
    """Takes what waits in the inbox together, so that many small batches cost one round trip to the broker."""

    def __init__(
        self,
        inbox: Inbox,
        outbox: Outbox,
        log: KafkaLog,
        step: Callable[[int, str], Awaitable[Step]],
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._log = log
        self._step = step
        self._checkpoint = checkpoint
        self._drafts: list[Draft] = []
        self._next_offsets: dict[tuple[str, int], int] = {}

    async def run(self) -> None:
        async for batches in self._inbox.rounds():
            for batch in batches:
                try:
                    step = await self._in_sequence(batch)
                except Revoked:
                    logger.info("left to the next holder", partition=batch[0].partition, offset=batch[0].offset)
                else:
                    # Applied already where the position went back to what was committed.
                    await self._take(step, [entry for entry in batch if entry.offset >= step.next_offset])
            await self._deliver()

    async def _take(self, step: Step, batch: Batch) -> None:
        if batch:
            self._drafts += await step.drafts_of(batch)
            self._next_offsets[batch[0].topic, batch[0].partition] = batch[-1].offset + 1

    async def _deliver(self) -> None:
        drafts, self._drafts = self._drafts, []
        next_offsets, self._next_offsets = self._next_offsets, {}
        await self._outbox.deliver(drafts, next_offsets, self._checkpoint)

    async def _in_sequence(self, batch: Batch) -> Step:
        """How to go on with `batch`, after what the stream skipped: no gap in what Faust hands on is a loss.

        Tries again while the log cannot be read; what is applied stays applied. A send that fails is another matter: it
        ends the worker before its error comes this far. Raises Revoked.
        """
        first = batch[0]
        while True:
            try:
                step = await self._step(first.partition, first.topic)
                if step.next_offset < first.offset:
                    await self._catch_up(step, first)
                    # Offsets may be missing for good (transactions, compaction): nothing is left to be read before it.
                    step = step._replace(next_offset=first.offset)
            except KafkaError as exc:
                logger.warning("the log cannot be read; alerts wait", partition=first.partition, why=repr(exc))
                await asyncio.sleep(RETRY_S)
            else:
                return step

    async def _catch_up(self, step: Step, first: Entry) -> None:
        [place] = places(first.topic, [first.partition])
        async for missed in self._log.read(place, step.next_offset, first.offset):
            logger.warning("caught up", topic=place.topic, partition=place.partition, records=len(missed))
            await self._take(step, missed)
            await self._deliver()  # with what was taken before it, in order; and no more than a piece is in memory


@contextmanager
def _counted(stage: str) -> Iterator[None]:
    """Count the CPU of what stands in the block, which must not await."""
    started_s = time.thread_time()
    yield
    metrics.WORKER_CPU.labels(stage).inc(time.thread_time() - started_s)
