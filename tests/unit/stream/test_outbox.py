"""What may be committed: never more than is durable, in order."""

import asyncio
from typing import Any

import pytest

from pipeline.log import Draft
from pipeline.stream.outbox import IN_FLIGHT, Outbox

RAW_0 = ("alerts.raw", 0)


class Sends:
    """Every send waits until the scene settles it."""

    def __init__(self) -> None:
        self.futures: list[asyncio.Future[Any]] = []

    async def __call__(self, draft: Draft) -> "asyncio.Future[Any]":
        self.futures.append(asyncio.get_running_loop().create_future())
        return self.futures[-1]


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_an_offset_waits_for_everything_before_it() -> None:
    async def scene() -> None:
        sends = Sends()
        outbox = Outbox(sends)
        running = asyncio.create_task(outbox.run())
        for offset in range(3):
            await outbox.put([Draft("alerts", "k", b"v")], "alerts.raw", 0, offset + 1)
        sends.futures[1].set_result(None)
        sends.futures[2].set_result(None)
        await turn()
        assert outbox.durable() == {}
        sends.futures[0].set_result(None)
        await turn()
        assert outbox.durable() == {RAW_0: 3}
        running.cancel()

    asyncio.run(scene())


def test_a_record_that_led_to_nothing_is_finished_too() -> None:
    async def scene() -> None:
        outbox = Outbox(Sends())
        running = asyncio.create_task(outbox.run())
        await outbox.put([], "alerts.raw", 0, 9)
        await outbox.settled()
        assert outbox.durable() == {RAW_0: 9}
        running.cancel()

    asyncio.run(scene())


def test_the_first_send_that_fails_ends_it() -> None:
    async def scene() -> None:
        sends = Sends()
        outbox = Outbox(sends)
        running = asyncio.create_task(outbox.run())
        await outbox.put([Draft("alerts", "k", b"v")], "alerts.raw", 0, 1)
        sends.futures[0].set_exception(OSError("gone"))
        with pytest.raises(OSError, match="gone"):
            await running
        assert outbox.durable() == {}

    asyncio.run(scene())


def test_too_much_on_its_way_makes_the_next_wait() -> None:
    async def scene() -> None:
        sends = Sends()
        outbox = Outbox(sends)
        for offset in range(IN_FLIGHT):
            await outbox.put([Draft("alerts", "k", b"v")], "alerts.raw", 0, offset + 1)
        one_more = asyncio.create_task(outbox.put([], "alerts.raw", 0, IN_FLIGHT + 1))
        await turn()
        assert not one_more.done()
        one_more.cancel()

    asyncio.run(scene())


def test_what_another_member_may_hold_is_not_committed_from_memory() -> None:
    async def scene() -> None:
        outbox = Outbox(Sends())
        running = asyncio.create_task(outbox.run())
        await outbox.put([], "alerts.raw", 0, 9)
        await outbox.settled()
        outbox.forget()
        assert outbox.durable() == {}
        running.cancel()

    asyncio.run(scene())
