"""A part at the edge is ready while the log answers; however often it is asked, the log is asked once a second."""

import asyncio
import time

from pipeline.errors import Retryable
from pipeline.log.entry import Writer

FRESH_S = 1.0


class Readiness:
    """Remembers the last answer of the log for FRESH_S."""

    def __init__(self, log: Writer, timeout_s: float) -> None:
        self._log = log
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()
        self._checked_s: float | None = None
        self._trouble: str | None = None

    async def trouble(self) -> str | None:
        """What is wrong with the log, or None if it answers."""
        async with self._lock:
            if self._checked_s is None or time.monotonic() - self._checked_s >= FRESH_S:
                self._trouble = await self._ask()
                self._checked_s = time.monotonic()
            return self._trouble

    async def _ask(self) -> str | None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._log.check()
        except TimeoutError:
            return f"no answer within {self._timeout_s:g} s"
        except Retryable as exc:
            return str(exc)
        return None
