"""A claim is what a source says about an alert, before it has an identity here; this file reads its fields.

Tolerant of what is missing or unknown, strict about what would change the meaning: a label that is no string or a time
that is no time is rejected by name, never guessed ("a bad time that becomes now" has cost others whole incidents).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from pipeline.errors import Rejected
from schemas import Severity, Status

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Claim(NamedTuple):
    """One event about one alert, in the source's words. Labels hold no empty values: those do not exist."""

    source: str
    name: str
    labels: dict[str, str]
    annotations: dict[str, str]
    severity: Severity
    status: Status
    at_ms: int
    starts_at_ms: int
    ends_at_ms: int | None
    expires_at_ms: int | None
    is_state: bool
    source_fingerprint: str | None
    url: str | None


class Parsed(NamedTuple):
    """A body as claims, the items in it that are no alert, and how many alerts the source says it left out."""

    claims: list[Claim]
    rejected: list[Rejected]
    truncated: int = 0


def load(body: bytes) -> Any:
    """Read JSON; bytes that are no UTF-8 become U+FFFD, as in Go. Raises Rejected."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        if exc.pos == 0 and b'"' in body:
            try:
                return orjson.loads(body.decode("utf-8", "replace"))
            except orjson.JSONDecodeError as second:
                exc = second
        raise Rejected(f"not JSON: {exc.msg} at character {exc.pos}") from None


def claims(items: Iterable[tuple[str, object]], read: Callable[[object, str], Claim], truncated: int = 0) -> Parsed:
    """Read each of `items`, (where it stands, what it is), on its own: a bad one is rejected, the others are kept."""
    good: list[Claim] = []
    bad: list[Rejected] = []
    for where, item in items:
        try:
            good.append(read(item, where))
        except Rejected as exc:
            bad.append(exc.bare())
    return Parsed(good, bad, truncated)


def numbered(items: list[Any], array: str = "") -> Iterator[tuple[str, object]]:
    """Each item with its path, `array[n]`."""
    return ((f"{array}[{index}]", item) for index, item in enumerate(items))


def shape(value: object) -> str:
    """What a wrong value is, without saying what is in it."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return f"a string of {len(value)} characters"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    return "a boolean" if isinstance(value, bool) else "a number"


def mapping(value: object, where: str) -> dict[str, Any]:
    """An object. Raises Rejected."""
    if not isinstance(value, dict):
        raise Rejected(f"must be an object, is {shape(value)}", where)
    return value


def texts(found: dict[str, Any], key: str, where: str) -> dict[str, str]:
    """The object of strings `found[key]` without its empty ones; absent is empty. Raises Rejected."""
    value = found.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Rejected(f"must be an object, is {shape(value)}", path(where, key))
    for name, text in value.items():
        if type(text) is not str:
            raise Rejected(f"must be a string, is {shape(text)}", path(where, f"{key}.{name}"))
    return value if all(value.values()) else {name: text for name, text in value.items() if text}


def notes(found: dict[str, Any], key: str) -> dict[str, str]:
    """What `found[key]` says beside the alert. Nothing in it can make the alert another one, so nothing is rejected."""
    value = found.get(key)
    if not isinstance(value, dict):
        return {}
    for note in value.values():
        if type(note) is not str:
            break
    else:
        return value
    return {name: note if isinstance(note, str) else _written(note) for name, note in value.items()}


def _written(note: object) -> str:
    try:
        return orjson.dumps(note).decode()
    except TypeError:  # nested deeper than orjson writes
        return shape(note)


def text(found: dict[str, Any], key: str, where: str) -> str | None:
    """The string `found[key]` or nothing; empty is nothing. Raises Rejected."""
    value = found.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    raise Rejected(f"must be a string, is {shape(value)}", path(where, key))


def word(found: dict[str, Any], key: str) -> str | None:
    """The string `found[key]`, or nothing where it is none: a mistake in it must not cost the alert."""
    value = found.get(key)
    return value if isinstance(value, str) and value else None


def time_ms(found: Mapping[str, Any], key: str, where: str) -> int | None:
    """RFC 3339 at `found[key]` as ms UTC; absent, empty and Go's zero time (year 1) are nothing. Raises Rejected."""
    value = found.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            when = datetime.fromisoformat(value)
        except ValueError:
            when = None
        if when is not None and when.tzinfo is not None:
            if when.year == 1:
                return None
            since = when - _EPOCH
            return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
    raise Rejected(f"must be an RFC 3339 time with a zone, is {shape(value)}", path(where, key))


def status_of(found: dict[str, Any], where: str) -> Status:
    """Firing or resolved, from `found["status"]`. Raises Rejected."""
    value = found.get("status")
    if value == "firing":
        return Status.FIRING
    if value == "resolved":
        return Status.RESOLVED
    raise Rejected(f"must be firing or resolved, is {shape(value)}", path(where, "status"))


def path(where: str, key: str) -> str:
    """The path of a field of what stands at `where`."""
    return f"{where}.{key}" if where else key


def severity_of(value: str | None) -> Severity:
    """The source's word in PagerDuty's; a word we do not know is `unknown`, which pages like an error."""
    return _SEVERITIES.get(value.lower(), Severity.UNKNOWN) if value else Severity.UNKNOWN


_SEVERITIES = {
    word: severity
    for severity, words in {
        Severity.CRITICAL: "critical crit page emergency emerg disaster fatal p1 sev1",
        Severity.ERROR: "error err high major average p2 sev2",
        Severity.WARNING: "warning warn medium minor moderate p3 sev3",
        Severity.INFO: "info information informational notice low none debug p4 p5 sev4 sev5",
    }.items()
    for word in words.split()
}
