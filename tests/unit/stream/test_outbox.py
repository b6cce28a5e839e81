"""What may be committed: never more than is durable, in order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from pipeline.log import Draft
from pipeline.stream.outbox import Outbox

RAW_0 = ("alerts.raw", 0)
DRAFT = Draft("alerts", "k", b"v")


class Sends:
    """Every send waits until the scene settles it."""

    def __init__(self) -> None:
        self.futures: list[asyncio.Future[Any]] = []
        self.failures: list[BaseException] = []

    async def __call__(self, drafts: Sequence[Draft]) -> "AsyncIterator[asyncio.Future[Any]]":
        for _ in drafts:
            self.futures.append(asyncio.get_running_loop().create_future())
            yield self.futures[-1]

    def failed(self, error: BaseException) -> None:
        self.failures.append(error)


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_an_offset_waits_for_everything_that_was_written_for_it() -> None:
    async def scene() -> None:
        sends = Sends()
        outbox = Outbox(sends, sends.failed)
        delivery = asyncio.create_task(outbox.deliver([DRAFT] * 3, {RAW_0: 3}))
        await turn()
        sends.futures[1].set_result(None)
        sends.futures[2].set_result(None)
        await turn()
        assert outbox.durable() == {}
        sends.futures[0].set_result(None)
        await delivery
        assert outbox.durable() == {RAW_0: 3}

    asyncio.run(scene())


def test_a_batch_that_led_to_nothing_is_finished_too() -> None:
    async def scene() -> None:
        sends = Sends()
        outbox = Outbox(sends, sends.failed)
        await outbox.deliver([], {RAW_0: 9})
        assert outbox.durable() == {RAW_0: 9}

    asyncio.run(scene())


def test_a_checkpoint_stands_between_what_was_written_and_the_offset() -> None:
    async def scene() -> None:
        sends = Sends()
        outbox = Outbox(sends, sends.failed)
        asked, answer = [], asyncio.get_running_loop().create_future()

        async def checkpoint(partition: int) -> None:
            asked.append(partition)
            await answer

        delivery = asyncio.create_task(outbox.deliver([DRAFT], {RAW_0: 1}, checkpoint))
        await turn()
        assert asked == []
        sends.futures[0].set_result(None)
        await turn()
        assert (asked, outbox.durable()) == ([0], {})
        answer.set_result(None)
        await delivery
        assert outbox.durable() == {RAW_0: 1}

    asyncio.run(scene())


def test_the_first_send_that_fails_is_told_at_once_and_nothing_behind_it_is_finished() -> None:
    async def scene() -> None:
        sends = Sends()
        outbox = Outbox(sends, sends.failed)
        delivery = asyncio.create_task(outbox.deliver([DRAFT] * 2, {RAW_0: 2}))
        await turn()
        sends.futures[1].set_exception(OSError("gone"))
        await turn()
        assert [str(error) for error in sends.failures] == ["gone"], "although the first is still on its way"
        sends.futures[0].set_result(None)
        with pytest.raises(OSError, match="gone"):
            await delivery
        assert outbox.durable() == {}

    asyncio.run(scene())


def test_a_send_that_fails_while_the_next_waits_for_it_is_told_before_the_next_is_sent() -> None:
    """aiokafka lets a batch wait until the one before it is on its way, and an answer may come meanwhile."""

    async def scene() -> None:
        failures: list[BaseException] = []
        first: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def send(_: Sequence[Draft]) -> "AsyncIterator[asyncio.Future[Any]]":
            yield first
            first.set_exception(OSError("gone"))
            await turn()
            assert len(failures) == 1
            yield asyncio.get_running_loop().create_future()

        outbox = Outbox(send, failures.append)
        with pytest.raises(OSError, match="gone"):
            await outbox.deliver([DRAFT] * 2, {RAW_0: 2})

    asyncio.run(scene())


def test_a_send_that_cannot_even_begin_is_told_too() -> None:
    async def scene() -> None:
        failures: list[BaseException] = []

        async def send(_: Sequence[Draft]) -> "AsyncIterator[asyncio.Future[Any]]":
            raise OSError("closed")
            yield

        outbox = Outbox(send, failures.append)
        with pytest.raises(OSError, match="closed"):
            await outbox.deliver([DRAFT], {RAW_0: 1})
        assert (len(failures), outbox.durable()) == (1, {})
        await outbox.settled()

    asyncio.run(scene())


def test_settling_waits_for_what_is_under_way_and_for_nothing_that_comes_later() -> None:
    async def scene() -> None:
        sends = Sends()
        outbox = Outbox(sends, sends.failed)
        await outbox.settled()
        first = asyncio.create_task(outbox.deliver([DRAFT], {RAW_0: 1}))
        await turn()
        settled = asyncio.create_task(outbox.settled())
        await turn()
        later = asyncio.create_task(outbox.deliver([DRAFT], {RAW_0: 2}))
        await turn()
        assert not settled.done()
        sends.futures[0].set_result(None)
        await first
        await settled
        assert outbox.durable() == {RAW_0: 1}
        sends.futures[1].set_result(None)
        await later

    asyncio.run(scene())


def test_what_another_member_may_hold_is_not_committed_from_memory() -> None:
    async def scene() -> None:
        sends = Sends()
        outbox = Outbox(sends, sends.failed)
        await outbox.deliver([], {RAW_0: 9})
        outbox.forget()
        assert outbox.durable() == {}

    asyncio.run(scene())
