"""Drift is 0 where what comes is as what was taught, grows with how far it is from that, and is silent about few."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.actionability.drift import FEWEST, bins_of, psi

values = st.lists(st.floats(-20, 20), min_size=1, max_size=300)


@given(values)
def test_every_value_has_its_range_and_the_shares_are_a_whole(taught: list[float]) -> None:
    bins = bins_of(taught)
    assert len(bins.shares) == len(bins.edges) + 1 <= 10
    assert sum(bins.shares) == pytest.approx(1)
    assert list(bins.edges) == sorted(set(bins.edges))
    counts = [0] * len(bins.shares)
    for value in taught:
        counts[bins.place(value)] += 1
    assert [count / len(taught) for count in counts] == list(bins.shares)
    assert bins.place(math.inf) == len(bins.edges)


@given(values, st.lists(st.floats(0, 1000), min_size=10, max_size=10))
def test_the_index_is_never_negative_and_0_for_what_was_taught(taught: list[float], counts: list[float]) -> None:
    bins = bins_of(taught)
    now = counts[: len(bins.shares)]
    found = psi(bins, now)
    assert (found is None) == (sum(now) < FEWEST)
    assert found is None or found >= 0
    assert psi(bins, [1000 * share for share in bins.shares]) == pytest.approx(0, abs=1e-3)


def test_the_index_is_that_of_the_textbook() -> None:
    bins = bins_of(range(1000))
    assert psi(bins, [100] * 10) == pytest.approx(0, abs=1e-4)
    # (.2 - .1) ln 2 + (.0 - .1) ln(.001/.1), nine others as they were, but for one
    moved = [200, 0, *[100] * 8]
    assert psi(bins, moved) == pytest.approx(0.1 * math.log(2) + 0.099 * math.log(100), abs=2e-3)
