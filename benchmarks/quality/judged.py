"""A made scene goes through each method as files do, and comes back as the group of every event."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from benchmarks.quality.baselines import METHODS
from benchmarks.quality.product import OUTPUTS, replay_into
from benchmarks.quality.scenes.telling import Event, write
from benchmarks.quality.stream import read_stream

PRODUCT = "pagesieve"
Record = dict[str, Any]


class Told(NamedTuple):
    """What the product wrote of a scene."""

    groups: list[str]  # of each event, the incident that it ended up in
    into: dict[str, str]  # merged incidents
    decisions: list[Record]
    incidents: list[Record]
    pages: list[Record]


def grouped(scene: list[Event], methods: Sequence[str], policy: Path | None) -> dict[str, list[str] | Told]:
    """What each method makes of it. Raises Fault."""
    with tempfile.TemporaryDirectory(prefix="pagesieve-quality-") as scratch:
        folder = Path(scratch)
        events, truth = folder / "events.ndjson", folder / "truth.csv"
        write(scene, events, truth)
        stream = read_stream(events, truth)
        return {
            method: told(replay_into(folder, events, policy, OUTPUTS))
            if method == PRODUCT
            else [str(group) for group in METHODS[method](stream)]
            for method in methods
        }


def groups_of(found: list[str] | Told) -> list[str]:
    """The group of each event."""
    return found.groups if isinstance(found, Told) else found


def told(files: dict[str, Path]) -> Told:
    """Read what a replay wrote."""
    decisions, incidents, pages = (list(_read(files[name])) for name in OUTPUTS)
    into = {one["incident_id"]: one["merged_into"] for one in incidents if one["merged_into"]}
    groups = [final(decision["incident_id"] or f"-{n}", into) for n, decision in enumerate(decisions)]
    return Told(groups, into, decisions, incidents, pages)


def final(incident: str, into: dict[str, str]) -> str:
    """The incident that goes on for it."""
    while incident in into:
        incident = into[incident]
    return incident


def _read(path: Path) -> Iterator[Record]:
    with path.open("rb") as lines:
        yield from map(orjson.loads, lines)
