"""A pager killed with -9 at the worst moments: people are paged once for one problem, and for every problem."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from schemas import Page
from tests.integration.pagerduty import ROUTING_KEY, AcceptThenStall, PagerDutyEndpoint
from tests.integration.paging import a_log, deliveries, write
from tests.pages import page

ROOT = Path(__file__).parents[2]


class PagerProcess:
    """A pager of its own; it holds the log's file until it is killed."""

    def __init__(self, folder: Path, pagerduty: PagerDutyEndpoint, stall_at: str = "") -> None:
        command = [sys.executable, "-m", "tests.integration.pager_process", str(folder), pagerduty.url, stall_at]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def wait_for(self, word: str) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.decode().strip() == word:
                return
        assert self._process.stderr is not None
        raise AssertionError(f"ended before it said {word!r}: {self._process.stderr.read().decode()}")

    def __enter__(self) -> "PagerProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def add(folder: Path, *pages: Page) -> None:
    async def scene() -> None:
        async with a_log(folder) as log:
            await write(log, *pages)

    asyncio.run(scene())


def delivered(folder: Path) -> list[tuple[str, int]]:
    async def scene() -> list[tuple[str, int]]:
        async with a_log(folder) as log:
            return await deliveries(log)

    return asyncio.run(scene())


TRIGGER, UPDATE = page("inc1:a", team="storage"), page("inc1:a", revision=2, team="storage")
RESOLVE = page("inc1:a", "resolve", revision=3, team="storage")
SENTINEL = page("inc1:sentinel", team="storage")


def deliver_the_rest(folder: Path, pagerduty: PagerDutyEndpoint) -> None:
    """A pager that nobody stalls, until it has delivered the last page."""
    add(folder, SENTINEL)
    with PagerProcess(folder, pagerduty):
        pagerduty.wait_until(lambda: pagerduty.opened(SENTINEL.dedup_key) == 1 and not pagerduty.is_open("inc1:a"))


@pytest.mark.parametrize("first", [[TRIGGER], [TRIGGER, UPDATE, RESOLVE]])
def test_killed_between_the_202_and_the_note_of_it(
    first: list[Page], tmp_path: Path, pagerduty: PagerDutyEndpoint
) -> None:
    add(tmp_path, *first)
    with PagerProcess(tmp_path, pagerduty, "delivery") as pager:
        pager.wait_for("stalled")
        assert len(pagerduty.accepted()) == 1, "nothing of the incident goes out before its trigger is noted"
    assert delivered(tmp_path) == []
    if RESOLVE not in first:
        add(tmp_path, RESOLVE)
    deliver_the_rest(tmp_path, pagerduty)
    assert pagerduty.opened("inc1:a") == 1
    assert len(pagerduty.accepted("resolve", "inc1:a")) == 1


def test_killed_between_the_note_of_a_resolve_and_the_commit(tmp_path: Path, pagerduty: PagerDutyEndpoint) -> None:
    add(tmp_path, TRIGGER, RESOLVE)
    for _ in range(2):
        with PagerProcess(tmp_path, pagerduty, "commit") as pager:
            pager.wait_for("ready")
            pagerduty.wait_until(lambda: not pagerduty.is_open("inc1:a") and pagerduty.opened("inc1:a") == 1)
            pager.wait_for("stalled")
    deliver_the_rest(tmp_path, pagerduty)
    assert pagerduty.opened("inc1:a") == 1
    assert [request.action for request in pagerduty.accepted(dedup_key="inc1:a")] in (
        ["trigger", "resolve"],
        ["trigger", "resolve", "resolve"],  # killed before it was noted: harmless
    )


def test_killed_while_pagerduty_withholds_the_answer(tmp_path: Path, pagerduty: PagerDutyEndpoint) -> None:
    add(tmp_path, TRIGGER, RESOLVE)
    for action in ("trigger", "resolve"):
        pagerduty.misbehave(AcceptThenStall(), when=lambda event, action=action: event["event_action"] == action)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        with PagerProcess(tmp_path, pagerduty):
            pagerduty.wait_until(lambda action=action: len(pagerduty.accepted(action)) == 1)  # type: ignore[misc]  # likewise
    pagerduty.release()
    deliver_the_rest(tmp_path, pagerduty)
    assert pagerduty.opened("inc1:a") == 1


def test_killed_ten_times_at_any_moment(tmp_path: Path, pagerduty: PagerDutyEndpoint) -> None:
    names = [f"inc1:{number}" for number in range(40)]
    add(tmp_path, *(page(name, team="storage") for name in names))
    add(tmp_path, *(page(name, "resolve", revision=2, team="storage") for name in names))
    for count in range(8, 88, 8):
        with PagerProcess(tmp_path, pagerduty):
            pagerduty.wait_until(lambda count=count: len(pagerduty.accepted()) >= count)  # type: ignore[misc]  # likewise
    with PagerProcess(tmp_path, pagerduty):
        pagerduty.wait_until(lambda: all(pagerduty.opened(name) and not pagerduty.is_open(name) for name in names))
    assert [pagerduty.opened(name) for name in names] == [1] * len(names)


def test_a_killed_pager_has_shown_its_routing_key_to_nobody(tmp_path: Path, pagerduty: PagerDutyEndpoint) -> None:
    add(tmp_path, TRIGGER)
    command = [sys.executable, "-m", "tests.integration.pager_process", str(tmp_path), pagerduty.url]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        pagerduty.wait_until(lambda: pagerduty.opened("inc1:a") == 1)
    finally:
        process.kill()
    said, _ = process.communicate()
    assert b"ready" in said
    assert ROUTING_KEY.encode() not in said
