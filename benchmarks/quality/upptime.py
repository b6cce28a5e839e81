"""Up and down of four organisations told as one, folded into eight days: what joins two of them is wrong."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.quality.judged import grouped, groups_of
from benchmarks.quality.scenes.alerts import Firing
from benchmarks.quality.scenes.telling import Event, once, tell
from benchmarks.replay import DATA
from benchmarks.report import Report, Row, Table
from pipeline.errors import Missing

ORGANISATIONS = ("FoodCoopX", "TORO-Server", "joanmarcriera", "manticoresoftware")
FOLDED_S = 8 * 86400
LONGEST_S = 86400  # else one long outage would hide most others of its site
CHECKED_S = 300  # upptime looks so often; what has no end is over one look after its last
COLUMNS = ("method", "outages", "incidents", "share of outages in cross-organisation incidents", "such incidents")
NAMES = {"SiteDown": "critical", "SiteDegraded": "warning"}


def measure(methods: Sequence[str], policy: Path | None) -> Report:
    """Mix the organisations, hide which is which, and see who is thrown together. Raises Missing and Fault."""
    firings = [firing for organisation in ORGANISATIONS for firing in _outages(organisation)]
    scene = mixed(firings)
    found = grouped(scene, methods, policy)
    rows = [_row(method, scene, groups_of(found[method])) for method in methods]
    report = Report("upptime: four organisations as one", tables=[Table("Mixed", COLUMNS, rows)])
    outages = sum(event.is_resolved for event in scene)  # each is told to be over, once
    report.notes.append(
        f"{len(firings)} outages, each at its time since its organisation's first modulo eight days, a day long at "
        f"most; {len(firings) - outages} that then begin while the same site is down are left out. The only label is "
        "the site."
    )
    return report


def mixed(firings: list[Firing]) -> list[Event]:
    """What one monitor of all would send."""
    return sorted((event for firing in once(firings, 0) for event in tell(firing)), key=lambda event: event.at_s)


def _outages(organisation: str) -> Iterator[Firing]:
    path = DATA / "upptime" / f"{organisation}.jsonl.gz"
    if not path.exists():
        raise Missing(f"{path} is not here: real outages that are not part of the project")
    with gzip.open(path, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    first_s = min(row["starts_at"] for row in rows)
    for row in rows:
        lasts_s = row.get("ends_at", row["starts_at"] + (row["repeats"] + 1) * CHECKED_S) - row["starts_at"]
        at_s = (row["starts_at"] - first_s) % FOLDED_S
        name = row["name"]
        yield Firing(
            at_s, at_s + min(max(lasts_s, 1), LONGEST_S), name, NAMES[name], row["labels"], row["summary"], organisation
        )


def _row(method: str, scene: list[Event], groups: list[str]) -> Row:
    outages, share, wrong, incidents = crossed(scene, groups)
    return method, outages, incidents, share, wrong


def crossed(scene: list[Event], groups: list[str]) -> tuple[int, float, int, int]:
    """Outages, the share of them that is in incidents of two organisations, such incidents, and incidents."""
    held: dict[str, list[str]] = defaultdict(list)
    seen = set()
    for event, group in zip(scene, groups, strict=True):
        identity = (event.firing.at_s, event.firing.name, event.firing.labels["site"])
        if not event.is_resolved and identity not in seen:
            seen.add(identity)
            held[group].append(event.firing.storm)
    wrong = [storms for storms in held.values() if len(set(storms)) > 1]
    return len(seen), sum(map(len, wrong)) / len(seen), len(wrong), len(held)
