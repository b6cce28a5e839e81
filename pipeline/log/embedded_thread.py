"""One thread writes the embedded log: whatever waits while it commits goes into its next transaction."""

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.errors import Fault, Retryable
from pipeline.log.embedded_file import LogFile
from pipeline.log.embedded_tables import EXPIRED_AT_ONCE, Row, Tables

GROUP_BYTES = 8 * 1024 * 1024  # of one transaction; a single job may be larger
EXPIRE_EVERY_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Job:
    """What one caller wants done, all or nothing, and the future that tells."""

    done: asyncio.Future[None]
    size: int = 0
    rows: Sequence[Row] = ()
    group: str = ""
    next_offsets: Mapping[str, int] = field(default_factory=dict)
    snapshot: tuple[str, bytes] | None = None


Settle = Callable[[Sequence[Job], Exception | None, Mapping[str, int]], None]


class WritingThread:
    """Runs jobs in order. `settle` is called in the event loop with a group's jobs, its error, and the topics' ends."""

    def __init__(self, file: LogFile, settle: Settle) -> None:
        self._connection = file.writing
        self.tables = Tables(self._connection)
        self._settle = settle
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Job] = deque()
        self._wakes = threading.Condition()
        self._is_closing = False
        self._expire_at_s = 0.0  # soon after the start, for what grew old while the program was off
        self._thread = threading.Thread(target=self._run, name="pagesieve-log", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue `job`. Raises Retryable once the log is closing."""
        with self._wakes:
            if self._is_closing:
                raise Retryable("the log is closed")
            self._waiting.append(job)
            self._wakes.notify()

    def close(self) -> None:
        """Write what waits and end the thread. Blocks."""
        with self._wakes:
            self._is_closing = True
            self._wakes.notify()
        self._thread.join()

    def _run(self) -> None:
        while (group := self._take()) is not None:
            error = self._commit(group) if group else None
            self._tell(group, error)
            self._expire_if_due()

    def _take(self) -> list[Job] | None:
        """What waits, up to GROUP_BYTES; empty when it is time to expire; None at the end."""
        with self._wakes:
            if not self._waiting and not self._is_closing:
                self._wakes.wait(timeout=max(0.0, self._expire_at_s - time.monotonic()))
            if not self._waiting:
                return None if self._is_closing else []
            group = [self._waiting.popleft()]
            size = group[0].size
            while self._waiting and size + self._waiting[0].size <= GROUP_BYTES:
                size += self._waiting[0].size
                group.append(self._waiting.popleft())
            return group

    def _commit(self, group: Sequence[Job]) -> Exception | None:
        try:
            with self._transaction():
                for job in group:
                    self.tables.append(job.rows)
                    self.tables.commit_cursors(job.group, job.next_offsets)
                    if job.snapshot is not None:
                        self.tables.store_snapshot(*job.snapshot)
        except sqlite3.Error as exc:
            # Disk full, read-only, an I/O error: nothing of the group is there, and all of it may be tried again.
            return Retryable(f"the log cannot be written: {exc}")
        except Exception as exc:
            # The thread must outlive any error, or every later append would wait for ever.
            _log.exception("the embedded log failed on a transaction")
            return Fault(f"the embedded log failed: {exc!r}")
        return None

    def _expire_if_due(self) -> None:
        if time.monotonic() < self._expire_at_s:
            return
        self._expire_at_s = time.monotonic() + EXPIRE_EVERY_S
        try:
            with self._transaction():
                expired = self.tables.expire(time.time_ns() // 1_000_000)
        except sqlite3.Error as exc:
            _log.warning("old entries could not be deleted: %s", exc)
            return
        if expired >= EXPIRED_AT_ONCE:
            self._expire_at_s = time.monotonic() + 0.1  # more of them may be due; let appends through in between

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # SQLite rolls back by itself after some errors, and then refuses to do it again.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self.tables.reload()
            raise

    def _tell(self, group: Sequence[Job], error: Exception | None) -> None:
        if group:
            # A loop that is closed already has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._settle, group, error, dict(self.tables.ends))
