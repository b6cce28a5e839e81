"""When an alert flaps, and when it no longer does."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pipeline.core.decay import remaining
from pipeline.core.flap import FlapPolicy, FlapState, changed, ends_at_ms, is_flapping

POLICY = FlapPolicy()
MINUTE_MS = 60_000
START_MS = 1_700_000_000_000

gaps = st.lists(st.integers(0, 40 * MINUTE_MS), max_size=40)
policies = st.builds(
    lambda start, below, half_life_ms, half_lives: FlapPolicy(
        start=start, stop=start * below, half_life=half_life_ms / 1000, longest=half_life_ms * half_lives / 1000
    ),
    st.floats(1, 20),
    st.floats(0.05, 0.9),
    st.integers(1000, 10_000_000),
    st.integers(5, 12),
).filter(lambda policy: policy.ceiling > policy.start)


def after(minutes: list[float], policy: FlapPolicy = POLICY) -> FlapState:
    """The state after changes at these minutes."""
    state = FlapState()
    for minute in minutes:
        state = changed(state, START_MS + round(minute * MINUTE_MS), policy)
    return state


def played(gaps_ms: list[int], policy: FlapPolicy) -> FlapState:
    state, at_ms = FlapState(), START_MS
    for gap_ms in gaps_ms:
        at_ms += gap_ms
        state = changed(state, at_ms, policy)
    return state


@pytest.mark.parametrize("minutes", [[0], [0, 0], [0, 0, 0], [0, 1, 2], [0, 5, 10]])
def test_firing_resolved_firing_is_not_flapping(minutes: list[float]) -> None:
    assert not after(minutes).is_flapping


@pytest.mark.parametrize(
    "minutes", [[0, 1, 2, 3], [0, 4, 8, 12], [0, 4.4, 8.8, 13.2], [0, 0, 0, 8], [0, 8, 8, 8], [0, 6, 12, 18, 24, 30]]
)
def test_four_changes_within_minutes_are_flapping(minutes: list[float]) -> None:
    assert after(minutes).is_flapping


@pytest.mark.parametrize("minutes", [[0, 5, 10, 15], [0, 20, 40, 60, 80], [9 * n for n in range(200)]])
def test_slow_changes_are_not_flapping(minutes: list[float]) -> None:
    assert not after(minutes).is_flapping


def test_what_would_not_start_it_keeps_it_going() -> None:
    slow = [10.0 * n for n in range(1, 50)]
    assert not after(slow).is_flapping
    assert after([0, 1, 2, 3, 4, 5, *slow]).is_flapping


def test_changes_slower_than_the_half_life_end_it() -> None:
    assert not after([0, 1, 2, 3, *(5 + 16 * n for n in range(20))]).is_flapping


def test_four_quick_changes_flap_for_half_an_hour() -> None:
    state = after([0, 0, 0, 0])
    assert ends_at_ms(state, POLICY) == START_MS + 30 * MINUTE_MS + 1


def test_it_ends_after_the_longest_however_many_changes_there_were() -> None:
    state = after([0.01 * n for n in range(5000)])
    assert abs(ends_at_ms(state, POLICY) - state.at_ms - POLICY.longest_ms) <= 1


def test_a_late_change_counts_as_of_the_last() -> None:
    assert after([0, 5, 3]) == after([0, 5, 5])


def test_a_policy_that_could_not_begin_or_end_is_refused() -> None:
    with pytest.raises(ValidationError, match="stop must be less than start"):
        FlapPolicy(start=3, stop=3)
    with pytest.raises(ValidationError, match="longest is too short"):
        FlapPolicy(half_life="15m", longest="15m")


@given(gaps, policies)
def test_the_end_is_exact_to_the_millisecond(gaps_ms: list[int], policy: FlapPolicy) -> None:
    state = played(gaps_ms, policy)
    end_ms = ends_at_ms(state, policy)
    assert not is_flapping(state, end_ms, policy)
    assert is_flapping(state, end_ms - 1, policy) or not state.is_flapping


@given(gaps, policies)
def test_a_change_at_the_end_finds_what_a_change_after_it_finds(gaps_ms: list[int], policy: FlapPolicy) -> None:
    state = played(gaps_ms, policy)
    end_ms = ends_at_ms(state, policy)
    if state.is_flapping and policy.stop + 1 <= policy.start:
        assert not changed(state, end_ms, policy).is_flapping
        assert changed(state, end_ms - 1, policy).is_flapping


@given(gaps, st.integers(0, 40), policies)
def test_one_more_change_never_means_less_flapping(gaps_ms: list[int], index: int, policy: FlapPolicy) -> None:
    fewer = played(gaps_ms, policy)
    index = min(index, len(gaps_ms))
    more = played([*gaps_ms[:index], 0, *gaps_ms[index:]], policy)
    assert more.penalty >= fewer.penalty
    assert more.is_flapping >= fewer.is_flapping
    assert not fewer.is_flapping or ends_at_ms(more, policy) >= ends_at_ms(fewer, policy)


@given(gaps, st.integers(0, 40), st.integers(0, MINUTE_MS), policies)
def test_a_change_in_between_never_means_less_flapping(
    gaps_ms: list[int], index: int, before_ms: int, policy: FlapPolicy
) -> None:
    index = min(index, len(gaps_ms) - 1)
    if index < 0:
        return
    cut_ms = min(before_ms, gaps_ms[index])
    more = played([*gaps_ms[:index], gaps_ms[index] - cut_ms, cut_ms, *gaps_ms[index + 1 :]], policy)
    assert more.is_flapping >= played(gaps_ms, policy).is_flapping


@given(gaps, policies)
def test_a_snapshot_gives_the_very_state(gaps_ms: list[int], policy: FlapPolicy) -> None:
    state = played(gaps_ms, policy)
    adapter = TypeAdapter(FlapState)
    assert adapter.validate_json(adapter.dump_json(state)) == state


@given(st.integers(1000, 31_000_000_000), st.integers(0, 10**12))
def test_what_remains_falls_every_millisecond_as_the_formula_says(half_life_ms: int, elapsed_ms: int) -> None:
    left = remaining(elapsed_ms, half_life_ms)
    exact = 2.0 ** (-elapsed_ms / half_life_ms)
    assert left == pytest.approx(exact, rel=1e-9, abs=1e-300)
    assert remaining(elapsed_ms + 1, half_life_ms) < left or left < 1e-300


def test_what_remains_halves_exactly() -> None:
    halves = [remaining(n * 1000, 1000) for n in range(1074)]
    assert all(later * 2 == earlier for earlier, later in pairwise(halves))
    assert remaining(10**9, 1000) == 0.0
