"""Deadlines come up in time order, whatever the order in which they were made, and however far apart they are."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.columns import FOREVER_MS
from pipeline.core.deadlines import Deadlines, Due
from pipeline.core.live import Live

times = st.one_of(st.integers(0, 20_000), st.integers(-(1 << 61), 1 << 61))
Entry = tuple[int, int]  # when, and whose code


@dataclass
class Waiting:
    """As much of a live alert as a deadline reads."""

    code: int
    due_ms: int
    queued_ms: int = FOREVER_MS

    def next_ms(self) -> int:
        return self.due_ms


def queue(deadlines: Deadlines, due_ms: int, code: int) -> None:
    deadlines.alert(cast("Live", Waiting(code, due_ms)))


def popped(deadlines: Deadlines, to_ms: int) -> list[tuple[int, int | str]]:
    found = []
    while (entry := deadlines.pop(to_ms)) is not None:
        found.append((entry[0], entry[2]))
    return found


entries = st.lists(st.tuples(times, st.integers(0, (1 << 64) - 1)), max_size=40)


@given(entries, entries, st.lists(times, max_size=5))
def test_alerts_come_up_as_if_all_were_sorted(first: list[Entry], then: list[Entry], marks: list[int]) -> None:
    deadlines = Deadlines()
    waiting = list(first)
    deadlines.fill(np.array([ms for ms, _ in first], np.int64), np.array([code for _, code in first], np.uint64))
    for to_ms in [*sorted(marks), FOREVER_MS]:
        assert deadlines.next_ms() == min((ms for ms, _ in waiting), default=None)
        assert popped(deadlines, to_ms) == sorted(entry for entry in waiting if entry[0] <= to_ms)
        waiting = [entry for entry in waiting if entry[0] > to_ms]
        more = then[:8]
        then = then[8:]
        for due_ms, code in more:
            queue(deadlines, due_ms, code)
        waiting += more


def test_an_alert_goes_before_an_incident_of_the_same_time() -> None:
    deadlines = Deadlines()
    deadlines.incident("inc1:a", 5000)
    deadlines.storm(4999)
    queue(deadlines, 5000, 7)
    assert [deadlines.pop(5000) for _ in range(4)] == [
        (4999, Due.STORM, ""),
        (5000, Due.ALERT, 7),
        (5000, Due.INCIDENT, "inc1:a"),
        None,
    ]


def test_an_alert_that_is_queued_for_earlier_is_not_queued_again() -> None:
    deadlines = Deadlines()
    live = cast("Live", Waiting(7, 5000, queued_ms=4000))
    deadlines.alert(live)
    assert deadlines.next_ms() is None
