"""How ranges of time are written in Alertmanager's YAML, `monday:friday`, `-3:-1`, `may`, and which are none."""

import calendar
import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, model_validator

_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_NUMBER = re.compile(r"-?[0-9]{1,4}")
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = tuple(name.lower() for name in calendar.month_name)  # the first is empty, so January is 1
_SHORTEST_MONTH = 28


class Range(NamedTuple):
    """From `first` to `last`, both included. Days of the month may be negative: -1 is the last."""

    first: int
    last: int

    def holds(self, value: int) -> bool:
        """Whether `value` lies in it."""
        return self.first <= value <= self.last

    def holds_day(self, day: date) -> bool:
        """Whether the day lies in it, as a day of its month."""
        days = calendar.monthrange(day.year, day.month)[1]
        first, last = (end + days + 1 if end < 0 else end for end in self)
        return first <= day.day <= last


def _minute(value: object) -> int:
    """The minute of the day that `HH:MM` names."""
    # YAML reads 17:00 without quotes as a number in base 60, which is just the minute.
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1440:
        return value
    if isinstance(value, str) and (found := _TIME.fullmatch(value)):
        return int(found[1]) * 60 + int(found[2]) if found[1] else 1440
    raise ValueError("write a time like '09:00', up to '24:00'")


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


Minute = Annotated[int, BeforeValidator(_minute), PlainSerializer(_clock, return_type=str)]


class TimeRange(BaseModel):
    """From `start_time` until `end_time` on the same day, without the latter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start_time: Minute
    end_time: Minute

    @model_validator(mode="after")
    def _ordered(self) -> "TimeRange":
        if self.start_time >= self.end_time:
            raise ValueError("start_time must be before end_time; write a range over midnight as two")
        return self


def _read(value: object, member: Callable[[str], int | None], how: str) -> Range:
    """The range that `value` writes, each end read by `member`. Raises ValueError, saying `how` one is written."""
    if isinstance(value, Range):
        return value
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError(how)  # noqa: TRY004 - pydantic makes a field's error of a ValueError only
    ends = [end for text in str(value).lower().split(":") if (end := member(text)) is not None]
    if len(ends) != str(value).count(":") + 1 or len(ends) > 2:
        raise ValueError(how)
    return Range(ends[0], ends[-1])


def _number(text: str, least: int, most: int) -> int | None:
    number = int(text) if _NUMBER.fullmatch(text) else None
    return number if number is not None and least <= number <= most else None


def _named(text: str, names: Sequence[str]) -> int | None:
    return names.index(text) if text and text in names else None


def _rising(found: Range) -> Range:
    if found.first > found.last:
        raise ValueError("a range must not end before it starts; write one over the turn as two")
    return found


def _weekdays(value: object) -> Range:
    how = "write weekdays like monday or 'monday:friday'; the week starts on sunday"
    return _rising(_read(value, lambda text: _named(text, _WEEKDAYS), how))


def _days(value: object) -> Range:
    how = "write days of the month like 1, '1:15' or '-3:-1', from the last day backwards"
    found = _read(value, lambda text: _number(text, -31, 31) or None, how)
    if found.first < 0 < found.last:
        raise ValueError("a range that starts at a negative day must end at one")
    # Whether -3 comes after 27 depends on the month; only what no month has is wrong.
    _rising(Range(*(end + _SHORTEST_MONTH if end < 0 else end for end in found)))
    return found


def _months(value: object) -> Range:
    how = "write months like may, 5 or 'may:august'"
    return _rising(_read(value, lambda text: _named(text, _MONTHS) or _number(text, 1, 12), how))


def _years(value: object) -> Range:
    return _rising(_read(value, lambda text: _number(text, 1970, 9999), "write years like 2026 or '2026:2028'"))


def _text(found: Range, names: Sequence[str] = ()) -> str:
    first, last = (names[end] if names else str(end) for end in found)
    return first if found.first == found.last else f"{first}:{last}"


def _weekday_text(found: Range) -> str:
    return _text(found, _WEEKDAYS)


def _month_text(found: Range) -> str:
    return _text(found, _MONTHS)


Weekdays = Annotated[Range, BeforeValidator(_weekdays), PlainSerializer(_weekday_text, return_type=str)]
Days = Annotated[Range, BeforeValidator(_days), PlainSerializer(_text, return_type=str)]
Months = Annotated[Range, BeforeValidator(_months), PlainSerializer(_month_text, return_type=str)]
Years = Annotated[Range, BeforeValidator(_years), PlainSerializer(_text, return_type=str)]
