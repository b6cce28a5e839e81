"""What a tally remembers of many alerts, and which alert is like them."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pipeline.core.tally import (
    KEPT,
    Common,
    Tally,
    add,
    count_keys,
    is_like,
    merge,
    merged_counts,
    missed_of,
    said,
)
from schemas import Alert
from tests.unit.core.kinds import kind

NOTHING = Tally()
names = st.lists(st.integers(0, 300).map(lambda n: f"n{n * n // 300}"), max_size=600)  # few are common, many rare


def counted(*alerts: Alert) -> Tally:
    tally = Tally()
    for alert in alerts:
        add(tally, alert)
    return tally


def pods(count: int, name: str = "PodNotReady", **labels: str) -> list[Alert]:
    return [kind(name, pod=f"web-{n}", **labels) for n in range(count)]


USUAL = counted(
    *pods(40, cluster="eu-1", environment="prod"),
    *pods(60, cluster="us-1", environment="prod"),
    *pods(60, cluster="us-2", environment="prod"),
)


def test_it_says_what_is_most_common_and_from_where() -> None:
    tally = counted(
        *pods(120, "HighErrorRate", cluster="eu-1"), *pods(61, cluster="eu-1"), *pods(14, "NodeDown", cluster="us-1")
    )
    assert said(tally, NOTHING) == "most often HighErrorRate (120) and PodNotReady (61); 181 of them cluster=eu-1"


def test_it_says_all_where_it_is_all() -> None:
    assert said(counted(*pods(3, cluster="eu-1")), NOTHING) == "all PodNotReady; all of them cluster=eu-1"


def test_it_says_nothing_of_where_if_they_are_from_everywhere() -> None:
    assert said(counted(*pods(3)), NOTHING) == "all PodNotReady"


def test_what_is_unusual_is_said_first() -> None:
    tally = counted(*pods(9, a="b", cluster="eu-1", environment="prod", zone="z"))
    assert said(tally, USUAL) == "all PodNotReady; all of them a=b, all of them cluster=eu-1"


def test_an_alert_of_a_name_that_was_counted_is_like() -> None:
    assert is_like(kind("PodNotReady", cluster="us-9"), counted(*pods(3)), NOTHING)
    assert not is_like(kind("DiskFull", cluster="us-9"), counted(*pods(3)), NOTHING)


def test_an_alert_from_where_most_came_from_is_like() -> None:
    tally = counted(*pods(60, cluster="eu-1"), *pods(40, cluster="us-1"))
    assert is_like(kind("DiskFull", cluster="eu-1"), tally, USUAL)
    assert not is_like(kind("DiskFull", cluster="us-1"), tally, USUAL)


def test_a_label_that_all_alerts_carry_makes_nothing_alike() -> None:
    tally = counted(*pods(60, environment="prod"))
    assert not is_like(kind("DiskFull", environment="prod"), tally, USUAL)


def test_while_little_is_known_of_what_is_usual_only_names_count() -> None:
    tally = counted(*pods(60, cluster="eu-1"))
    assert not is_like(kind("DiskFull", cluster="eu-1"), tally, counted(*pods(49, cluster="us-1")))


def test_severity_is_not_where_alerts_come_from() -> None:
    tally = counted(*pods(60, severity="critical"))
    assert not is_like(kind("DiskFull", severity="critical"), tally, USUAL)


def test_what_was_common_from_the_start_is_counted_exactly_among_thousands() -> None:
    tally = counted(*(kind(f"n{n}", cluster="eu-1", pod=f"p{n}") for n in range(5000)))
    assert len(tally.pairs.counts) <= 2 * KEPT
    assert len(tally.names.counts) <= 2 * KEPT
    assert bounds(tally.pairs, "cluster=eu-1") == (5000, 5000)


def test_what_becomes_common_late_is_found() -> None:
    tally = counted(*(kind(f"n{n}") for n in range(2000)), *pods(500, "Late"))
    assert tally.names.counts["Late"] == 500


def test_what_was_usual_long_ago_fades() -> None:
    usual = counted(*pods(100, cluster="old"))
    for _ in range(200):
        merge(usual, counted(*pods(100, cluster="new")))
    assert usual.alerts < 2000
    assert is_like(kind("DiskFull", cluster="old"), counted(*pods(60, "x", cluster="old")), usual)


def test_values_as_long_as_a_book_are_not_kept() -> None:
    tally = counted(kind("n" * 10_000, summary="x" * 10_000))
    assert not tally.pairs.counts
    assert max(map(len, tally.names.counts)) == 200
    assert is_like(kind("n" * 10_000), tally, NOTHING)


def bounds(common: Common, key: str) -> tuple[int, int]:
    count = common.counts.get(key, 0)
    return count, count + missed_of(common, key)


@given(names, names)
def test_every_count_lies_within_its_bounds_also_after_a_merge(first: list[str], second: list[str]) -> None:
    one, two = (counted(*map(kind, several)) for several in (first, second))
    merge(one, two)
    exact = Counter(first + second)
    assert one.alerts == len(first) + len(second)
    for key in exact:
        low, high = bounds(one.names, key)
        assert low <= exact[key] <= high


@given(names)
def test_a_snapshot_gives_the_very_tally(several: list[str]) -> None:
    tally = counted(*map(kind, several))
    adapter = TypeAdapter(Tally)
    restored = adapter.validate_json(adapter.dump_json(tally))
    assert restored == tally
    assert adapter.dump_json(restored) == adapter.dump_json(tally)  # in the same order too


def test_what_is_counted_of_two_is_not_counted_of_the_second_alone_later() -> None:
    second = Common({"shop": 2})
    both = merged_counts(None, second)
    assert both == Common({"shop": 2}, earlier={"shop": 0})
    assert both is not None
    count_keys(both, ["shop"])
    assert second.counts == {"shop": 2}
    assert merged_counts(both, second) == Common({"shop": 5}, earlier={"shop": 0})
    assert merged_counts(both, None) is both
    assert merged_counts(None, None) is None
