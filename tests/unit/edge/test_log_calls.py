"""A commit holds up no page: while pages come there is one now and then, and one as soon as none comes."""

import asyncio
from collections.abc import Mapping

from pipeline.edge.courier import World
from pipeline.edge.log_calls import COMMIT_MS, LogCalls
from pipeline.edge.pager_health import PagerHealth
from pipeline.edge.progress import Progress
from pipeline.log.entry import Entry

P0 = ("pages", 0)


class Commits:
    """A reader that only remembers what was committed."""

    generation = 1

    def __init__(self) -> None:
        self.said: list[Mapping[tuple[str, int], int]] = []

    async def poll(self, timeout_s: float, at_most: int | None = None) -> list[Entry]:
        return []

    async def commit(self, next_offsets: Mapping[tuple[str, int], int]) -> None:
        self.said.append(dict(next_offsets))

    async def read_all(self, topic: str) -> list[Entry]:
        return []

    async def close(self) -> None:
        pass


def test_while_pages_come_a_commit_comes_now_and_then_and_at_once_when_none_comes() -> None:
    async def scene() -> None:
        now_ms = 0
        reader, progress = Commits(), Progress()
        world = World(monotonic_ms=lambda: now_ms)
        calls = LogCalls(reader, PagerHealth(), world, asyncio.Event())
        for offset, at_ms in enumerate((0, 10, COMMIT_MS - 1, COMMIT_MS, COMMIT_MS + 1)):
            now_ms = at_ms
            progress.begin(P0, offset, 0)
            progress.finish(P0, offset)
            await calls.commit_in_time(progress, is_busy=True)
        assert reader.said == [{P0: 1}, {P0: 4}]
        await calls.commit_in_time(progress, is_busy=False)
        assert reader.said == [{P0: 1}, {P0: 4}, {P0: 5}]

    asyncio.run(scene())
