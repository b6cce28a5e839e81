"""Durations (`90s`, `1h30m`, or seconds) and instants as people write them; inside, `int` milliseconds."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_WRITTEN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
LONGEST_MS = 366 * 86_400_000


def milliseconds(value: object) -> int:
    """Read a duration. Raises ValueError, saying how one is written."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return round(value * 1000)
    if isinstance(value, str) and value and (found := _WRITTEN.fullmatch(value)):
        return sum(int(n) * ms for n, ms in zip(found.groups(), _UNITS_MS.values(), strict=True) if n)
    raise ValueError("write a duration like 90s, 5m or 1h30m, or a number of seconds")


def written(ms: int) -> str:
    """The duration as a person would write it."""
    parts = []
    for unit, unit_ms in _UNITS_MS.items():
        count, ms = divmod(ms, unit_ms)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


Duration = Annotated[
    int, BeforeValidator(milliseconds), Field(ge=0, le=LONGEST_MS), PlainSerializer(written, return_type=str)
]
PositiveDuration = Annotated[
    int, BeforeValidator(milliseconds), Field(gt=0, le=LONGEST_MS), PlainSerializer(written, return_type=str)
]

AUTO = "auto"
AUTO_MS = -1  # no duration: for each alert one of its own, from how long its like fired before


def hold_ms(value: object) -> int:
    """Read how long a page waits: a duration, or `auto`. Raises ValueError, saying how one is written."""
    if value == AUTO:
        return AUTO_MS
    try:
        ms = milliseconds(value)
    except ValueError as exc:
        raise ValueError(f"{exc}, or auto") from exc
    if ms < 0:
        raise ValueError("a page cannot wait for less than 0s")
    return ms


def hold_written(ms: int) -> str:
    """The same as a person would write it."""
    return AUTO if ms == AUTO_MS else written(ms)


HoldDuration = Annotated[
    int, BeforeValidator(hold_ms), Field(ge=AUTO_MS, le=LONGEST_MS), PlainSerializer(hold_written, return_type=str)
]


def instant_ms(value: object) -> int:
    """Read a point in time, RFC 3339 with a zone. Raises ValueError, saying how one is written."""
    when = value
    if isinstance(value, str):
        try:
            when = datetime.fromisoformat(value)
        except ValueError:
            when = None
    if not isinstance(when, datetime) or when.tzinfo is None:
        raise ValueError("write a time with its zone, like 2026-11-23T08:00:00Z")
    return round(when.timestamp() * 1000)


def instant_written(at_ms: int) -> str:
    """The point in time as a person would write it, so that a policy can be read from what was written of it."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).isoformat().replace("+00:00", "Z")


Instant = Annotated[int, BeforeValidator(instant_ms), PlainSerializer(instant_written, return_type=str)]
