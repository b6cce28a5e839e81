"""How many pages for transients does a hold save, and what does it cost real ones? Fixed, and learned: `hold: auto`."""

import gzip
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.quality.judged import Record, Told, final, told
from benchmarks.quality.product import OUTPUTS, replay_into
from benchmarks.quality.scenes.alerts import Firing
from benchmarks.quality.scenes.telling import STARTS_AT_MS, Event, once, tell, write
from benchmarks.quality.upptime import CHECKED_S, NAMES, ORGANISATIONS
from benchmarks.replay import DATA
from benchmarks.report import Report, Row, Table
from pipeline.errors import Missing
from schemas import PageKind, Reason

TRANSIENT_S = 600  # resolved by itself so soon: nobody could have acted
OUTAGE_S = 1800  # longer than this, and somebody has to hear of it
HOLDS = ("0s", "60s", "300s", "600s", "auto")
ALL = "all as one stream"
HUAWEI = "huawei-alarms"
_DAY_S = 86_400
COLUMNS = (
    "hold",
    "pages",
    "for transients",
    "avoided",
    "real pages",
    "come later by s, median",
    "mean",
    "p95",
    "longest",
    "outages above 30 min",
    "missed",
)


class Task(NamedTuple):
    """One stream by one policy."""

    name: str
    hold: str


class Heard(NamedTuple):
    """What became of one firing."""

    lasts_s: float
    has_paged: bool  # it was the cause of a page
    after_s: float | None  # after so long somebody had been told of its incident; None: not while it fired


def measure(*, jobs: int) -> Report:
    """Replay every stream with every hold. Raises Missing and Fault."""
    names = (*ORGANISATIONS, ALL, HUAWEI)
    tasks = [Task(name, hold) for name in reversed(names) for hold in HOLDS]  # the longest first
    for name in names:
        _path(name)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        found = dict(zip(tasks, pool.map(_heard, tasks), strict=True))
    report = Report("holds: transients kept from the pager, and what that costs")
    for name in names:
        rows = [_row(hold, found[Task(name, hold)], found[Task(name, "0s")]) for hold in HOLDS]
        title = name if name == HUAWEI else f"upptime, {name}"
        report.tables.append(Table(title, COLUMNS, rows))
        if name in {ALL, HUAWEI}:
            learned, without = found[Task(name, "auto")], found[Task(name, "0s")]
            later = len(learned) // 2
            of_halves = [("first", slice(later)), ("second", slice(later, None))]
            halves = [_row(f"auto, {which} half", learned[half], without[half]) for which, half in of_halves]
            report.tables.append(Table(f"{title}, by halves of its alerts in time", COLUMNS, halves))
    report.notes.append(
        "A transient resolves within 10 min. A page counts for the alert that caused it. Real pages are those that "
        "alerts above 10 min cause without a hold; later by: until somebody is told of their incident. Missed: never "
        "told while it fired. Default policy but for `hold`, and with auto `hold_critical`, since upptime's outages "
        "all claim to be critical. Upptime's monitor repeats what fires, Huawei's does not."
    )
    return report


def _row(hold: str, heard: list[Heard], without: list[Heard]) -> Row:
    for_transients = [sum(one.has_paged and one.lasts_s <= TRANSIENT_S for one in run) for run in (heard, without)]
    later_s = [
        one.after_s
        for one, at_once in zip(heard, without, strict=True)
        if at_once.has_paged and one.lasts_s > TRANSIENT_S and one.after_s is not None
    ]
    outages = [one for one in heard if one.lasts_s > OUTAGE_S]
    return (
        hold,
        sum(one.has_paged for one in heard),
        for_transients[0],
        1 - for_transients[0] / for_transients[1],
        len(later_s),
        float(np.median(later_s)),
        float(np.mean(later_s)),
        float(np.percentile(later_s, 95)),
        max(later_s),
        len(outages),
        sum(one.after_s is None for one in outages),
    )


def _heard(task: Task) -> list[Heard]:
    with tempfile.TemporaryDirectory(prefix="pagesieve-quality-") as scratch:
        folder = Path(scratch)
        events, policy = folder / "events.ndjson", folder / "policy.yaml"
        scene = scene_of(task.name)
        write(scene, events, folder / "truth.csv")
        policy.write_text(f"hold: {task.hold}\n" + ("hold_critical: true\n" if task.hold == "auto" else ""))
        return heard(scene, told(replay_into(folder, events, policy, OUTPUTS)), task.hold)


def scene_of(name: str) -> list[Event]:
    """What the monitors of a stream send, in order."""
    if name == HUAWEI:
        firings = _alarms()
        alarms = list(once(firings, 0))
        scene = [Event(one.at_s, one, is_resolved=False) for one in alarms]
        scene += [Event(one.ends_s, one, is_resolved=True) for one in alarms]
    else:
        several = ORGANISATIONS if name == ALL else (name,)
        outages = [firing for organisation in several for firing in _outages(organisation)]
        first_s = min(firing.at_s for firing in outages) // _DAY_S * _DAY_S  # times of day stay what they are
        moved = [one._replace(at_s=one.at_s - first_s, ends_s=one.ends_s - first_s) for one in outages]
        scene = [event for firing in once(moved, 0) for event in tell(firing)]
    return sorted(scene, key=lambda event: event.at_s)


def heard(scene: list[Event], found: Told, hold: str) -> list[Heard]:
    """What became of each firing, in the order in which they began."""
    pages, calls = _pages(found)
    begun: dict[str, list[tuple[Firing, dict[float, int]]]] = defaultdict(list)  # and when it may cause a page
    last: dict[tuple[str, ...], dict[float, int]] = {}
    firings = []
    for event, decision, group in zip(scene, found.decisions, found.groups, strict=True):
        key = (event.firing.name, *sorted(event.firing.labels.values()))
        if event.is_resolved:
            if decision["reason"] == Reason.FLAPPING:
                last[key][event.at_s] = 2
        elif event.at_s == event.firing.at_s:
            last[key] = {_due_s(event, decision, hold): 0 if decision["paged"] else 1}
            firings.append((event.firing, group))
            begun[group].append((event.firing, last[key]))
    causes = set()
    for group, at_s in pages:
        # The one that paged; else the one whose hold was over; else what flaps by now; else the last that began.
        likely = [(due_s.get(at_s, 3), -one.at_s, id(one)) for one, due_s in begun[group] if one.at_s <= at_s]
        causes.add(min(likely)[-1])
    return [
        Heard(firing.ends_s - firing.at_s, id(firing) in causes, told_after_s(firing, calls[group]))
        for firing, group in firings
    ]


def _due_s(event: Event, decision: Record, hold: str) -> float:
    """When the page of a firing goes out that begins with this event, if it lasts."""
    if decision["reason"] != Reason.HELD:
        return event.at_s
    waits_s = decision["held"]["for_ms"] / 1000 if decision.get("held") else float(hold.removesuffix("s"))
    return round(event.at_s + waits_s, 3)


def told_after_s(firing: Firing, calls: list[tuple[float, bool]]) -> float | None:
    """How long it fired until somebody had been told of its incident. `calls`: when that began (True), or was over."""
    is_told = False
    for at_s, begins in calls:
        if at_s > firing.at_s and is_told:
            break
        if at_s > firing.ends_s:
            return None
        is_told = begins
        if begins and at_s > firing.at_s:
            return at_s - firing.at_s
    return 0.0 if is_told else None


def _pages(found: Told) -> tuple[set[tuple[str, float]], dict[str, list[tuple[float, bool]]]]:
    """When somebody was woken for which incident, and when that was over, by the incidents that they ended up in."""
    updated_s = {(one["incident_id"], one["revision"]): one["updated_at_ms"] for one in found.incidents}
    pages, calls = set(), defaultdict(list)
    for page in found.pages:
        details = page["payload"]["custom_details"]
        group = final(page["dedup_key"], found.into)
        at_s = round((updated_s[page["dedup_key"], details["revision"]] - STARTS_AT_MS) / 1000, 3)
        reason = Reason(details["reason"])
        if reason.pages:
            pages.add((group, at_s))
            calls[group].append((at_s, True))
        elif details["kind"] == PageKind.RESOLVE and reason is not Reason.MERGED:
            calls[group].append((at_s, False))
    return pages, calls


def _path(name: str) -> None:
    """Raise Missing if the recording is not here."""
    path = DATA / ("huawei-alarms" if name == HUAWEI else "upptime")
    if not path.exists():
        raise Missing(f"{path} is not here: real alerts that are not part of the project")


def _outages(organisation: str) -> Iterator[Firing]:
    """Outages at their own times. What has no end is over one look after its last."""
    with gzip.open(DATA / "upptime" / f"{organisation}.jsonl.gz", "rt") as lines:
        for row in map(json.loads, lines):
            at_s = row["starts_at"]
            ends_s = row.get("ends_at", at_s + (row["repeats"] + 1) * CHECKED_S)
            name, labels = row["name"], row["labels"] | {"organisation": organisation}
            yield Firing(at_s, max(ends_s, at_s + 1), name, NAMES[name], labels, row["summary"], organisation)


def _alarms() -> Iterator[Firing]:
    with gzip.open(DATA / "huawei-alarms" / "18V_55N_Wireless.events.jsonl.gz", "rt") as lines:
        for row in map(json.loads, lines):
            at_s, ends_s = row["starts_at"], row["ends_at"]
            yield Firing(at_s, max(ends_s, at_s + 1), row["name"], "unknown", row["labels"], row["summary"], HUAWEI)
