"""What Faust hands on waits here, shortly and bounded, for an agent that takes all of it at once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from pipeline.log import Entry

Batch = Sequence[Entry]  # of one partition, in order, never empty
MOST_BATCHES = 4  # beside those that Faust holds: one of each partition, as long as they are small
ROUND_RECORDS, ROUND_BYTES = 500, 4 * 1024 * 1024  # no further batch joins a round that has so many


class Inbox:
    """The batches of one topic."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Batch] = asyncio.Queue(MOST_BATCHES)

    async def fill(self, stream: Any) -> None:
        """Take what each event of a Faust stream brings behind our transport, for ever; wait where there is no room."""
        async for event in stream.events():
            await self._waiting.put(event.message.value)

    async def rounds(self) -> AsyncIterator[list[Batch]]:
        """What waits, in the order in which it came, never nothing."""
        while True:
            batches = [await self._waiting.get()]
            records, size = len(batches[0]), _size(batches[0])
            while records < ROUND_RECORDS and size < ROUND_BYTES and not self._waiting.empty():
                batches.append(self._waiting.get_nowait())
                records, size = records + len(batches[-1]), size + _size(batches[-1])
            yield batches

    def forget(self) -> None:
        """Another member may hold the partitions now; whoever does reads them again from what is committed."""
        while not self._waiting.empty():
            self._waiting.get_nowait()


def _size(batch: Batch) -> int:
    return sum([len(entry.value) for entry in batch])
