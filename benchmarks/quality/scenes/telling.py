"""What a monitor sends of what fires: at once, again while it lasts, and once when it is over; as canonical events."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.quality.scenes.alerts import Firing
from pipeline.core.timestamp import rfc3339

STARTS_AT_MS = 1_767_571_200_000  # Monday, 2026-01-05
REPEATED_S = 240  # so often a monitor repeats what still fires


class Event(NamedTuple):
    """A line that a monitor sends at `at_s`, and the storm that it belongs to."""

    at_s: float
    firing: Firing
    is_resolved: bool


def once(firings: Iterable[Firing], rest_s: float) -> Iterator[Firing]:
    """What fires already, or did less than `rest_s` ago, does not begin again: it adds nothing there."""
    until_s: dict[tuple[Any, ...], float] = {}
    for firing in sorted(firings, key=lambda one: one.at_s):
        key = (firing.name, *sorted(firing.labels.items()))
        if key not in until_s or firing.at_s > until_s[key] + rest_s:
            until_s[key] = firing.ends_s
            yield firing


def tell(firing: Firing) -> Iterator[Event]:
    """All that is sent of it."""
    for repeat in range(max(1, int((firing.ends_s - firing.at_s - 1) // REPEATED_S) + 1)):
        yield Event(firing.at_s + repeat * REPEATED_S, firing, is_resolved=False)
    yield Event(firing.ends_s, firing, is_resolved=True)


def write(scene: list[Event], events: Path, truth: Path) -> None:
    """As files: canonical events, and which storm each belongs to."""
    with events.open("w") as lines, truth.open("w") as rows:
        rows.write("incident,step\n")
        for event in scene:
            lines.write(json.dumps(canonical(event), separators=(",", ":")) + "\n")
            rows.write(f"{event.firing.storm},{event.firing.storm}\n")


def canonical(event: Event) -> dict[str, Any]:
    """The event as a line of the canonical form."""
    firing = event.firing
    return {
        "source": "prometheus",
        "name": firing.name,
        "labels": firing.labels,
        "annotations": {"summary": firing.summary},
        "severity": firing.severity,
        "status": "resolved" if event.is_resolved else "firing",
        "starts_at": _time(firing.at_s),
        "ends_at": _time(event.at_s) if event.is_resolved else None,
        "received_at": _time(event.at_s),
    }


def _time(at_s: float) -> str:
    return rfc3339(STARTS_AT_MS + round(at_s * 1000))
