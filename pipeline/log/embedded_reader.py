"""A reader of the embedded log sleeps until something is appended to its topics; it never asks the file in vain."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from pipeline.log.embedded_tables import Slice
from pipeline.log.entry import Entry

POLL_ENTRIES = 1000


class Source(Protocol):
    """What a reader needs of the log."""

    def end(self, topic: str) -> int:
        """The offset that the topic's next entry will have."""
        ...

    async def read(self, topic: str, offsets: range, at_most: int | None) -> Slice:
        """Entries of `topic` within `offsets`; at most so many and, if that is given, POLL_BYTES."""
        ...

    async def append_and_commit(
        self, drafts: tuple[()], group: str, next_offsets: Mapping[tuple[str, int], int]
    ) -> None:
        """Commit the group's position."""
        ...

    def leave(self, group: str) -> None:
        """Forget the reader of `group`."""
        ...


class EmbeddedReader:
    """A `Reader`: the only member of its group."""

    generation = 0  # one member keeps everything for ever

    def __init__(self, source: Source, group: str, positions: Mapping[str, int]) -> None:
        self._source = source
        self._group = group
        self._positions = dict(positions)
        self._appended = asyncio.Event()

    def wake(self) -> None:
        """Say that something was appended to any topic."""
        self._appended.set()

    async def poll(self, timeout_s: float, at_most: int | None = None) -> list[Entry]:
        """See `Reader`."""
        if at_most == 0:
            await asyncio.sleep(timeout_s)
            return []
        limit = POLL_ENTRIES if at_most is None else min(at_most, POLL_ENTRIES)
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        while not (entries := await self._take(limit)):
            try:
                async with asyncio.timeout_at(deadline_s):
                    await self._appended.wait()
            except TimeoutError:
                return []
        return entries

    def next_offset(self, topic: str) -> int:
        """Where it reads on in `topic`; right after it was opened, what the group has committed."""
        return self._positions[topic]

    async def commit(self, next_offsets: Mapping[tuple[str, int], int]) -> None:
        """See `Reader`."""
        await self._source.append_and_commit((), self._group, next_offsets)

    async def read_all(self, topic: str) -> list[Entry]:
        """See `Reader`."""
        return (await self._source.read(topic, range(self._source.end(topic)), None)).entries

    async def close(self) -> None:
        """See `Reader`."""
        self._source.leave(self._group)

    async def _take(self, limit: int) -> list[Entry]:
        """Up to `limit` entries of one topic, or nothing if every topic is read to its end.

        A position moves only when its entries are handed over, with no wait between, so that a caller who is
        cancelled meanwhile loses nothing.
        """
        self._appended.clear()
        for topic in tuple(self._positions):
            offsets = range(self._positions[topic], self._source.end(topic))
            if not offsets:
                continue
            entries, next_offset = await self._source.read(topic, offsets, limit)
            # The topic that was served goes to the end of the queue, so that a busy one does not starve the others.
            del self._positions[topic]
            self._positions[topic] = next_offset
            if entries:
                return entries
        return []
