"""Time intervals mean here what Alertmanager's `time_intervals` mean: minutes, weekdays, days, months, years in a zone.

An interval contains an instant if each field that it has contains what clocks in its `location` (else UTC) show then;
a field contains what any of its ranges contains. Ranges include both ends, but for times: `[start, end)`. There are two
differences: no `location: Local` (see `zone`), and day -1 of March is the 31st everywhere, where Alertmanager 0.25
takes the 30th in zones that put their clocks forward in March.
"""

from datetime import date
from functools import cached_property
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from pipeline.core.interval_ranges import Days, Months, Range, TimeRange, Weekdays, Years
from pipeline.core.zone import DAY_MS, offset_ms, steady_until_ms, zone

HORIZON_DAYS = 3660  # how far `next_change_ms` looks ahead
_MOST_CHANGES = 1000  # of single intervals that one change of a union may take
_MINUTE_MS = 60_000
_EPOCH = date(1970, 1, 1).toordinal()
_LAST_DAY = date.max.toordinal() - _EPOCH - HORIZON_DAYS - 2


def _holds(ranges: tuple[Range, ...], value: int) -> bool:
    return not ranges or any(one.holds(value) for one in ranges)


def _existing(name: str) -> str:
    zone(name)
    return name


class TimeInterval(BaseModel):
    """When something holds, as one entry of Alertmanager's `time_intervals`; without fields it is always."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    times: tuple[TimeRange, ...] = Field(default=(), min_length=1)
    weekdays: tuple[Weekdays, ...] = Field(default=(), min_length=1)
    days_of_month: tuple[Days, ...] = Field(default=(), min_length=1)
    months: tuple[Months, ...] = Field(default=(), min_length=1)
    years: tuple[Years, ...] = Field(default=(), min_length=1)
    location: Annotated[str, AfterValidator(_existing)] = "UTC"

    @model_serializer(mode="wrap")
    def _given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Only what is given: a field without ranges may not be read as one that contains nothing."""
        return {name: value for name, value in handler(self).items() if value}

    def contains(self, at_ms: int) -> bool:
        """Whether the instant lies in it."""
        day, since_midnight_ms = divmod(at_ms + offset_ms(at_ms, self._zone), DAY_MS)
        return self._has_day(day) and self._has_minute(since_midnight_ms // _MINUTE_MS)

    def next_change_ms(self, at_ms: int) -> int | None:
        """The first instant after `at_ms` at which `contains` says otherwise; None: not within HORIZON_DAYS.

        Exact where clocks are put forward or back: it walks from one even stretch of local time to the next, and looks
        only at the minutes at which a range starts or ends.
        """
        began_ms, is_in = at_ms, self.contains(at_ms)
        first_day = at_ms // DAY_MS
        if first_day > _LAST_DAY:
            return None
        while at_ms // DAY_MS <= first_day + HORIZON_DAYS:
            end_ms = steady_until_ms(at_ms, self._zone)
            offset = offset_ms(at_ms, self._zone)
            midnight_ms = (at_ms + offset) // DAY_MS * DAY_MS - offset
            edges = (midnight_ms + minute * _MINUTE_MS for minute in self._edges)
            for edge_ms in (*(edge for edge in edges if at_ms < edge < end_ms), end_ms):
                if self.contains(edge_ms) != is_in:
                    return edge_ms
            # Clocks put back at midnight repeat the evening before, so the days around the start are walked in full.
            at_ms = end_ms if end_ms < began_ms + 2 * DAY_MS else self._skip(end_ms, first_day, is_in=is_in)
        return None

    def _skip(self, at_ms: int, first_day: int, *, is_in: bool) -> int:
        """`at_ms`, or a later instant before the first day on which anything can change."""
        if is_in and self._minutes:
            return at_ms
        day = start = (at_ms + offset_ms(at_ms, self._zone)) // DAY_MS
        while self._has_day(day) == is_in and day <= first_day + HORIZON_DAYS:
            day += 1
        # Two days earlier by UTC is at least one by any clock.
        return max(at_ms, (day - 2) * DAY_MS) if day > start + 2 else at_ms

    def _has_day(self, day: int) -> bool:
        """Whether the local day, counted from 1970-01-01, lies in it."""
        today = date.fromordinal(day + _EPOCH)
        return (
            _holds(self.years, today.year)
            and _holds(self.months, today.month)
            and _holds(self.weekdays, today.isoweekday() % 7)  # sunday is 0
            and (not self.days_of_month or any(days.holds_day(today) for days in self.days_of_month))
        )

    def _has_minute(self, minute: int) -> bool:
        return not self._minutes or any(start <= minute < end for start, end in self._minutes)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return zone(self.location)

    @cached_property
    def _minutes(self) -> list[tuple[int, int]]:
        """The times as ranges that do not touch; empty: every minute."""
        merged: list[tuple[int, int]] = []
        for start, end in sorted((times.start_time, times.end_time) for times in self.times):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return [] if merged == [(0, DAY_MS // _MINUTE_MS)] else merged

    @cached_property
    def _edges(self) -> list[int]:
        return sorted({minute for both in self._minutes for minute in both})


class NamedIntervals(BaseModel):
    """An entry of Alertmanager's top-level `time_intervals`: a name for the union of some."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    time_intervals: tuple[TimeInterval, ...] = Field(min_length=1)

    def contains(self, at_ms: int) -> bool:
        """Whether the instant lies in any of them."""
        return any(interval.contains(at_ms) for interval in self.time_intervals)

    def next_change_ms(self, at_ms: int) -> int | None:
        """As `TimeInterval.next_change_ms`, for the union; None also if its parts follow each other without an end."""
        is_in = self.contains(at_ms)
        changes = {interval: interval.next_change_ms(at_ms) for interval in self.time_intervals}
        for _ in range(_MOST_CHANGES):
            soonest_ms = min((change for change in changes.values() if change is not None), default=None)
            if soonest_ms is None or self.contains(soonest_ms) != is_in:
                return soonest_ms
            for interval, change in changes.items():
                if change == soonest_ms:
                    changes[interval] = interval.next_change_ms(soonest_ms)
        return None
