"""What somebody asks about: an incident, an alert by either of its fingerprints, or one event by where it stands."""

import re
from enum import StrEnum
from typing import NamedTuple

from pipeline.errors import Misuse

LEAST = 8  # characters of an id that are enough where only one thing has them
_OURS = re.compile(r"(inc[0-9]+|fp[0-9]+):([0-9a-f]*)")
_THEIRS = re.compile(r"[0-9a-f]{1,16}")
_PLACE = re.compile(r"([0-9]{1,9}):([0-9]{1,18})")
_LINE = re.compile(r"line:([0-9]{1,18})")
_LENGTHS = {"inc": 20, "fp": 16}
_THEIR_LENGTH = 16


class Kind(StrEnum):
    """What kind of thing is asked about."""

    INCIDENT = "incident"
    ALERT = "alert"
    SOURCE_ALERT = "source's alert"
    EVENT = "event"
    LINE = "line"


class Asked(NamedTuple):
    """What is asked about. `text` is an id, or its beginning, or the place of an event as `Decided` has it."""

    kind: Kind
    text: str
    is_whole: bool = True
    place: tuple[int, int] | None = None  # on `alerts.raw`


def read_asked(what: str) -> Asked:
    """Read what a person typed. Raises Misuse, saying what may be asked about."""
    text = what.strip()
    if found := _LINE.fullmatch(text):
        return Asked(Kind.LINE, f"line:{int(found[1])}")
    if found := _PLACE.fullmatch(text):
        place = int(found[1]), int(found[2])
        return Asked(Kind.EVENT, f"{place[0]}:{place[1]}", place=place)
    text = text.lower()
    if found := _OURS.fullmatch(text):
        kind = Kind.INCIDENT if text.startswith("inc") else Kind.ALERT
        return _by_id(kind, text, found[2], _LENGTHS[found[1].rstrip("0123456789")])
    if _THEIRS.fullmatch(text):
        return _by_id(Kind.SOURCE_ALERT, text, text, _THEIR_LENGTH)
    raise Misuse(
        f"{what}: expected an incident (inc1:…), an alert (fp1:…, or the 16 hex digits that Alertmanager shows), or an "
        "event (PARTITION:OFFSET on alerts.raw; line:N with --decisions)"
    )


def _by_id(kind: Kind, text: str, digits: str, length: int) -> Asked:
    if len(digits) < LEAST:
        raise Misuse(f"{text}: give at least {LEAST} of its {length} hex digits")
    if len(digits) > length:
        raise Misuse(f"{text}: has {len(digits)} hex digits, and such an id has {length}")
    return Asked(kind, text, len(digits) == length)
