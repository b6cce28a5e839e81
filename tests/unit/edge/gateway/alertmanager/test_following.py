"""The board follows the embedded log, and nothing in the log or about it ends that."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pipeline.codec import encode
from pipeline.edge.gateway import FOLLOWED, Board, follow
from pipeline.errors import Retryable
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.entry import Draft, Entry, Follower
from schemas.topics import INCIDENTS, SILENCES
from tests.unit.edge.gateway.alertmanager.scene import incident, now_ms, silence

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def followed(follower: Follower) -> AsyncIterator[Board]:
    board, stop = Board(), asyncio.Event()
    following = asyncio.create_task(follow(board, follower, stop))
    try:
        yield board
    finally:
        stop.set()
        async with asyncio.timeout(5):
            await following


async def until(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.01)


async def test_the_board_has_what_stood_there_and_what_comes(tmp_path: Path) -> None:
    log = await EmbeddedLog.open(tmp_path, 5.0)
    try:
        await log.append([Draft(SILENCES.name, "s1", encode(silence("s1")))])
        async with followed(log.follower(FOLLOWED)) as board:
            await until(lambda: board.is_current)
            assert [one.silence.id for one in board.silences(now_ms())] == ["s1"]
            await log.append([Draft(INCIDENTS.name, "a", encode(incident("a")))])
            await until(lambda: len(list(board.incidents())) == 1)
    finally:
        await log.close()


async def test_what_cannot_be_read_is_told_and_stepped_over(tmp_path: Path) -> None:
    log = await EmbeddedLog.open(tmp_path, 5.0)
    try:
        await log.append([Draft(SILENCES.name, "bad", b"{"), Draft(SILENCES.name, "s1", encode(silence("s1")))])
        with capture_logs() as lines:
            async with followed(log.follower(FOLLOWED)) as board:
                await until(lambda: board.is_current)
                assert [one.silence.id for one in board.silences(now_ms())] == ["s1"]
    finally:
        await log.close()
    (told,) = [line for line in lines if "cannot be read" in line["event"]]
    assert (told["topic"], told["offset"]) == ("silences", 0)


class Away:
    """A follower whose log is away at first."""

    def __init__(self) -> None:
        self.polls = 0
        self.is_closed = False

    @property
    def has_caught_up(self) -> bool:
        return self.polls > 1

    async def poll(self, timeout_s: float) -> list[Entry]:
        self.polls += 1
        if self.polls == 1:
            raise Retryable("broker.internal:9092 is away")
        await asyncio.sleep(timeout_s)
        return []

    async def close(self) -> None:
        self.is_closed = True


async def test_a_log_that_is_away_is_waited_for_and_let_go_at_the_end() -> None:
    follower = Away()
    async with followed(follower) as board:
        await until(lambda: follower.polls == 1)
        assert not board.is_current
        await until(lambda: board.is_current)
    assert follower.is_closed
