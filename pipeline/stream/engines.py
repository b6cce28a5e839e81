"""The engines of the partitions that this worker holds: a snapshot and the log behind it, never handed over."""

import asyncio
import time
from typing import NamedTuple

import structlog

from pipeline import metrics
from pipeline.core.learned import NOTHING, Learned
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from pipeline.errors import Fault
from pipeline.stream.cadence import Pace
from pipeline.stream.checkpoint import is_of_another_log, migration, refusal
from pipeline.stream.checkpoint_store import SnapshotStore
from pipeline.stream.checkpointing import Checkpoints
from pipeline.stream.drafts import control_draft
from pipeline.stream.engine import Engine, Rules
from pipeline.stream.kafka_log import KafkaLog, places
from schemas import Snapshot
from schemas.topics import ALERTS

logger = structlog.get_logger("pagesieve.triage")

CHUNK = 50  # records stepped between two looks at the event loop; a few milliseconds


class Revoked(Exception):  # a fact about the group, not an error
    """The group deals its partitions anew; whoever held one stops working on it."""


class _Extent(NamedTuple):
    """Of one partition: the first record that is left, what the group has committed, the end."""

    first: int
    committed: int
    end: int


class Engines:
    """One engine for every partition of `alerts` that is held.

    A state is that of the newest snapshot that is whole, and of the log from there up to what the group has committed:
    of all that stands before, the outputs are durable, so only the state is needed. So a restarted worker continues as
    one that never died.
    """

    def __init__(  # the rules, and where a state is kept and how often
        self, policy: Policy, log: KafkaLog, store: SnapshotStore, pace: Pace, learned: Learned = NOTHING
    ) -> None:
        self._rules = Rules(policy, learned)
        self._log = log
        self._store = store
        self._checkpoints = Checkpoints(store, pace)
        self._told: dict[int, int] = {}  # offset of the last control by which our policy decides
        self._engines: dict[int, Engine] = {}
        self._deal = 0
        self._rebuilding = asyncio.Lock()

    def held(self, partition: int) -> Engine | None:
        """The engine of `partition` if it is rebuilt already."""
        return self._engines.get(partition)

    def drop(self) -> None:
        """Forget all: the group deals its partitions anew."""
        self._checkpoints.forget()
        self._engines.clear()
        self._told.clear()
        metrics.TRIAGE_HOTTEST_SCOPE.clear()
        self._deal += 1

    async def close(self) -> None:
        """Forget all, and let the connection go."""
        self.drop()
        await self._store.close()

    async def of(self, partition: int) -> Engine:
        """The engine of `partition`, rebuilt first if need be. Raises Revoked, and KafkaError if the log fails."""
        async with self._rebuilding:
            engine = self._engines.get(partition)
            if engine is None:
                engine = await self._rebuild(partition, self._deal)
            return engine

    async def checkpoint(self, partition: int) -> None:
        """Say that all that the engine of `partition` has led to is durable, and keep its state if that is due.

        Returns at once: the state is taken here, and written beside what comes next.
        """
        self._checkpoints.settled(partition)

    async def keep(self, within_s: float) -> None:
        """Keep every state that has moved, as far as there is time: its next holder reads less of the log."""
        await self._checkpoints.keep(within_s)

    async def kept(self, partition: int) -> None:
        """Return once no snapshot of `partition` is being written."""
        await self._checkpoints.written(partition)

    async def tell_rules(self, engine: Engine) -> None:
        """Let our policy and model decide, from the end of the log on, if others do. Raises KafkaError.

        What stands there already may have led to something, also if nobody committed it: so it is left to those that
        decided until now, and whoever reads it once more finds the same. Another worker's control may stand there
        too, and be read before this one; once this one was read, and another decides still, it is told again.
        """
        if engine.next_offset <= self._told.get(engine.partition, -1):
            return
        control = engine.control_of(self._rules)
        if control is None:
            return
        self._told[engine.partition] = await self._store.tell(control_draft(control, engine.partition))

    async def _rebuild(self, partition: int, deal: int) -> Engine:
        started_s = time.monotonic()
        extent = await self._extent(partition)
        engine, kept = await self._restored(partition, extent)
        since, stop = engine.next_offset, max(extent.first, extent.committed)
        records = 0
        is_cut = extent.first > (since if kept else 0)
        if is_cut and engine.watermark_ms() is None:
            await self._hear_silences(engine, extent)
        async for entries in self._log.read(places(ALERTS.name, [partition])[0], max(since, extent.first), stop):
            for start in range(0, len(entries), CHUNK):
                engine.absorb(entries[start : start + CHUNK])
                await asyncio.sleep(0)  # heartbeats and the other agents
                self._check(deal)
            records += len(entries)
        self._check(deal)
        engine.next_offset = max(engine.next_offset, stop)
        await self.tell_rules(engine)
        self._check(deal)
        self._engines[partition] = engine
        self._checkpoints.begin(engine, kept, since)
        if not kept:
            await self._checkpoints.keep_first(partition)
            self._check(deal)
        seconds = round(time.monotonic() - started_s, 3)
        logger.info(
            "engine rebuilt",
            partition=partition,
            snapshot_offset=since if kept else None,
            records=records,
            next_offset=engine.next_offset,
            seconds=seconds,
        )
        return engine

    async def _restored(self, partition: int, extent: _Extent) -> tuple[Engine, list[Snapshot]]:
        """The engine of the newest usable snapshot, and that and all older ones; else one that knows nothing."""
        found = await self._store.find(partition)
        _refuse(partition, found.unreadable, "its record cannot be read")
        for number, snapshot in enumerate(found.snapshots):
            why = refusal(snapshot, partition, extent.end)
            if why is None:
                try:
                    state = await self._store.state(snapshot)
                    engine = await Engine.restored(partition, state, snapshot, self._rules.learned)
                except ValueError as exc:
                    why = str(exc)[:500]
                else:
                    _tell(snapshot, extent)
                    return engine, found.snapshots[number:]
            _refuse(partition, 1, why, next_offset=snapshot.next_offset)
            if is_of_another_log(snapshot, extent.end):
                await self._store.erase(snapshot)
        if extent.first > 0:
            logger.warning(
                "no snapshot, and the log does not begin at its beginning: what stood before was removed by retention, "
                "so incidents opened then are unknown now; they will not resolve, and alerts that still fire may page "
                "again",
                partition=partition,
                earliest_offset=extent.first,
            )
        elif extent.committed > 0:
            logger.warning("no snapshot: the whole log is read", partition=partition, records=extent.committed)
        triage = Triage(*self._rules)
        return Engine(partition, self._rules.policy, triage, next_offset=extent.first), []

    async def _hear_silences(self, engine: Engine, extent: _Extent) -> None:
        """Tell a state that begins in the middle of the log what people had silenced by then."""
        [place] = places(ALERTS.name, [engine.partition])
        before_ms = time.time_ns() // 1_000_000
        if extent.first < extent.end:
            async for entries in self._log.read(place, extent.first, extent.first + 1):
                before_ms = entries[0].timestamp_ms
        engine.hear_silences(await self._store.silences(), before_ms)

    async def _extent(self, partition: int) -> _Extent:
        [place] = places(ALERTS.name, [partition])
        # In this order: a worker that stalls between two questions must not see more committed than there was.
        committed = (await self._log.committed([place]))[place]
        first = (await self._log.earliest([place]))[place]
        end = (await self._log.ends([place]))[place]
        if committed is not None and committed > end:
            raise Fault(f"the group has committed {committed} of {ALERTS.name}[{partition}], which ends at {end}")
        if committed is not None and committed < first:
            logger.error(
                "LOST: retention removed records that were never triaged",
                partition=partition,
                records=first - committed,
            )
        return _Extent(first, committed or 0, end)

    def _check(self, deal: int) -> None:
        if deal != self._deal:
            raise Revoked


def _refuse(partition: int, snapshots: int, why: str, next_offset: int | None = None) -> None:
    if snapshots:
        metrics.SNAPSHOTS_UNUSABLE.inc(snapshots)
        logger.warning(
            "a snapshot is unusable: the one before it, or the log, takes its place",
            partition=partition,
            snapshots=snapshots,
            next_offset=next_offset,
            why=why,
        )


def _tell(snapshot: Snapshot, extent: _Extent) -> None:
    """Say what is not as it was when `snapshot` was taken."""
    if (changes := migration(snapshot)) is not None:
        logger.warning("the state goes on under something else", partition=snapshot.partition, changes=changes)
    if snapshot.next_offset < extent.first:
        logger.error(
            "retention removed records that the snapshot needs: what happened in them is unknown now; incidents opened "
            "then will not resolve, and alerts that still fire may page again",
            partition=snapshot.partition,
            next_offset=snapshot.next_offset,
            records=extent.first - snapshot.next_offset,
        )
