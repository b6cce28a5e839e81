"""A labelled stream: recorded canonical events, and what each really was."""

import csv
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from pipeline.errors import Misuse

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NOISE = -1  # the incident of an event that belongs to none


class Condition(NamedTuple):
    """What makes two events the same problem from the same thing."""

    source: str
    name: str
    labels: tuple[tuple[str, str], ...]

    def host(self) -> str:
        """The thing, as the scorer names it."""
        labels = dict(self.labels)
        return labels.get("host") or labels.get("site") or labels.get("device") or ""


class Stream(NamedTuple):
    """Events as columns: entry n of each array speaks of line n."""

    at_s: Floats  # `starts_at`, which the scorer counts with
    came_s: Floats  # when it came: as it says itself, else the end of what is resolved, else the start
    condition: Ints  # index into `conditions`
    conditions: list[Condition]
    is_resolved: npt.NDArray[np.bool_]
    incident: Ints  # index into `incidents`, or NOISE
    incidents: list[str]
    steps: list[str]  # of each incident

    def keys(self) -> Ints:
        """(name, host) of each event, as numbers: what the scorer calls one thing."""
        return self.number([(condition.name, condition.host()) for condition in self.conditions])

    def number(self, of_condition: list[tuple[str, ...]]) -> Ints:
        """For each event a number, equal where what `of_condition` says of its condition is equal."""
        numbers: dict[tuple[str, ...], int] = {}
        each = [numbers.setdefault(value, len(numbers)) for value in of_condition]
        return np.array(each, dtype=np.int64)[self.condition] if each else np.zeros(0, dtype=np.int64)


def read_stream(events: Path, truth: Path | None) -> Stream:
    """The events of a file and their truth, all noise without one. Raises Misuse, naming file and line."""
    at_s, came_s, condition, is_resolved = [], [], [], []
    known: dict[Condition, int] = {}
    seen: dict[str, float] = {}
    for number, line in enumerate(_lines(events), 1):
        try:
            event = orjson.loads(line)
            labels = event["labels"]
            found = Condition(event["source"], event["name"], tuple(sorted(labels.items())))
            start, end = event["starts_at"], event["ends_at"]
            at = seen[start] if start in seen else seen.setdefault(start, _seconds(start))
            resolved = event["status"] == "resolved"
            received = event.get("received_at") or (end if resolved else None)
            came = _seconds(received) if received else at
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise Misuse(f"{events}: line {number} is not a canonical event: {type(exc).__name__}: {exc}") from None
        at_s.append(at)
        came_s.append(came)
        condition.append(known.setdefault(found, len(known)))
        is_resolved.append(resolved)
    incident, incidents, steps = _truth(truth, len(at_s))
    return Stream(
        np.array(at_s, dtype=np.float64),
        np.array(came_s, dtype=np.float64),
        np.array(condition, dtype=np.int64),
        list(known),
        np.array(is_resolved, dtype=np.bool_),
        np.array(incident, dtype=np.int64),
        incidents,
        steps,
    )


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except OSError as exc:
        raise Misuse(f"{path}: {exc.strerror}") from None


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def _truth(path: Path | None, events: int) -> tuple[list[int], list[str], list[str]]:
    if path is None:
        return [NOISE] * events, [], []
    numbers: dict[str, int] = {}
    incident, steps = [], []
    with path.open(newline="") as file:
        rows = csv.reader(file)
        if next(rows, None) != ["incident", "step"]:
            raise Misuse(f"{path}: line 1 must be incident,step")
        for name, step in rows:
            if name and name not in numbers:
                steps.append(step)  # an incident is of the step of its first event
            incident.append(numbers.setdefault(name, len(numbers)) if name else NOISE)
    if len(incident) != events:
        raise Misuse(f"{path} speaks of {len(incident)} events, but there are {events}")
    return incident, list(numbers), steps


class Verdicts(NamedTuple):
    """What a method made of each event."""

    group: Ints  # equal numbers: one incident; what is in none is alone
    score: Floats | None = None  # actionability; None: it gives no scores
    paged: npt.NDArray[np.bool_] | None = None  # whether the event notified a person; None: each group does once


def read_decisions(path: Path, events: int) -> Verdicts:
    """The incidents and scores of a decision file, line by line. Raises Misuse."""
    numbers: dict[str, int] = {}
    group, scores, paged, has_scores = [], [], [], False
    for number, line in enumerate(_lines(path)):
        try:
            decision = orjson.loads(line)
            incident, score = decision.get("incident_id"), decision.get("score")
        except (ValueError, AttributeError):
            raise Misuse(f"{path}: line {number + 1} is not a decision") from None
        group.append(numbers.setdefault(incident or f"-{number}", len(numbers)))
        paged.append(decision.get("paged") is True)
        has_scores = has_scores or score is not None
        scores.append(0.0 if score is None else score)
    if len(group) != events:
        raise Misuse(f"{path} holds {len(group)} decisions, but there are {events} events")
    return Verdicts(
        np.array(group, dtype=np.int64), np.array(scores) if has_scores else None, np.array(paged, dtype=np.bool_)
    )
