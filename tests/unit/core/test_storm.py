"""When new alerts are a storm, and when it is over."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pipeline.core.storm import StormPolicy, StormState, add, end, ends_at_ms, is_like, sentence
from schemas import Alert
from tests.unit.core.kinds import kind

POLICY = StormPolicy()
MINUTE_MS = 60_000
START_MS = 1_700_000_040_000  # 22:14 UTC, the begin of a window
POD = kind("PodNotReady", cluster="eu-1")
SMALL = StormPolicy(floor=5, half_life=300, quiet_windows=2)

steps = st.lists(
    st.tuples(st.sampled_from([0, 0, 0, 0, 100, 7000, 60_000, 200_000]), st.sampled_from(["a", "b", "c"])), max_size=120
)


def storms(state: StormState, count: int, minute: float, alert: Alert = POD, policy: StormPolicy = POLICY) -> list[int]:
    """Which of so many new alerts at that minute begin a storm."""
    at_ms = START_MS + round(minute * MINUTE_MS)
    return [n for n in range(1, count + 1) if add(state, alert, at_ms, policy)]


def test_a_storm_begins_with_the_very_alert_that_reaches_the_floor() -> None:
    state = StormState()
    assert storms(state, 100, 0) == [50]
    assert state.since_ms == START_MS


def test_a_storm_begins_far_above_what_the_scope_is_used_to() -> None:
    state = StormState()
    for minute in range(300):
        assert storms(state, 25, minute) == []
    assert state.baseline == pytest.approx(25, rel=0.05)
    assert storms(state, 200, 300) == [117]  # 4 * (24.2 + √24.2)


def test_the_storm_counts_from_the_first_alert_of_its_window() -> None:
    state = StormState()
    storms(state, 10, -1)
    storms(state, 30, 0.25)
    storms(state, 30, 0.5)
    assert state.since_ms == START_MS + MINUTE_MS // 4
    assert state.tally.alerts == 60


def test_it_ends_when_five_windows_were_quiet() -> None:
    state = StormState()
    storms(state, 60, 0)
    assert ends_at_ms(state, POLICY) == START_MS + 6 * MINUTE_MS
    storms(state, 24, 2)
    assert ends_at_ms(state, POLICY) == START_MS + 6 * MINUTE_MS
    storms(state, 25, 3)
    assert ends_at_ms(state, POLICY) == START_MS + 9 * MINUTE_MS


def test_what_comes_after_the_end_is_no_part_of_it() -> None:
    state = StormState()
    storms(state, 60, 0)
    storms(state, 3, 6)
    assert not state.is_storm
    assert state.tally.alerts == 3


def test_it_goes_on_with_what_would_not_have_begun_it() -> None:
    state = StormState()
    storms(state, 60, 0)
    for minute in range(1, 20):
        assert storms(state, 30, minute) == []
    assert state.since_ms == START_MS
    assert state.tally.alerts == 60 + 19 * 30


def test_one_storm_does_not_hide_the_next() -> None:
    state = StormState()
    for minute in range(10):
        storms(state, 1000, minute)
    assert storms(state, 100, 60) == [50]


def test_a_late_alert_counts_in_the_newest_window() -> None:
    state = StormState()
    storms(state, 25, 5)
    assert storms(state, 25, 2) == [25]


@pytest.mark.parametrize("rate", [50, 60, 100, 400, 2000])
def test_a_steady_stream_becomes_usual(rate: int) -> None:
    policy = StormPolicy(half_life=600)  # ten windows
    learned_after = math.ceil(10 * (1.5 + math.log2(rate / policy.floor) / 3)) + policy.quiet_windows
    state = StormState()
    began = [minute for minute in range(learned_after + 30) if storms(state, rate, minute, policy=policy)]
    assert began == [0]
    assert not state.is_storm
    assert state.busy_at_ms <= START_MS + learned_after * MINUTE_MS


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(1, 49)), max_size=60))
def test_there_is_never_a_storm_below_the_floor(windows: list[tuple[int, int]]) -> None:
    state, minute = StormState(), 0
    for gap, count in windows:
        minute += 1 + gap
        assert storms(state, count, minute) == []


def played(told: list[tuple[int, str]], policy: StormPolicy, ends: bool) -> tuple[StormState, list[int]]:
    """The state after alerts at these gaps, and which began a storm; with `ends`, each end is called for."""
    state, at_ms, began = StormState(), START_MS, []
    for index, (gap_ms, name) in enumerate(told):
        at_ms += gap_ms
        if ends and state.is_storm and ends_at_ms(state, policy) <= at_ms:
            end(state)
        if add(state, kind(name, host=str(index)), at_ms, policy):
            began.append(index)
    return state, began


@given(steps)
def test_whether_the_end_is_called_for_or_found_by_the_next_alert_is_the_same(told: list[tuple[int, str]]) -> None:
    assert played(told, SMALL, ends=True) == played(told, SMALL, ends=False)


@given(steps, st.integers(0, 120))
def test_a_snapshot_and_the_rest_are_the_whole(told: list[tuple[int, str]], cut: int) -> None:
    whole, began = played(told, SMALL, ends=False)
    state, first = played(told[:cut], SMALL, ends=False)
    adapter = TypeAdapter(StormState)
    restored = adapter.validate_json(adapter.dump_json(state))
    assert restored == state
    at_ms = START_MS + sum(gap_ms for gap_ms, _ in told[:cut])
    for index, (gap_ms, name) in enumerate(told[cut:], start=min(cut, len(told))):
        at_ms += gap_ms
        if add(restored, kind(name, host=str(index)), at_ms, SMALL):
            first.append(index)
    assert (restored, first) == (whole, began)


@given(steps)
def test_it_begins_once_until_it_ends(told: list[tuple[int, str]]) -> None:
    state, at_ms = StormState(), START_MS
    for gap_ms, name in told:
        at_ms += gap_ms
        was_storm = state.is_storm and at_ms < ends_at_ms(state, SMALL)
        began = add(state, kind(name), at_ms, SMALL)
        assert not (began and was_storm)
        assert state.is_storm == (began or was_storm)


def test_it_says_how_many_since_when_what_and_from_where() -> None:
    state = StormState()
    storms(state, 120, 0.1, kind("HighErrorRate", cluster="eu-1"))
    storms(state, 61, 0.9, kind("PodNotReady", cluster="eu-1"))
    storms(state, 19, 1.5, kind("NodeDown", cluster="us-1"))
    said = "most often HighErrorRate (120) and PodNotReady (61); 181 of them cluster=eu-1"
    assert sentence(state) == f"Storm: 200 new alerts since 22:14 UTC, {said}"
    assert sentence(state, START_MS + 30 * MINUTE_MS) == f"Storm over: 200 new alerts from 22:14 to 22:44 UTC, {said}"


def test_what_is_unlike_the_storm_is_told_apart_until_there_is_much_of_it() -> None:
    state = StormState()
    for minute in range(-100, 0):
        storms(state, 1, minute, kind("Usual", cluster="us-1", environment="prod"))
    storms(state, 60, 0, kind("PodNotReady", cluster="eu-1", environment="prod"))
    assert is_like(kind("NodeDown", cluster="eu-1", environment="prod"), state)
    disk = kind("DiskFull", cluster="us-1", environment="prod")
    assert not is_like(disk, state)
    storms(state, 1, 0.5, disk)
    assert not is_like(disk, state), "one amid sixty says nothing"
    storms(state, 3, 0.6, disk)
    assert is_like(disk, state)
