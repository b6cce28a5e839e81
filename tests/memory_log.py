"""Logs that live in memory: a `Broadcaster` each, with the same contract as the real ones."""

import asyncio
from collections.abc import Sequence

from pipeline.errors import Retryable
from pipeline.log.entry import Draft


class MemoryLog:
    """Keeps what is appended, in order. While `is_away` it refuses, while `is_stuck` it never comes back."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.checks = 0
        self.partition_count = 3
        self.is_away = False
        self.is_stuck = False

    async def append(self, drafts: Sequence[Draft]) -> None:
        await self._answer()
        self.drafts.extend(drafts)

    async def partitions(self, topic: str) -> int:
        await self._answer()
        return self.partition_count

    async def check(self) -> None:
        self.checks += 1
        await self._answer()

    async def close(self) -> None:
        self.drafts.clear()

    def on(self, topic: str) -> list[Draft]:
        return [draft for draft in self.drafts if draft.topic == topic]

    async def _answer(self) -> None:
        if self.is_stuck:
            await asyncio.Event().wait()
        if self.is_away:
            raise Retryable("broker.internal:9092 is away")
