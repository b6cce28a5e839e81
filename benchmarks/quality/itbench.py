"""ITBench: faults injected into one demo shop and the alerts that each should cause: one fault, one incident."""

import random
import re
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.quality.judged import PRODUCT, Told, final, grouped, groups_of
from benchmarks.quality.scenes.alerts import Firing
from benchmarks.quality.scenes.telling import Event, once, tell
from benchmarks.replay import DATA
from benchmarks.report import Report, Row, Table
from pipeline.errors import Missing

SEEDS = (1, 2, 3, 4, 5)
APART_S = 6 * 3600  # from fault to fault: more often, and what they share would be everyday news
LASTS_S = 1200
HOP_S = 30  # from what is hit to what leans on it; an alert waits up to as long again
COLUMNS = (
    "method",
    "faults",
    "alerts",
    "incidents a fault",
    "most",
    "incidents of two faults or more",
    "faults in them",
)
RANKED = ("first of the incident's alerts", "incidents", "share nearest to the root cause")
Fault = dict[str, Any]


def measure(seeds: Sequence[int], methods: Sequence[str], policy: Path | None) -> Report:
    """Play all faults, in another order for each seed. Raises Missing and Fault."""
    faults = dict(_faults())
    rows: list[list[Row]] = [[] for _ in methods]
    ranks: list[list[Row]] = [[], [], []]
    for seed in seeds:
        scene = played(faults, seed)
        found = grouped(scene, methods, policy)
        for each, method in zip(rows, methods, strict=True):
            each.append((method, *judged(scene, groups_of(found[method]))))
        product = found.get(PRODUCT)
        if isinstance(product, Told):
            for rank, row in zip(ranks, ranked(scene, product), strict=True):
                rank.append(row)
    table = Table(f"Mean of {len(seeds)} orders and timings", COLUMNS, [_mean(each) for each in rows])
    report = Report("itbench: one fault, one incident", tables=[table])
    if ranks[0]:
        report.tables.append(Table("Likely cause, of the product's incidents", RANKED, [_mean(each) for each in ranks]))
        report.notes.append(
            "Counted are incidents of alerts that are not all as near to the root cause. That the nearest fire first "
            "is made so here, so the share says little of real ones; no topology was given."
        )
    report.notes.append(
        f"The files have no times. Here a fault comes every {APART_S // 3600} h, in an order and with delays from the "
        f"seed; an alert fires {HOP_S} s a hop after it, along the propagations from the root cause, and up to "
        f"{HOP_S} s later; all is over {LASTS_S // 60} min after the fault began. Entries that name the same "
        "alert are one."
    )
    return report


def _mean(rows: list[Row]) -> Row:
    figures = [statistics.mean(float(cell or 0) for cell in column) for column in list(zip(*rows, strict=True))[1:]]
    return (rows[0][0], *figures)


def _faults() -> Iterator[tuple[str, Fault]]:
    folder = DATA / "itbench"
    if not folder.exists():
        raise Missing(f"{folder} is not here: fault scenarios that are not part of the project")
    for path in sorted(folder.glob("scenario_*/*.yaml")):
        content = yaml.safe_load(path.read_text())
        fault = content.get("spec", content)
        if fault.get("alerts"):
            yield path.parent.name, fault


def played(faults: dict[str, Fault], seed: int) -> list[Event]:
    """All events of the faults in the order of that seed."""
    chance = random.Random(seed)  # noqa: S311 - a scene, no secret
    names = chance.sample(list(faults), len(faults))
    firings = [one for n, name in enumerate(names) for one in _alerts(name, faults[name], chance, n * APART_S)]
    return sorted((event for firing in once(firings, 0) for event in tell(firing)), key=lambda event: event.at_s)


def _alerts(name: str, fault: Fault, chance: random.Random, at_s: float) -> Iterator[Firing]:
    groups = {group["id"]: group for group in fault["groups"]}
    hops = _hops(fault, groups)
    for alert in fault["alerts"]:
        group = groups.get(alert.get("group_id"))
        late_s = HOP_S * hops.get(alert.get("group_id"), max(hops.values(), default=0)) + chance.uniform(0, HOP_S)
        summary = alert.get("metadata", {}).get("description", alert["id"])
        yield Firing(at_s + late_s, at_s + LASTS_S, alert["id"], "error", _labels(group), summary, name)


def _labels(group: dict[str, Any] | None) -> dict[str, str]:
    if group is None:
        return {"cluster": "demo"}
    name = group.get("name") or _fixed(group["filter"][0])
    return {"cluster": "demo", "namespace": group.get("namespace", ""), group["kind"].lower(): name}


def _fixed(pattern: str) -> str:
    """The name in a filter: the longest beginning that is no pattern."""
    found = re.search(r"[a-z][a-z0-9-]*[a-z0-9]", pattern)
    return found[0] if found else pattern


def _hops(fault: Fault, groups: dict[str, Any]) -> dict[str, int]:
    """How far each thing is from the root cause, along the propagations; two names of one thing are as far."""
    steps = [(one["source"], one["target"], 1) for one in fault.get("propagations") or ()]
    for alias in fault.get("aliases") or ():
        steps += [(one, other, 0) for one in alias for other in alias if one != other]
    far = {name: 0 for name, group in groups.items() if group.get("root_cause")}
    for _ in groups:
        for source, target, hops in steps:
            if source in far and far[source] + hops < far.get(target, len(groups) + 1):
                far[target] = far[source] + hops
    return far


def judged(scene: list[Event], groups: list[str]) -> tuple[float, ...]:
    """The figures of COLUMNS."""
    of_fault: dict[str, set[str]] = defaultdict(set)
    of_group: dict[str, set[str]] = defaultdict(set)
    alerts = set()
    for event, group in zip(scene, groups, strict=True):
        alert = (event.firing.at_s, event.firing.name, *event.firing.labels.items())
        if alert not in alerts:  # its first event; repeats change nothing
            alerts.add(alert)
            of_fault[event.firing.storm].add(group)
            of_group[group].add(event.firing.storm)
    counts = [len(held) for held in of_fault.values()]
    mixed = [held for held in of_group.values() if len(held) > 1]
    wrong = len(set[str]().union(*mixed))
    return len(counts), len(alerts), statistics.mean(counts), max(counts), len(mixed), wrong


def ranked(scene: list[Event], found: Told) -> list[Row]:
    """How often the first by the product, by name, or by lot is as near to the root cause as any of its incident."""
    near: dict[str, dict[str, tuple[int, str]]] = defaultdict(dict)  # incident → alert → hops and name
    for event, group, decision in zip(scene, found.groups, found.decisions, strict=True):
        hops = int(event.firing.at_s % APART_S // HOP_S)
        near[group].setdefault(decision["fingerprint"], (hops, event.firing.name))
    causes = {final(one["incident_id"], found.into): one["causes"] for one in found.incidents if one["causes"]}
    by_us, by_name, by_lot = list[bool](), list[bool](), list[float]()
    for group, alerts in near.items():
        least = min(hops for hops, _ in alerts.values())
        nearest = {alert for alert, (hops, _) in alerts.items() if hops == least}
        if len(nearest) < len(alerts):
            by_us.append(causes[group][0]["fingerprint"] in nearest)
            by_name.append(min(alerts, key=lambda alert: (alerts[alert][1], alert)) in nearest)
            by_lot.append(len(nearest) / len(alerts))
    said = (("the product's likeliest cause", by_us), ("the first by name", by_name), ("any, by lot", by_lot))
    return [(name, len(each), statistics.mean(each) if each else None) for name, each in said]
