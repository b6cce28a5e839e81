"""Parts live and die together."""

import asyncio
import os
import signal

import pytest

from pipeline.command.life import run_together, stop_on_signals
from pipeline.errors import Fault, Missing


class Parts:
    """Parts that note how they ended."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.ended: list[str] = []

    async def good(self) -> None:
        await self.stop.wait()
        await asyncio.sleep(0)  # what is in flight
        self.ended.append("good")

    async def deaf(self) -> None:
        await asyncio.Event().wait()

    async def failing(self, error: Exception) -> None:
        raise error

    async def leaving(self) -> None:
        return


def test_a_stop_waits_for_the_clean_end_of_every_part() -> None:
    async def scene() -> None:
        parts = Parts()
        asyncio.get_running_loop().call_later(0.01, parts.stop.set)
        await run_together({"one": parts.good(), "two": parts.good()}, parts.stop)
        assert parts.ended == ["good", "good"]

    asyncio.run(scene())


@pytest.mark.parametrize(("error", "raised"), [(Missing("no disk"), Missing), (KeyError("x"), Fault)])
def test_a_part_that_fails_stops_the_others_and_is_named(error: Exception, raised: type[Exception]) -> None:
    async def scene() -> None:
        parts = Parts()
        with pytest.raises(raised, match=r"no disk|'bad' died of KeyError"):
            await run_together({"good": parts.good(), "bad": parts.failing(error)}, parts.stop)
        assert parts.ended == ["good"]

    asyncio.run(scene())


def test_a_part_that_just_returns_is_a_fault() -> None:
    async def scene() -> None:
        parts = Parts()
        with pytest.raises(Fault, match="'gone' ended, and nobody had asked it to"):
            await run_together({"good": parts.good(), "gone": parts.leaving()}, parts.stop)
        assert parts.ended == ["good"]

    asyncio.run(scene())


def test_a_part_that_does_not_stop_is_cut_off() -> None:
    async def scene() -> None:
        parts = Parts()
        parts.stop.set()
        await run_together({"good": parts.good(), "deaf": parts.deaf()}, parts.stop, grace_s=0.01)
        assert parts.ended == ["good"]

    asyncio.run(scene())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_to_stop(number: signal.Signals) -> None:
    async def scene() -> None:
        async with stop_on_signals() as stop:
            os.kill(os.getpid(), number)
            await asyncio.wait_for(stop.wait(), 5)

    asyncio.run(scene())
