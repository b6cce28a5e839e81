"""Operations scenes: is a storm one incident, how many pages tell of it, and who is in it that should not be?"""

import statistics
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.quality.judged import Told, final, grouped
from benchmarks.quality.outcome import Onset, Outcome, Sent, outcome
from benchmarks.quality.scenes.scene import play
from benchmarks.quality.scenes.telling import STARTS_AT_MS, Event, canonical
from benchmarks.report import Report, Row, Table
from schemas import Reason

SEEDS = (1, 2, 3, 4, 5)
COLUMNS = (
    "method",
    "pair F1",
    "incidents a storm",
    "pages a storm, as sent",
    "most",
    "missed",
    "strangers",
    "worst",
    "critical waits s, longest",
    "never told",
)


class Task(NamedTuple):
    """One scene."""

    seed: int
    methods: tuple[str, ...]
    policy: Path | None


def measure(seeds: Sequence[int], methods: Sequence[str], policy: Path | None, *, jobs: int) -> Report:
    """Play every scene to every method. Raises Fault."""
    tasks = [Task(seed, tuple(methods), policy) for seed in seeds]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(_judged, tasks))
    report = Report("operations: generated scenes")
    rows = [_row(method, [one[method] for one in found]) for method in methods]
    report.tables.append(Table(f"{len(seeds)} scenes with 5 storms each", COLUMNS, rows))
    for method in methods[:1]:
        each = [_row(f"{method}, seed {seed}", [one[method]]) for seed, one in zip(seeds, found, strict=True)]
        report.tables.append(Table("Scene by scene", COLUMNS, each))
    report.notes.append(
        "A simple method is taken to page once a group, at once, and never for a repeat; Alertmanager would tell each "
        "group again when it grows."
    )
    return report


def _row(method: str, found: list[Outcome]) -> Row:
    pages = [count for one in found for count in one.pages]
    strangers = [share for one in found for share in one.strangers]
    waits_s = [wait for one in found for wait in one.waits_s]
    told_s = [wait for wait in waits_s if wait < float("inf")]
    return (
        method,
        statistics.mean(one.pair_f1 for one in found),
        statistics.mean(count for one in found for count in one.incidents),
        statistics.mean(pages),
        max(pages),
        sum(one.missed for one in found),
        statistics.mean(strangers),
        max(strangers),
        max(told_s, default=None),
        len(waits_s) - len(told_s),
    )


def _judged(task: Task) -> dict[str, Outcome]:
    scene = play(task.seed)
    found = grouped(scene, task.methods, task.policy)
    return {
        method: product_outcome(scene, made) if isinstance(made, Told) else simple_outcome(scene, made)
        for method, made in found.items()
    }


def simple_outcome(scene: list[Event], groups: list[str]) -> Outcome:
    """Judge a method that pages at the first alert that begins in each group."""
    onsets = _onsets(scene, groups)
    first: dict[str, Onset] = {}
    for onset in onsets:
        first.setdefault(onset.group, onset)
    return outcome(onsets, [Sent(group, onset.at_s, onset.storm) for group, onset in first.items()])


def product_outcome(scene: list[Event], told: Told) -> Outcome:
    """Judge a replay by its decisions, its incidents and its pages."""
    updated_s = {(one["incident_id"], one["revision"]): one["updated_at_ms"] / 1000 for one in told.incidents}
    cause = {  # of a page: the alert that was decided at that moment
        (group, datetime.fromisoformat(decision["at"]).timestamp()): event.firing.storm
        for group, decision, event in zip(told.groups, told.decisions, scene, strict=True)
        if decision["paged"]
    }
    storms = {_identity(canonical(event)): event.firing.storm for event in scene}
    sent = []
    for page in told.pages:
        details = page["payload"]["custom_details"]
        if not Reason(details["reason"]).pages:
            continue
        group, at_s = final(page["dedup_key"], told.into), updated_s[page["dedup_key"], details["revision"]]
        told_of = Counter(storms[_identity(alert)] for alert in details["alerts"])
        storm = cause.get((group, at_s), told_of.most_common(1)[0][0])
        sent.append(Sent(group, at_s - STARTS_AT_MS / 1000, storm))
    return outcome(_onsets(scene, told.groups), sent)


def _onsets(scene: list[Event], groups: list[str]) -> list[Onset]:
    seen, onsets = set(), []
    for event, group in zip(scene, groups, strict=True):
        identity = _identity(canonical(event))
        if not event.is_resolved and identity not in seen:
            seen.add(identity)
            onsets.append(Onset(event.firing.storm, group, event.at_s, event.firing.severity == "critical"))
    return onsets


def _identity(alert: dict[str, Any]) -> tuple[Any, ...]:
    """One firing of one alert, as an event and as a page tells it."""
    return alert["name"], alert["starts_at"], *sorted(alert["labels"].items())
