"""The embedded worker: what a record leads to, and that it was read, become durable in one transaction or not at all.

So nothing is repeated and nothing lost, whenever the process is killed; the state is that of a snapshot plus the rest
of the log up to the cursor.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from functools import partial

import structlog

from pipeline import metrics
from pipeline.core.learned import NOTHING, Learned
from pipeline.core.policy import Policy
from pipeline.errors import Retryable
from pipeline.log import Draft, Entry
from pipeline.log.backlog import size_of
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.embedded_reader import EmbeddedReader
from pipeline.log.embedded_tables import PARTITION
from pipeline.normalise.normaliser import Normaliser
from pipeline.stream.cadence import Pace
from pipeline.stream.drafts import control_draft, tick_draft
from pipeline.stream.embedded_state import EmbeddedState, restored
from pipeline.stream.engine import Engine, Rules, may_take_long
from pipeline.stream.normalising import normalised_drafts
from pipeline.stream.remembered import Remembered
from pipeline.stream.tick_law import TickLaw
from schemas.topics import ALERTS, RAW

logger = structlog.get_logger("pagesieve.worker")

GROUP = "pagesieve"
TICK_EVERY_S = 1.0
TRANSACTION_BYTES = 4 * 1024 * 1024
RUN_RECORDS, RUN_BYTES = 50, 64 * 1024  # handled at once: a few milliseconds, in which the gateway does not answer
RETRY_S, SAY_EVERY_S = 0.5, 10.0


async def run_embedded(  # the log, the rules, and how long and how often
    log: EmbeddedLog,
    policy: Policy,
    stop: asyncio.Event,
    pace: Pace | None = None,
    learned: Learned = NOTHING,
) -> None:
    """Normalise, triage and tick on `log` until `stop`; then store a snapshot, so that the next start is quick.

    Continues where the last process stopped, however it ended. While the log cannot be written it waits and says so.
    """
    reader = await log.reader(GROUP, (RAW.name, ALERTS.name))
    try:
        engine, kept = await restored(log, policy, reader.next_offset(ALERTS.name), learned)
        state = EmbeddedState(log, engine, pace or Pace(), kept)
        if kept is None:
            await state.keep_first()
        worker = _EmbeddedWorker(log, Rules(policy, learned), reader, engine, state)
        await worker.run(stop)
    finally:
        await reader.close()


class _EmbeddedWorker:
    """Handles one batch after the other; between two of them everything is durable."""

    def __init__(
        self, log: EmbeddedLog, rules: Rules, reader: EmbeddedReader, engine: Engine, state: EmbeddedState
    ) -> None:
        self._log = log
        self._state = state
        self._normaliser = Normaliser(rules.policy)
        self._remembered = Remembered()
        self._engine = engine
        self._reader = reader
        self._normalised = reader.next_offset(RAW.name)
        self._law = TickLaw()
        self._tick_read_at = 0  # the offset of `alerts` behind the last tick
        self._ticked_s = 0.0
        self._rules = rules
        self._rules_read_at = 0  # likewise behind the last control by which it decides

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
                self._state.keep_if_due()
                if self._until_tick_s() <= 0:
                    await self._tick()
        finally:
            stopped.cancel()
        await self._state.keep_at_last()

    async def _handle(self, entries: Sequence[Entry]) -> None:
        """Handle entries of one topic, in transactions of a bounded size."""
        drafts: list[Draft] = []
        size = 0
        for run in _runs(entries):
            last = run[-1]
            if last.topic == RAW.name:
                new = normalised_drafts(run, self._normaliser, self._remembered)
                self._normalised = last.offset + 1
            else:
                new = await self._step(run)
            drafts += new
            size += sum(size_of(draft) for draft in new)
            if size > TRANSACTION_BYTES or last is entries[-1]:
                await self._commit(drafts, {(last.topic, PARTITION): last.offset + 1})
                drafts, size = [], 0
            else:
                await asyncio.sleep(0)  # the gateway lives in the same loop

    async def _step(self, run: Sequence[Entry]) -> list[Draft]:
        if may_take_long(run):  # the gateway lives in the same loop
            return await self._engine.aside(partial(self._engine.step, run))
        return self._engine.step(run, self._remembered.recall)

    async def _commit(self, drafts: Sequence[Draft], next_offsets: dict[tuple[str, int], int]) -> None:
        """Make all of it durable, however long it takes: the engine has moved already and cannot step back."""
        said_s = -SAY_EVERY_S
        while True:
            try:
                await self._log.append_and_commit(drafts, GROUP, next_offsets)
            except Retryable as exc:
                if time.monotonic() - said_s >= SAY_EVERY_S:
                    said_s = time.monotonic()
                    logger.warning("the log cannot be written; alerts wait", why=str(exc))
                await asyncio.sleep(RETRY_S)
            else:
                return

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
        try:
            await self._tell_rules()
            await self._tell_time(tellable_ms)
        except Retryable as exc:
            logger.warning("time waits: the log cannot be written", why=str(exc))

    async def _tell_rules(self) -> None:
        """Let our policy and model decide, from the end of the log on, if others do.

        What stands there already is left to those that decided until now, so that whoever reads it once more finds
        the same. A control of a process before us may stand there too: once this one is read, it is told again.
        """
        engine = self._engine
        if engine.next_offset < self._rules_read_at:
            return
        control = engine.control_of(self._rules)
        if control is None:
            return
        await self._log.append([control_draft(control, PARTITION)])
        self._rules_read_at = self._log.end(ALERTS.name)

    async def _tell_time(self, tellable_ms: int | None) -> None:
        has_read_the_last = self._engine.next_offset >= self._tick_read_at
        if tellable_ms is None or not self._engine.is_due(tellable_ms) or not has_read_the_last:
            return
        await self._log.append([tick_draft(tellable_ms, PARTITION)])
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


def _runs(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Cut `entries` where a run has enough records or bytes."""
    start, size = 0, 0
    for end, entry in enumerate(entries, 1):
        size += len(entry.value)
        if size >= RUN_BYTES or end - start == RUN_RECORDS or end == len(entries):
            yield entries[start:end]
            start, size = end, 0


async def _answer(for_entries: "asyncio.Task[list[Entry]]") -> list[Entry]:
    try:
        return await for_entries
    except Retryable as exc:
        logger.warning("the log cannot be read; alerts wait", why=str(exc))
        await asyncio.sleep(RETRY_S)
        return []
