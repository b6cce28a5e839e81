"""The laws of what a scope is used to: it equals its oracle exactly, JIT on or off, and goes on from its habits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.actionability import usual as module
from pipeline.core.actionability.habit import FOUND
from pipeline.core.actionability.usual import Usual
from tests.apart import samples
from tests.laws.usual_oracle import OracleUsual

DAY_MS = 86_400_000
# Keys of a kind are apart from those of others, as its callers see to.
templates, alerts, places = (st.sampled_from([kind << 60 | n for n in range(6)]) for kind in (1, 2, 3))
gaps_ms = st.sampled_from([0, 1, 999, 1000, 60_000, 300_000, 3_600_000, DAY_MS, 40 * DAY_MS, -5000])
begins = st.tuples(st.just("begin"), templates, alerts, st.just(0) | places, gaps_ms)
ends = st.tuples(st.just("end"), alerts, st.sampled_from([0, 599_999, 600_000, 10 * DAY_MS]))
pages = st.tuples(st.just("page"), alerts)
stories = st.lists(begins | ends | pages | st.just(("reload",)), max_size=40)


@given(stories)
def test_what_is_usual_equals_its_oracle(story: list[tuple[object, ...]]) -> None:
    usual, oracle, at_ms = Usual(), OracleUsual(), 1_700_000_000_000
    for step in story:
        match step:
            case ("begin", int(template), int(alert), int(place), int(gap_ms)):
                at_ms += gap_ms
                for most_ms in (1000, 7_200_000, 10 * DAY_MS):
                    assert usual.recurs(alert, at_ms, most_ms) == oracle.recurs(alert, at_ms, most_ms)
                found = usual.begin(template, alert, place, at_ms)
                assert found == oracle.begin(template, alert, place, at_ms)
            case ("page", int(alert)):
                usual.page(alert)
                oracle.page(alert)
            case ("end", int(alert), int(after_ms)):
                usual.end(alert, after_ms)
                oracle.end(alert, after_ms)
            case _:
                habits = usual.habits()
                usual = Usual(habits)
                assert usual.habits().tobytes() == habits.tobytes()
    assert len(usual) == len(oracle.habits)


def test_a_thousand_things_are_as_well_known_as_three() -> None:
    usual, oracle = Usual(), OracleUsual()
    for n in range(3000):
        keys = (1 << 60 | n % 97, 2 << 60 | n % 1009, 3 << 60 | n % 31)
        assert usual.begin(*keys, n * 1000) == oracle.begin(*keys, n * 1000)
    assert len(usual) == len(oracle.habits)


def test_what_was_not_seen_for_longest_is_forgotten_but_never_the_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SLOTS", 64)
    usual = Usual()
    for n in range(200):
        usual.begin(1 << 60 | n, 2 << 60 | n, 3 << 60 | n, n)
        assert len(usual) <= 32
    keys = set(usual.habits()["key"].tolist())
    assert {1, 1 << 60 | 199, 1 << 60 | 195} < keys
    assert 1 << 60 not in keys


def test_it_is_the_same_without_the_jit() -> None:
    assert len(samples(__name__, "NUMBA_DISABLE_JIT", ("0", "1"))) == 1


def sample() -> bytes:
    """What is found out and known after a thousand beginnings and ends."""
    usual, found = Usual(), []
    for n in range(1000):
        found.append([float(usual.recurs(2 << 60 | n * n % 101, n * n * 1237, 7_200_000))] * len(FOUND))
        found.append(usual.begin(1 << 60 | n * n % 13, 2 << 60 | n * n % 101, n % 7 and 3 << 60 | n % 7, n * n * 1237))
        if n % 3 == 0:
            usual.end(2 << 60 | n * n % 101, n * 1000)
    return np.array(found).tobytes() + usual.habits().tobytes()
