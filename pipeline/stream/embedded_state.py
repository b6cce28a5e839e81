"""The state of the embedded worker: kept in the log's own file, and found again at the start."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import structlog

from pipeline import metrics
from pipeline.core.learned import NOTHING, Learned
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from pipeline.errors import Fault, Retryable
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.embedded_tables import PARTITION
from pipeline.stream.aside import State, Taker
from pipeline.stream.cadence import Cadence, Pace
from pipeline.stream.checkpoint import Taken, frame, migration, refusal, size_of, unframe
from pipeline.stream.engine import Engine
from schemas import Snapshot
from schemas.topics import ALERTS, SILENCES

logger = structlog.get_logger("pagesieve.worker")

NAMES = ("triage", "triage/1")  # they take turns, so that one that is damaged has another before it
REPLAYED_AT_ONCE = 500


class EmbeddedState:
    """Keeps the state of an engine at its pace, beside what it does."""

    def __init__(self, log: EmbeddedLog, engine: Engine, pace: Pace, kept: Snapshot | None) -> None:
        self._log = log
        self._engine = engine
        self._slot = 0 if kept is None else kept.slot
        self._cadence = Cadence(pace, 0 if kept is None else kept.next_offset, time.monotonic())
        self._taker = Taker(0 if kept is None else size_of(kept))
        self._writing: asyncio.Task[None] | None = None

    async def keep_first(self) -> None:
        """Keep the state before anything is decided on it, where there is no snapshot: it says which policy decides.

        One that cannot be written is no reason to leave alerts waiting. Without it, who starts again under another
        policy before there is a snapshot takes that one for the one that decided.
        """
        await self._keep(is_last=True)

    def keep_if_due(self) -> None:
        """Call where all that the engine has led to is durable. The state is taken here, and written meanwhile."""
        if self._writing is not None and not self._writing.done():
            return
        if self._cadence.wait_s(self._engine.next_offset, time.monotonic()) == 0:
            self._writing = asyncio.create_task(self._keep())

    async def keep_at_last(self) -> None:
        """Keep it now, so that the next start is quick."""
        if self._writing is not None:
            await self._writing
        if self._engine.next_offset > self._cadence.next_offset:
            await self._keep(is_last=True)

    def _keep(self, *, is_last: bool = False) -> Coroutine[Any, Any, None]:
        """Take the state now; what is returned writes it."""
        started_s = time.monotonic()
        try:
            state = self._taker.take(self._engine.snapshot, is_last=is_last)
        except Exception:
            # Alerts go on being decided; only the next start takes longer, and the log says why.
            logger.exception("fault: no snapshot can be taken")
            metrics.FAULTS.labels("snapshot").inc()
            self._cadence.tried(time.monotonic(), time.monotonic() - started_s)
            return asyncio.sleep(0)
        metrics.SNAPSHOT_SECONDS.observe(time.monotonic() - started_s)
        at_ms, policy = time.time_ns() // 1_000_000, self._engine.policy.name
        taken = Taken(PARTITION, self._engine.next_offset, b"", at_ms, policy)
        return self._write(taken, state, started_s)

    async def _write(self, taken: Taken, state: "asyncio.Future[State]", started_s: float) -> None:
        slot = (self._slot + 1) % len(NAMES)
        try:
            taken = taken._replace(state=await state)
            started_s = time.monotonic() - self._taker.cost_s
            value = await asyncio.to_thread(frame, taken, slot)
            await self._log.keep_snapshot(NAMES[slot], value)
        except (Retryable, Fault) as exc:
            metrics.SNAPSHOTS_FAILED.inc()
            logger.warning("no snapshot is written: a restart reads more of the log", why=str(exc))
            self._cadence.tried(time.monotonic(), time.monotonic() - started_s)
            return
        self._slot = slot
        self._cadence.done(taken.next_offset, time.monotonic(), time.monotonic() - started_s)
        metrics.SNAPSHOTS.inc()
        metrics.SNAPSHOT_BYTES.labels(str(PARTITION)).set(len(taken.state))
        metrics.SNAPSHOT_AT.labels(str(PARTITION)).set(taken.at_ms / 1000)


async def restored(
    log: EmbeddedLog, policy: Policy, cursor: int, learned: Learned = NOTHING
) -> tuple[Engine, Snapshot | None]:
    """The engine as it stood when the cursor was committed: a snapshot, and what came after it without its outputs.

    And the snapshot that it is of, if one was usable.
    """
    started_s = time.monotonic()
    engine, kept = await _newest(log, policy, cursor, learned)
    since, replayed = engine.next_offset, 0
    while engine.next_offset < cursor:
        wanted = engine.next_offset
        entries, next_offset = await log.read(ALERTS.name, range(wanted, cursor), REPLAYED_AT_ONCE)
        first = entries[0].offset if entries else next_offset
        if first > wanted:
            logger.error(
                "retention removed records that the state needs: what happened in them is unknown now; incidents "
                "opened then will not resolve, and alerts that still fire may page again",
                offset=wanted,
                records=first - wanted,
            )
            if engine.watermark_ms() is None:
                before_ms = entries[0].timestamp_ms if entries else time.time_ns() // 1_000_000
                silences = await log.read(SILENCES.name, range(log.end(SILENCES.name)), None)
                engine.hear_silences(silences.entries, before_ms)
        engine.absorb(entries)
        engine.next_offset = next_offset
        replayed += len(entries)
        await asyncio.sleep(0)
    logger.info(
        "state restored",
        snapshot_offset=since if kept else None,
        records=replayed,
        cursor=cursor,
        seconds=round(time.monotonic() - started_s, 3),
    )
    return engine, kept


async def _newest(log: EmbeddedLog, policy: Policy, cursor: int, learned: Learned) -> tuple[Engine, Snapshot | None]:
    found: list[tuple[Snapshot, bytes]] = []
    for name in NAMES:
        if (value := await log.load_snapshot(name)) is not None:
            try:
                found.append(await asyncio.to_thread(unframe, value))
            except ValueError as exc:
                _refuse(str(exc))
    for snapshot, state in sorted(found, key=lambda one: one[0].next_offset, reverse=True):
        # The cursor, not the end, is the bound: a snapshot is never ahead of what was committed before it.
        why = refusal(snapshot, PARTITION, cursor)
        if why is None:
            try:
                engine = await Engine.restored(PARTITION, state, snapshot, learned)
            except ValueError as exc:
                why = str(exc)
            else:
                if (changes := migration(snapshot)) is not None:
                    logger.warning("the state goes on under something else", changes=changes)
                return engine, snapshot
        _refuse(why)
    if cursor > 0:
        logger.warning("no snapshot: the whole log is read", records=cursor)
    return Engine(PARTITION, policy, Triage(policy, learned)), None


def _refuse(why: str) -> None:
    metrics.SNAPSHOTS_UNUSABLE.inc()
    logger.warning("a snapshot is unusable: the one before it, or the log, takes its place", why=why[:500])
