"""An offset is committed only after everything written for it, and for all before it, is durable."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from pipeline.log import Draft

# Records on their way at once. What waits for a send is bounded by aiokafka: one batch a partition.
IN_FLIGHT = 500

Send = Callable[[Draft], Awaitable["asyncio.Future[Any]"]]


class _Sent(NamedTuple):
    topic: str
    partition: int
    next_offset: int
    futures: list["asyncio.Future[Any]"]


class Outbox:
    """Sends what records led to, and knows up to which offset of each partition that is durable."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._sent: asyncio.Queue[_Sent] = asyncio.Queue(IN_FLIGHT)
        self._durable: dict[tuple[str, int], int] = {}

    async def put(self, drafts: Sequence[Draft], topic: str, partition: int, next_offset: int) -> None:
        """Send `drafts`, all that the records of (`topic`, `partition`) before `next_offset` led to and was not sent.

        Returns before they are durable, so that records are not handled one round trip at a time; waits when too many
        are on their way. Whatever a send raises must end the worker.
        """
        futures = [await self._send(draft) for draft in drafts]
        await self._sent.put(_Sent(topic, partition, next_offset, futures))

    async def run(self) -> None:
        """Wait for what was sent, in order, for ever. Raises the error of the first send that failed."""
        while True:
            sent = await self._sent.get()
            for future in sent.futures:
                await future
            place = (sent.topic, sent.partition)
            self._durable[place] = max(sent.next_offset, self._durable.get(place, 0))
            self._sent.task_done()

    async def settled(self) -> None:
        """Return once all that was put is durable."""
        await self._sent.join()

    def durable(self) -> dict[tuple[str, int], int]:
        """The next offset to read, per (topic, partition), if the worker died now."""
        return dict(self._durable)

    def forget(self) -> None:
        """Another member may hold the partitions now."""
        self._durable.clear()
