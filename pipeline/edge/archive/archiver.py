"""What was read is written before it is committed, so that a kill at any moment loses nothing (see files.py)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from pipeline.errors import Missing, Retryable
from pipeline.log.entry import Entry, Reader

GROUP = "pagesieve-archive"
POLL_S = 1.0
PATIENCE_S = 5.0  # before a disk or a broker that failed is asked again

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ArchiverOptions:
    """How much is in hand before it becomes a file, for how long at most, and for how many days files are kept."""

    root: Path
    keep_days: int
    every_s: float
    now_ms: Callable[[], int]
    most_bytes: int = 16 * 1024 * 1024  # of the log; records that are read take several times that


async def run_archiver(reader: Reader, stop: asyncio.Event, options: ArchiverOptions) -> None:
    """Archive what `reader` reads until `stop` is set, then what is in hand. The reader remains the caller's."""
    hand = _Hand(reader, options)
    while not stop.is_set():
        try:
            hand.take(await reader.poll(POLL_S, hand.room()))
            if hand.is_due():
                await hand.put_down()
        except (Missing, Retryable) as exc:
            log.warning("the archive waits", why=str(exc))
            await _wait(stop, PATIENCE_S)
    await hand.put_down()


class _Hand:
    """Entries that were read and are not in a file yet, all of one generation of the group."""

    def __init__(self, reader: Reader, options: ArchiverOptions) -> None:
        self._reader, self._options = reader, options
        self._generation = reader.generation
        self._entries: list[Entry] = []
        self._bytes, self._since_ms = 0, options.now_ms()

    def room(self) -> int | None:
        """How many more entries may come: none while what is in hand cannot be written."""
        return 0 if self._bytes >= self._options.most_bytes else None

    def take(self, entries: list[Entry]) -> None:
        """Take more in hand; what was there is dropped if it may be another member's now, who reads it again."""
        if self._reader.generation != self._generation:
            self._generation = self._reader.generation
            self._drop()
        if entries and not self._entries:
            self._since_ms = self._options.now_ms()
        self._entries += entries
        self._bytes += sum(len(entry.value) for entry in entries)

    def is_due(self) -> bool:
        """Whether it should become a file now."""
        age_s = (self._options.now_ms() - self._since_ms) / 1000
        return bool(self._entries) and (self._bytes >= self._options.most_bytes or age_s >= self._options.every_s)

    async def put_down(self) -> None:
        """Write, then commit. Raises Missing and Retryable, and then still holds it all."""
        # pyarrow, only when there is something
        from pipeline.edge.archive.files import forget, write  # noqa: PLC0415 - see above
        from pipeline.edge.archive.gathered import gather  # noqa: PLC0415 - see above

        if not self._entries:
            return
        made = await asyncio.to_thread(write, self._options.root, self._entries)
        next_offsets = {(entry.topic, entry.partition): entry.offset + 1 for entry in self._entries}
        await self._reader.commit(next_offsets)
        removed = await asyncio.to_thread(forget, self._options.root, self._options.keep_days, self._options.now_ms())
        log.info("archived", records=len(self._entries), files=len(made), days_removed=len(removed))
        self._drop()  # it is committed: what fails from here on must not write it again
        await asyncio.to_thread(gather, self._options.root, self._options.now_ms())

    def _drop(self) -> None:
        self._entries, self._bytes = [], 0


async def _wait(stop: asyncio.Event, seconds: float) -> Any:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
