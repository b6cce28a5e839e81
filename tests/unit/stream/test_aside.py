"""What a copy of the process takes is the state of the moment, whatever this process does next, and nothing stays."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator

import pytest

from pipeline.core.triage import Triage
from pipeline.errors import Fault
from pipeline.stream import aside
from pipeline.stream.aside import State, Taker
from tests.scene import POLICY, alert, at

LARGE = aside.FROM_BYTES


def taken(taker: Taker, snapshot: Callable[[], bytes], then: Callable[[], object] = lambda: None) -> bytes:
    """What comes of it, where `then` is done before anything of it is awaited."""

    async def scene() -> bytes:
        state: asyncio.Future[State] = taker.take(snapshot)
        then()
        return bytes(await state)

    return asyncio.run(scene())


def children() -> set[str]:
    """The processes that this one has started and not seen the end of: a broker may be among them."""
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return set(file.read().split())


@pytest.fixture(autouse=True)
def _nobody_stays() -> Iterator[None]:
    before = children()
    yield
    assert children() == before


def test_a_copy_takes_what_was_so_when_it_was_made() -> None:
    triage = Triage(POLICY)
    triage.step(at(0, *(alert(f"alert-{number}", cluster="eu") for number in range(50))))
    before = triage.snapshot()
    assert taken(Taker(LARGE), triage.snapshot, lambda: triage.step(at(1, alert("disk", cluster="us")))) == before
    assert triage.snapshot() != before


def test_only_what_was_large_the_last_time_is_taken_by_a_copy() -> None:
    taker, takers = Taker(LARGE - 1), list[int]()

    def snapshot() -> bytes:
        takers.append(os.getpid())  # of a copy, nobody sees this
        return bytes(LARGE)

    assert [len(taken(taker, snapshot)) for _ in range(3)] == [LARGE] * 3
    assert takers == [os.getpid()]


def test_a_copy_that_fails_says_why_and_from_then_on_the_state_is_taken_here() -> None:
    taker, mine = Taker(LARGE), os.getpid()

    def snapshot() -> bytes:
        if os.getpid() != mine:
            raise ValueError("not in a copy")
        return b"state"

    with pytest.raises(Fault, match="ValueError: not in a copy"):
        taken(taker, snapshot)
    assert taken(taker, snapshot) == b"state"


def test_a_copy_that_does_not_end_is_ended() -> None:
    def snapshot() -> bytes:
        time.sleep(3600)
        return b""

    with pytest.raises(Fault, match="ended with status 9"):
        taken(Taker(LARGE, patience_s=0.1), snapshot)


def test_a_copy_for_which_nobody_waits_any_more_ends_all_the_same() -> None:
    async def scene() -> None:
        before = children()
        state = Taker(LARGE).take(lambda: b"state")
        state.cancel()
        while children() != before:  # noqa: ASYNC110  # the kernel has no event for it
            await asyncio.sleep(0.01)

    asyncio.run(scene())


def test_a_copy_holds_none_of_our_connections() -> None:
    reading, writing = os.pipe()
    copy = os.dup(reading)

    def snapshot() -> bytes:
        return str(sorted(int(name) for name in os.listdir("/proc/self/fd"))).encode()

    try:
        found = taken(Taker(LARGE), snapshot)
        assert not {reading, writing, copy} & set(map(int, found.decode().strip("[]").split(", ")))
    finally:
        for one in (reading, writing, copy):
            os.close(one)
