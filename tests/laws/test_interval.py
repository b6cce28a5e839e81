"""Time intervals: nothing changes before the next change, and containing is what the calendar says."""

import calendar
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.core.interval import NamedIntervals, TimeInterval
from pipeline.core.interval_ranges import Range, TimeRange

DAY_MS = 86_400_000
# Clocks that change at midnight, by half an hour, over the date line, at 00:01, never.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kolkata",
]
START_MS = round(datetime(2009, 1, 1, tzinfo=UTC).timestamp() * 1000)


def ranges(least: int, most: int) -> st.SearchStrategy[Range]:
    ends = st.tuples(st.integers(least, most), st.integers(least, most))
    return ends.map(lambda pair: Range(min(pair), max(pair)))


def times() -> st.SearchStrategy[TimeRange]:
    minutes = st.lists(
        st.sampled_from([0, 1, 60, 119, 120, 150, 180, 720, 1381, 1395, 1440]), min_size=2, max_size=2, unique=True
    )
    return minutes.map(lambda pair: TimeRange(start_time=min(pair), end_time=max(pair)))


def some(one: st.SearchStrategy[Range]) -> st.SearchStrategy[tuple[Range, ...]]:
    return st.lists(one, min_size=1, max_size=2).map(tuple)


@st.composite
def intervals(draw: st.DrawFn) -> TimeInterval:
    given_fields = draw(st.sets(st.sampled_from(["times", "weekdays", "days_of_month", "months", "years"]), max_size=3))
    fields = {
        "times": st.lists(times(), min_size=1, max_size=3).map(tuple),
        "weekdays": some(ranges(0, 6)),
        "days_of_month": some(st.one_of(ranges(1, 31), ranges(-31, -1))),
        "months": some(ranges(1, 12)),
        "years": some(ranges(2009, 2013)),
    }
    return TimeInterval(
        location=draw(st.sampled_from(ZONES)), **{name: draw(fields[name]) for name in sorted(given_fields)}
    )


instants = st.integers(START_MS, START_MS + 5 * 366 * DAY_MS)
# The days on which the clocks of ZONES did something odd.
odd = st.sampled_from(
    [
        "2010-11-07T02:31",
        "2011-12-30T10:00",
        "2010-10-17T03:00",
        "2010-02-21T02:00",
        "2010-03-28T01:00",
        "2010-04-03T15:00",
    ]
).map(lambda text: round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000))
moments = st.one_of(instants, st.tuples(odd, st.integers(-2 * DAY_MS, DAY_MS)).map(sum))


def naive(interval: TimeInterval, at_ms: int) -> bool:
    """What the calendar says, field by field."""
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(interval.location))
    days = calendar.monthrange(local.year, local.month)[1]
    minute = local.hour * 60 + local.minute
    from_start = [
        range_ if range_.first > 0 else Range(range_.first + days + 1, range_.last + days + 1)
        for range_ in interval.days_of_month
    ]
    fields = [
        [time.start_time <= minute < time.end_time for time in interval.times],
        [range_.holds((local.weekday() + 1) % 7) for range_ in interval.weekdays],
        [range_.holds(local.day) for range_ in from_start],
        [range_.holds(local.month) for range_ in interval.months],
        [range_.holds(local.year) for range_ in interval.years],
    ]
    return all(any(field) for field in fields if field)


@given(intervals(), moments)
def test_it_contains_what_the_calendar_says(interval: TimeInterval, at_ms: int) -> None:
    assert interval.contains(at_ms) is naive(interval, at_ms)


@given(intervals(), moments, st.data())
def test_nothing_changes_before_the_next_change(interval: TimeInterval, at_ms: int, data: st.DataObject) -> None:
    is_in = interval.contains(at_ms)
    change_ms = interval.next_change_ms(at_ms)
    end_ms = change_ms if change_ms is not None else at_ms + 3660 * DAY_MS
    assert end_ms > at_ms
    for _ in range(20):
        assert naive(interval, data.draw(st.integers(at_ms, end_ms - 1))) is is_in
    assert naive(interval, end_ms - 1) is is_in
    if change_ms is not None:
        assert naive(interval, change_ms) is not is_in


@given(intervals(), moments)
def test_walking_minute_by_minute_finds_no_earlier_change(interval: TimeInterval, at_ms: int) -> None:
    change_ms = interval.next_change_ms(at_ms)
    minute_ms = at_ms - at_ms % 60_000 + 60_000
    end_ms = min(change_ms if change_ms is not None else at_ms + 2 * DAY_MS, at_ms + 2 * DAY_MS)
    is_in = interval.contains(at_ms)
    assert all(naive(interval, later_ms) is is_in for later_ms in range(minute_ms, end_ms, 60_000))


@given(st.lists(intervals(), min_size=1, max_size=3), moments)
@example([TimeInterval(weekdays=(Range(0, 3),)), TimeInterval(weekdays=(Range(3, 6),))], START_MS)
def test_a_union_changes_only_when_all_of_it_does(parts: list[TimeInterval], at_ms: int) -> None:
    union = NamedIntervals(name="union", time_intervals=tuple(parts))
    change_ms = union.next_change_ms(at_ms)
    if change_ms is not None:
        is_in = any(naive(part, at_ms) for part in parts)
        assert any(naive(part, change_ms - 1) for part in parts) is is_in
        assert any(naive(part, change_ms) for part in parts) is not is_in


@given(intervals())
def test_it_is_written_as_it_is_read(interval: TimeInterval) -> None:
    assert TimeInterval.model_validate_json(interval.model_dump_json()) == interval
