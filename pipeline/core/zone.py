"""What clocks in a time zone show; the zones are those of the PyPI package `tzdata`, never the machine's.

So the same log gives the same decisions everywhere, and a new release of the zones is a new pinned version.
"""

from datetime import datetime
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

DAY_MS = 86_400_000


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of that name. Raises ValueError if there is none, or if it is whatever the machine is set to."""
    if name == "Local":
        raise ValueError("the machine's own zone decides differently on every machine; name one, like Europe/Berlin")
    if name not in _names():
        raise ValueError("no such time zone; they are named like Europe/Berlin, or UTC")
    file = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with file.open("rb") as content:
        return ZoneInfo.from_file(content, key=name)


@cache
def _names() -> frozenset[str]:
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


def offset_ms(at_ms: int, zone: ZoneInfo) -> int:
    """What is to be added to an instant for the clocks of `zone`; UTC plus this is local time."""
    offset = datetime.fromtimestamp(at_ms // 1000, zone).utcoffset()
    assert offset is not None  # noqa: S101 - a ZoneInfo always has one
    return (offset.days * 86_400 + offset.seconds) * 1000


def steady_until_ms(at_ms: int, zone: ZoneInfo) -> int:
    """Until when the clocks go on evenly: to the next local midnight, or to an earlier change of the offset.

    No zone has changed its offset twice within a day since 1970 (a test goes through all of them).
    """
    offset = offset_ms(at_ms, zone)
    midnight_ms = at_ms - (at_ms + offset) % DAY_MS + DAY_MS
    if offset_ms(midnight_ms - 1, zone) == offset:
        return midnight_ms
    before, after = at_ms // 1000, (midnight_ms - 1) // 1000  # seconds: no offset changes within one
    while after - before > 1:
        middle = (before + after) // 2
        if offset_ms(middle * 1000, zone) == offset:
            before = middle
        else:
            after = middle
    return after * 1000
