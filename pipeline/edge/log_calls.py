"""While the log is away the pager says so, waits and goes on; it never ends because of it."""

import asyncio

import structlog

from pipeline import metrics
from pipeline.edge.courier import LOG_PACE, World
from pipeline.edge.delivery import backoff_ms
from pipeline.edge.pager_health import PagerHealth
from pipeline.edge.progress import Progress
from pipeline.errors import Retryable
from pipeline.log.entry import Entry, Reader
from schemas.topics import DELIVERIES

POLL_S = 0.25
# Each commit holds up the next poll. What went out a restart knows from `pages.delivered`; what is no page may then be
# rejected twice, which readers know by its place.
COMMIT_MS = 250

log = structlog.get_logger(__name__)


class LogCalls:
    """The reader, with what to do when the log is away: say so, wait, go on."""

    def __init__(self, reader: Reader, health: PagerHealth, world: World, stop: asyncio.Event) -> None:
        self._reader = reader
        self._health = health
        self._world = world
        self._stop = stop
        self._failures = 0
        self._committed_at_ms = world.monotonic_ms() - COMMIT_MS

    async def poll(self, at_most: int) -> list[Entry]:
        """The next entries; none while the log is away. A pager that is full only shows that it is there."""
        if at_most == 0:
            await asyncio.sleep(POLL_S)
        try:
            entries = await self._reader.poll(POLL_S if at_most else 0, at_most)
        except Retryable as exc:
            await self._wait(exc)
            return []
        self._answered()
        return entries

    async def commit_in_time(self, progress: Progress, *, is_busy: bool) -> None:
        """Commit what is finished, but while pages come only every COMMIT_MS."""
        now_ms = self._world.monotonic_ms()
        if not is_busy or now_ms - self._committed_at_ms >= COMMIT_MS:
            self._committed_at_ms = now_ms
            await self.commit(progress)

    async def commit(self, progress: Progress) -> None:
        """Commit what is finished; if that fails, the next commit says it again."""
        offsets = progress.committable()
        if not offsets:
            return
        try:
            await self._reader.commit(offsets)
        except Retryable as exc:
            await self._wait(exc)
        else:
            progress.committed(offsets)

    async def deliveries(self) -> list[Entry]:
        """All of `pages.delivered`, however long the log is away. Raises Retryable once it is time to stop."""
        while True:
            try:
                entries = await self._reader.read_all(DELIVERIES.name)
            except Retryable as exc:
                if self._stop.is_set():
                    raise
                await self._wait(exc)
            else:
                self._answered()
                return entries

    def _answered(self) -> None:
        self._failures = 0
        self._health.log_trouble = ""

    async def _wait(self, exc: Retryable) -> None:
        self._failures += 1
        self._health.log_trouble = str(exc)
        metrics.PAGER_LOG_RETRIES.inc()
        log.warning("the log does not answer", reason=str(exc), failures=self._failures)
        await asyncio.sleep(backoff_ms(self._failures, LOG_PACE, self._world.random()) / 1000)
