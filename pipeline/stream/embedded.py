"""The embedded worker: what a record leads to, and that it was read, become durable in one transaction or not at all.

So nothing is repeated and nothing lost, whenever the process is killed; the state is that of a snapshot plus the rest
of the log up to the cursor.
"""

import asyncio
import time
from collections.abc import Sequence

import structlog

from pipeline import metrics
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from pipeline.errors import Retryable
from pipeline.log import Draft, Entry
from pipeline.log.backlog import size_of
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.embedded_reader import EmbeddedReader
from pipeline.stream.drafts import tick_draft
from pipeline.stream.engine import Engine
from pipeline.stream.normalising import normalised_drafts
from pipeline.stream.tick_law import TickLaw
from schemas.topics import ALERTS, RAW

logger = structlog.get_logger("pagesieve.worker")

GROUP = "pagesieve"
SNAPSHOT = "triage"
PARTITION = 0  # the only one of every topic of the embedded log
TICK_EVERY_S = 1.0
SNAPSHOT_RECORDS = 5000  # a restart replays fewer, a fraction of a second
SNAPSHOT_EVERY_S = 600.0  # far within the retention of `alerts`, so that the rest of the log is always there
TRANSACTION_BYTES = 4 * 1024 * 1024
RETRY_S, SAY_EVERY_S = 0.5, 10.0
REPLAYED_AT_ONCE = 500


async def run_embedded(log: EmbeddedLog, policy: Policy, stop: asyncio.Event) -> None:
    """Normalise, triage and tick on `log` until `stop`; then store a snapshot, so that the next start is quick.

    Continues where the last process stopped, however it ended. While the log cannot be written it waits and says so.
    """
    reader = await log.reader(GROUP, (RAW.name, ALERTS.name))
    try:
        engine = await _restored(log, policy, reader.next_offset(ALERTS.name))
        worker = _EmbeddedWorker(log, policy, engine, reader)
        await worker.run(stop)
    finally:
        await reader.close()


class _EmbeddedWorker:
    """Handles one batch after the other; between two of them everything is durable."""

    def __init__(self, log: EmbeddedLog, policy: Policy, engine: Engine, reader: EmbeddedReader) -> None:
        self._log = log
        self._policy = policy
        self._engine = engine
        self._reader = reader
        self._normalised = reader.next_offset(RAW.name)
        self._law = TickLaw()
        self._tick_read_at = 0  # the offset of `alerts` behind the last tick
        self._ticked_s = 0.0
        self._stored = engine.next_offset
        self._stored_s = time.monotonic()

    async def run(self, stop: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                for_entries = asyncio.create_task(self._reader.poll(self._until_tick_s()))
                await asyncio.wait((for_entries, stopped), return_when=asyncio.FIRST_COMPLETED)
                if not for_entries.done():
                    for_entries.cancel()
                    break
                await self._handle(await _answer(for_entries))
                if self._until_tick_s() <= 0:
                    await self._tick()
        finally:
            stopped.cancel()
        await self._commit([], {}, is_last=True)

    async def _handle(self, entries: Sequence[Entry]) -> None:
        """Handle entries of one topic, in transactions of a bounded size."""
        drafts: list[Draft] = []
        size = 0
        for entry in entries:
            if entry.topic == RAW.name:
                new = normalised_drafts(entry, self._policy)
                self._normalised = entry.offset + 1
            else:
                new = self._engine.step([entry])
            drafts += new
            size += sum(size_of(draft) for draft in new)
            if size > TRANSACTION_BYTES or entry is entries[-1]:
                await self._commit(drafts, {(entry.topic, PARTITION): entry.offset + 1})
                drafts, size = [], 0
            else:
                await asyncio.sleep(0)  # the gateway lives in the same loop

    async def _commit(
        self, drafts: Sequence[Draft], next_offsets: dict[tuple[str, int], int], *, is_last: bool = False
    ) -> None:
        """Make all of it durable, however long it takes: the engine has moved already and cannot step back."""
        snapshot = self._due_snapshot(is_last=is_last)
        if not (drafts or next_offsets or snapshot):
            return
        said_s = -SAY_EVERY_S
        while True:
            try:
                await self._log.append_and_commit(drafts, GROUP, next_offsets, snapshot)
            except Retryable as exc:
                if is_last:
                    logger.warning("no snapshot is stored: the next start replays more", why=str(exc))
                    return
                if time.monotonic() - said_s >= SAY_EVERY_S:
                    said_s = time.monotonic()
                    logger.warning("the log cannot be written; alerts wait", why=str(exc))
                await asyncio.sleep(RETRY_S)
            else:
                break
        if snapshot:
            self._stored, self._stored_s = self._engine.next_offset, time.monotonic()

    def _due_snapshot(self, *, is_last: bool) -> tuple[str, bytes] | None:
        unstored = self._engine.next_offset - self._stored
        is_due = is_last or unstored >= SNAPSHOT_RECORDS or time.monotonic() - self._stored_s >= SNAPSHOT_EVERY_S
        if not unstored or not is_due:
            return None
        return SNAPSHOT, b"%d\n%s" % (self._engine.next_offset, self._engine.snapshot())

    def _until_tick_s(self) -> float:
        return max(0.0, self._ticked_s + TICK_EVERY_S - time.monotonic())

    async def _tick(self) -> None:
        """Tell the time, if it may change something and everything received by then is normalised."""
        self._ticked_s = time.monotonic()
        now_ms = time.time_ns() // 1_000_000
        raw_end = self._log.end(RAW.name)
        self._law.sample(now_ms, {PARTITION: raw_end})
        tellable_ms = self._law.tellable_ms({PARTITION: self._normalised})
        self._tell(now_ms, tellable_ms, raw_end)
        has_read_the_last = self._engine.next_offset >= self._tick_read_at
        if tellable_ms is None or not self._engine.is_due(tellable_ms) or not has_read_the_last:
            return
        try:
            await self._log.append([tick_draft(tellable_ms, PARTITION)])
        except Retryable as exc:
            logger.warning("time waits: the log cannot be written", why=str(exc))
            return
        self._tick_read_at = self._log.end(ALERTS.name)
        metrics.TRIAGE_TICKS.inc()

    def _tell(self, now_ms: int, tellable_ms: int | None, raw_end: int) -> None:
        metrics.TIME_BEHIND.set((now_ms - tellable_ms) / 1000 if tellable_ms is not None else float("nan"))
        metrics.WORKER_READY.set(1)
        metrics.WORKER_LAG.labels(RAW.name).set(raw_end - self._normalised)
        metrics.WORKER_LAG.labels(ALERTS.name).set(self._log.end(ALERTS.name) - self._engine.next_offset)
        watermark_ms = self._engine.watermark_ms()
        if watermark_ms is not None:
            metrics.TRIAGE_WATERMARK.labels(str(PARTITION)).set(watermark_ms / 1000)


async def _answer(for_entries: "asyncio.Task[list[Entry]]") -> list[Entry]:
    try:
        return await for_entries
    except Retryable as exc:
        logger.warning("the log cannot be read; alerts wait", why=str(exc))
        await asyncio.sleep(RETRY_S)
        return []


async def _restored(log: EmbeddedLog, policy: Policy, cursor: int) -> Engine:
    """The engine as it stood when the cursor was committed: a snapshot, and what came after it without its outputs."""
    started_s = time.monotonic()
    engine = _from_snapshot(await log.load_snapshot(SNAPSHOT), policy, cursor)
    snapshot_offset, replayed = engine.next_offset, 0
    while engine.next_offset < cursor:
        wanted = engine.next_offset
        entries, next_offset = await log.read(ALERTS.name, range(wanted, cursor), REPLAYED_AT_ONCE)
        first = entries[0].offset if entries else next_offset
        if first > wanted:
            logger.warning(
                "records between the snapshot and the cursor are gone: incidents opened then are unknown now; they "
                "will not resolve, and alerts that still fire may page again",
                offset=wanted,
                records=first - wanted,
            )
        engine.absorb(entries)
        engine.next_offset = next_offset
        replayed += len(entries)
        await asyncio.sleep(0)
    seconds = round(time.monotonic() - started_s, 3)
    logger.info("state restored", snapshot_offset=snapshot_offset, records=replayed, cursor=cursor, seconds=seconds)
    return engine


def _from_snapshot(stored: bytes | None, policy: Policy, cursor: int) -> Engine:
    if stored is None:
        return Engine(PARTITION, policy)
    offset, _, state = stored.partition(b"\n")
    try:
        next_offset = int(offset)
        if next_offset > cursor:
            raise ValueError(f"it stands at {next_offset}, beyond the cursor {cursor}")  # noqa: TRY301  # one way out
        return Engine(PARTITION, policy, Triage.restore(policy, state), next_offset)
    except ValueError as exc:
        logger.warning("the snapshot is unusable: the whole log is replayed instead", why=str(exc)[:500])
        return Engine(PARTITION, policy)
