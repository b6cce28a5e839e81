"""The two agents move records between topics and the core; they decide nothing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import structlog
from aiokafka.errors import KafkaError

from pipeline.core.policy import Policy
from pipeline.log import Entry
from pipeline.stream.engine import Engine
from pipeline.stream.engines import Engines, Revoked
from pipeline.stream.kafka_log import KafkaLog, entry_of, places
from pipeline.stream.normalising import normalised_drafts
from pipeline.stream.outbox import Outbox

logger = structlog.get_logger("pagesieve.worker")

RETRY_S = 2.0


class NormaliseAgent:
    """`alerts.raw` → `alerts`, `alerts.rejected`."""

    def __init__(self, policy: Policy, outbox: Outbox) -> None:
        self._policy = policy
        self._outbox = outbox

    async def run(self, entries: AsyncIterator[Entry]) -> None:
        """Handle `entries` for ever."""
        async for entry in entries:
            drafts = normalised_drafts(entry, self._policy)
            await self._outbox.put(drafts, entry.topic, entry.partition, entry.offset + 1)


class TriageAgent:
    """`alerts` → `decisions`, `incidents`, `pages`, by the engine of each partition."""

    def __init__(self, engines: Engines, outbox: Outbox, log: KafkaLog) -> None:
        self._engines = engines
        self._outbox = outbox
        self._log = log

    async def run(self, entries: AsyncIterator[Entry]) -> None:
        """Handle `entries` for ever."""
        async for entry in entries:
            try:
                await self._handle_patiently(entry)
            except Revoked:
                logger.info("left to the next holder", partition=entry.partition, offset=entry.offset)

    async def _handle_patiently(self, entry: Entry) -> None:
        """Handle `entry`, again and again while the log cannot be read for its engine; what is applied stays applied.

        A send that fails is another matter: it raises no KafkaError, and ends the worker.
        """
        while True:
            try:
                await self._handle(entry)
            except KafkaError as exc:
                logger.warning("the log cannot be read; alerts wait", partition=entry.partition, why=repr(exc))
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def _handle(self, entry: Entry) -> None:
        engine = await self._engines.of(entry.partition)
        if entry.offset < engine.next_offset:
            return  # applied already: the position went back to what was committed
        if entry.offset > engine.next_offset:
            await self._catch_up(engine, entry)
        await self._apply(engine, entry)

    async def _catch_up(self, engine: Engine, entry: Entry) -> None:
        """Apply what the stream skipped, so that no gap in what Faust hands on can become a gap in what is decided."""
        [place] = places(entry.topic, [entry.partition])
        records = 0
        async for missed in self._log.read(place, engine.next_offset, entry.offset):
            for one in missed:
                await self._apply(engine, one)
            records += len(missed)
        if records:
            logger.warning("caught up", partition=entry.partition, offset=entry.offset, records=records)

    async def _apply(self, engine: Engine, entry: Entry) -> None:
        await self._outbox.put(engine.step([entry]), entry.topic, entry.partition, entry.offset + 1)


async def entries_of(stream: Any) -> AsyncIterator[Entry]:
    """The records of a Faust stream as the log's entries."""
    async for event in stream.events():
        yield entry_of(event.message)
