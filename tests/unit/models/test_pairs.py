"""Pairs are counted as a plain loop counts them, and lift and direction say what the scene says."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import pairs as pairs_module
from models.history import onsets_of, spans_ms
from models.pairs import EVEN, EVENT_WINDOW_MS, SHRINK, STATE_WINDOW_MS, Pairs, pairs_of
from tests.unit.models.histories import Told, history

DAY = 86_400
TEMPLATES = ("a", "b", "c", "d")


def learned(*places: list[Told], states: frozenset[str] = frozenset()) -> tuple[Pairs, dict[str, int]]:
    told = history(*places, states=states)
    names = list(dict.fromkeys(said.removeprefix("~") for place in places for _, said, _ in place))
    is_state = np.array([name in states for name in names], np.bool_)
    return pairs_of(onsets_of(told), is_state, spans_ms(told)), {name: number for number, name in enumerate(names)}


def lift(found: tuple[Pairs, dict[str, int]], one: str, other: str) -> float:
    pairs, numbers = found
    a, b = sorted((numbers[one], numbers[other]))
    place = np.flatnonzero((pairs.a == a) & (pairs.b == b))
    return float(pairs.lift[place[0]]) if len(place) else 1.0


def naive(told: list[list[Told]], states: frozenset[str]) -> dict[tuple[int, int], tuple[int, int, float]]:
    """Of each pair of templates that met: how often, how much more often the first was first, and what was expected."""
    names = list(dict.fromkeys(name for place in told for _, name, _ in place))
    window = {n: (STATE_WINDOW_MS if name in states else EVENT_WINDOW_MS) for n, name in enumerate(names)}
    found: dict[tuple[int, int], tuple[int, int, float]] = {}
    whole = history(*told, states=states)
    onsets, span = onsets_of(whole), spans_ms(whole)
    episodes: dict[int, list[tuple[int, int]]] = {}
    count: dict[tuple[int, int], int] = {}
    for place in range(len(told)):
        last: dict[int, int] = {}
        for at_ms, template, where in zip(*(c.tolist() for c in onsets[:3]), strict=True):
            if where != place:
                continue
            if template not in last or at_ms - last[template] > window[template]:
                episodes.setdefault(place, []).append((at_ms, template))
                count[place, template] = count.get((place, template), 0) + 1
            last[template] = at_ms
    for several in episodes.values():
        for (t, x), (u, y) in combinations(several, 2):
            if x != y and abs(u - t) <= max(window[x], window[y]):
                key = (min(x, y), max(x, y))
                met, first, _ = found.get(key, (0, 0, 0.0))
                sign = 0 if t == u else (1 if (t < u) == (x < y) else -1)
                found[key] = (met + 1, first + sign, 0.0)
    for (x, y), (met, first, _) in found.items():
        expected = sum(
            count.get((p, x), 0) * count.get((p, y), 0) / max(int(span[p]), 10 * STATE_WINDOW_MS)
            for p in range(len(told))
        )
        found[x, y] = (met, first, expected * 2 * max(window[x], window[y]))
    return found


events = st.lists(
    st.tuples(st.integers(0, 3000), st.sampled_from(TEMPLATES), st.sampled_from("xy")), min_size=1, max_size=40
)


@given(st.lists(events, min_size=1, max_size=3), st.sets(st.sampled_from(TEMPLATES)))
def test_meetings_are_those_of_a_plain_loop(places: list[list[Told]], states: set[str]) -> None:
    places = [sorted(place) for place in places]
    pairs, _ = learned(*places, states=frozenset(states))
    two = pairs.a != pairs.b
    is_met = two & (pairs.together > 0)
    expected = naive(places, frozenset(states))
    assert list(zip(pairs.a[is_met].tolist(), pairs.b[is_met].tolist(), strict=True)) == sorted(expected)
    for place in np.flatnonzero(is_met):
        met, first, chance = expected[int(pairs.a[place]), int(pairs.b[place])]
        assert pairs.together[place] == met
        assert pairs.leads[place] == pytest.approx(first / (met + EVEN))
        assert pairs.lift[place] == pytest.approx((met + SHRINK) / (chance + SHRINK), rel=1e-5)


@given(st.lists(events, min_size=1, max_size=2))
def test_how_much_is_held_at_a_time_changes_nothing(places: list[list[Told]]) -> None:
    places = [sorted(place) for place in places]
    whole, _ = learned(*places)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs_module, "_CHUNK", 3)
        chunked, _ = learned(*places)
    for one, other in zip(whole, chunked, strict=True):
        assert one.tobytes() == other.tobytes()


def test_two_that_always_come_together_have_a_high_lift_and_an_order() -> None:
    found = learned([(n * DAY // 10 + more, name, "x") for n in range(50) for more, name in ((0, "db"), (4, "api"))])
    pairs, numbers = found
    assert lift(found, "db", "api") > 100
    assert numbers["db"] < numbers["api"]
    assert float(pairs.leads[(pairs.a == numbers["db"]) & (pairs.b == numbers["api"])][0]) > 0.9


def test_a_single_meeting_of_rare_ones_proves_little() -> None:
    found = learned([(0, "db", "x"), (3, "api", "x"), (10 * DAY, "end", "x")])
    assert 1 < lift(found, "db", "api") <= 1 + 1 / SHRINK


def test_frequent_ones_that_never_meet_avoid_each_other() -> None:
    night = [(n * 600, "backup", "x") for n in range(1000)]
    day = [(n * 600 + 300, "login", "x") for n in range(1000)]
    assert lift(learned(sorted(night + day)), "backup", "login") < 0.05


def test_what_meets_by_chance_has_a_lift_near_one() -> None:
    chance = np.random.default_rng(7)
    told = [(int(at), name, "x") for name in ("one", "two") for at in chance.uniform(0, 100 * DAY, 5000)]
    assert 0.7 < lift(learned(sorted(told)), "one", "two") < 1.3


def test_many_things_that_begin_one_after_the_other_are_a_pair_with_itself() -> None:
    wave = [(n * DAY + more, "down", f"node{more}") for n in range(20) for more in range(8)]
    assert lift(learned(wave), "down", "down") > 50


def test_a_state_is_together_within_a_minute_and_an_event_is_not() -> None:
    told = [(2 * n * DAY + more, name, "x") for n in range(20) for more, name in ((0, "node"), (50, "pod"))]
    assert lift(learned(told, states=frozenset({"node", "pod"})), "node", "pod") > 50
    assert lift(learned(told), "node", "pod") == 1.0


def test_places_are_not_mixed() -> None:
    found = learned([(n * DAY, "db", "x") for n in range(20)], [(n * DAY + 2, "api", "x") for n in range(20)])
    assert lift(found, "db", "api") == 1.0
