"""An offset is committed only after everything written for it, and for all before it, is durable."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from pipeline.log import Draft

Send = Callable[[Sequence[Draft]], AsyncIterator["asyncio.Future[Any]"]]
Failed = Callable[[BaseException], None]
Checkpoint = Callable[[int], Awaitable[None]]


class Outbox:
    """Sends what records led to, and knows up to which offset of each partition that is durable."""

    def __init__(self, send: Send, failed: Failed) -> None:
        """`failed` is called the moment a send fails, before anything else can follow it; it should end the process.

        What is written behind a failed send would be taken for a repetition when the failed one is written again.
        """
        self._send = send
        self._failed = failed
        self._durable: dict[tuple[str, int], int] = {}
        self._under_way: set[asyncio.Future[None]] = set()

    async def deliver(
        self,
        drafts: Sequence[Draft],
        next_offsets: Mapping[tuple[str, int], int],
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Send `drafts`, all that the records before `next_offsets` (per topic and partition) led to and was not sent.

        Returns once they are durable and `checkpoint`, if there is one, has been asked about every partition; only then
        may `next_offsets` be committed. Raises the error of the first send that failed.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._under_way.add(done)
        try:
            for future in await self._sent(drafts):
                await future
            for place, next_offset in next_offsets.items():
                if checkpoint is not None:
                    await checkpoint(place[1])
                self._durable[place] = max(next_offset, self._durable.get(place, 0))
        finally:
            self._under_way.discard(done)
            done.set_result(None)

    async def settled(self) -> None:
        """Return once all that is under way now is durable; what comes after it is not waited for."""
        if self._under_way:
            await asyncio.wait(set(self._under_way))

    def durable(self) -> dict[tuple[str, int], int]:
        """The next offset to read, per (topic, partition), if the worker died now."""
        return dict(self._durable)

    def forget(self) -> None:
        """Another member may hold the partitions now."""
        self._durable.clear()

    async def _sent(self, drafts: Sequence[Draft]) -> "list[asyncio.Future[Any]]":
        sent = []
        try:
            async for future in self._send(drafts):
                # At once: the next of a partition may be waiting for this one, and be sent as soon as it has failed.
                future.add_done_callback(self._look)
                sent.append(future)
        except Exception as exc:
            self._failed(exc)
            raise
        return sent

    def _look(self, sent: "asyncio.Future[Any]") -> None:
        if not sent.cancelled() and (error := sent.exception()) is not None:
            self._failed(error)
