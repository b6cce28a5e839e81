"""The engines of the partitions that this worker holds; each is rebuilt from the log, never handed over."""

import asyncio
import time

import structlog

from pipeline.core.policy import Policy
from pipeline.errors import Fault
from pipeline.stream.engine import Engine
from pipeline.stream.kafka_log import KafkaLog, places
from schemas.topics import ALERTS

logger = structlog.get_logger("pagesieve.triage")

CHUNK = 50  # records stepped between two looks at the event loop; a few milliseconds


class Revoked(Exception):  # a fact about the group, not an error
    """The group deals its partitions anew; whoever held one stops working on it."""


class Engines:
    """One engine for every partition of `alerts` that is held.

    Rebuilding reads a partition from its start up to what the group has committed: of all that stands before, the
    outputs are durable, so only the state is needed. So a restarted worker continues as one that never died.
    """

    def __init__(self, policy: Policy, log: KafkaLog) -> None:
        self._policy = policy
        self._log = log
        self._engines: dict[int, Engine] = {}
        self._deal = 0
        self._rebuilding = asyncio.Lock()

    def held(self, partition: int) -> Engine | None:
        """The engine of `partition` if it is rebuilt already."""
        return self._engines.get(partition)

    def drop(self) -> None:
        """Forget all: the group deals its partitions anew."""
        self._engines.clear()
        self._deal += 1

    async def of(self, partition: int) -> Engine:
        """The engine of `partition`, rebuilt first if need be. Raises Revoked, and KafkaError if the log fails."""
        async with self._rebuilding:
            engine = self._engines.get(partition)
            if engine is None:
                deal = self._deal
                engine = await self._rebuild(partition, deal)
                self._check(deal)
                self._engines[partition] = engine
            return engine

    async def _rebuild(self, partition: int, deal: int) -> Engine:
        started_s = time.monotonic()
        first, stop = await self._extent(partition)
        engine = Engine(partition, self._policy, next_offset=first)
        records = 0
        async for entries in self._log.read(places(ALERTS.name, [partition])[0], first, stop):
            for start in range(0, len(entries), CHUNK):
                engine.absorb(entries[start : start + CHUNK])
                await asyncio.sleep(0)  # heartbeats and the other agents
                self._check(deal)
            records += len(entries)
        engine.next_offset = max(engine.next_offset, stop)
        seconds = round(time.monotonic() - started_s, 3)
        logger.info("engine rebuilt", partition=partition, records=records, next_offset=stop, seconds=seconds)
        return engine

    async def _extent(self, partition: int) -> tuple[int, int]:
        """From where to where a rebuild reads: the first record that is left, and what the group has committed."""
        [place] = places(ALERTS.name, [partition])
        # In this order: a worker that stalls between two questions must not see more committed than there was.
        committed = (await self._log.committed([place]))[place]
        first = (await self._log.earliest([place]))[place]
        end = (await self._log.ends([place]))[place]
        if committed is not None and committed > end:
            raise Fault(f"the group has committed {committed} of {ALERTS.name}[{partition}], which ends at {end}")
        if first > 0:
            logger.warning(
                "the log does not begin at its beginning: what stood before was removed by retention, so incidents "
                "opened then are unknown now; they will not resolve, and alerts that still fire may page again",
                partition=partition,
                earliest_offset=first,
            )
        if committed is not None and committed < first:
            logger.error(
                "LOST: retention removed records that were never triaged",
                partition=partition,
                records=first - committed,
            )
        return first, max(first, committed or 0)

    def _check(self, deal: int) -> None:
        if deal != self._deal:
            raise Revoked
