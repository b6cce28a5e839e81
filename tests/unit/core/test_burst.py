"""When alerts begin one soon after the other, and which burst one belongs to that is told late."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.burst import CALM_MS, MOST, Burst, burst_of, join, merge

times = st.lists(st.integers(0, 60).map(lambda minute: minute * 60_000), max_size=40)


def bursts(*minutes: float) -> list[Burst]:
    found: list[Burst] = []
    for minute in minutes:
        join(found, round(minute * 60_000))
    return found


def test_a_calm_of_three_minutes_ends_a_burst() -> None:
    assert [(one.first_ms // 60_000, one.alerts) for one in bursts(0, 1, 4, 7, 10.1, 11)] == [(0, 4), (10, 2)]


def test_what_is_told_late_belongs_to_the_burst_in_which_it_began() -> None:
    found = bursts(5, 20, 6, 3, 0)
    assert [(one.first_ms // 60_000, one.last_ms // 60_000, one.alerts) for one in found] == [(0, 6, 4), (20, 20, 1)]


def test_there_are_no_more_than_so_many() -> None:
    found = bursts(*(number * 10 for number in range(40)))
    assert len(found) == MOST
    assert found[-1].alerts == 40 - MOST + 1


@given(times)
def test_every_alert_is_counted_once_and_bursts_are_in_order(found_ms: list[int]) -> None:
    found: list[Burst] = []
    for began_ms in found_ms:
        join(found, began_ms)
        assert found[burst_of(found, began_ms)].alerts
    assert sum(one.alerts for one in found) == len(found_ms)
    assert [one.first_ms for one in found] == sorted(one.first_ms for one in found)


@given(times, times)
def test_merged_ones_hold_all_and_each_knows_its_place(first: list[int], second: list[int]) -> None:
    one, other = bursts(*(at / 60_000 for at in first)), bursts(*(at / 60_000 for at in second))
    both, places = merge(one, other)
    assert sum(burst.alerts for burst in both) == len(first) + len(second)
    for mine, place in zip((one, other), places, strict=True):
        for burst, nth in zip(mine, place, strict=True):
            assert both[nth].first_ms <= burst.first_ms
            assert burst.last_ms <= both[nth].last_ms or len(both) == MOST
    assert all(b.first_ms - a.last_ms > CALM_MS for a, b in pairwise(both)) or len(both) == MOST
