"""What the weekly report costs over a week of a million decisions: seconds and memory of the command, start included.

`python -m benchmarks.weekly` writes the archive (some minutes), then runs `pagesieve report` over it three times.
"""

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.codec import encode
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from pipeline.edge.archive.files import write
from pipeline.log.entry import Entry
from pipeline.normalise import by_scope, scoped
from pipeline.report.facts import WEEK_MS, Week
from pipeline.sources import Claim
from schemas import Alerts, Severity, Status

WEEK = Week.named("2026-W47")
FIRINGS, EVENTS_EACH, ALERTS = 40_000, 25, 4_000
POLICY = Policy.model_validate({"group_by": ["service"], "gap": "10m"})


def main() -> None:
    """Make the archive and time the report."""
    with tempfile.TemporaryDirectory(prefix="pagesieve-weekly-") as folder:
        root = Path(folder) / "archive"
        print(f"{_fill(root):,} decisions archived", flush=True)
        command = [str(Path(sys.executable).with_name("pagesieve")), "report", "--week", WEEK.name]
        command += ["--archive", str(root), "--out", folder]
        for _ in range(3):
            began_s = time.monotonic()
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            took_s = time.monotonic() - began_s
            most_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            print(f"{took_s:.1f} s, {most_kb / 1024:.0f} MB: {done.stdout.splitlines()[0]}")


def _fill(root: Path) -> int:
    triage, decided, offsets = Triage(POLICY), 0, dict[str, int]()
    batch: list[Alerts] = []
    for number, (at_ms, claim) in enumerate(_claims()):
        batch += by_scope([scoped(claim, None, POLICY)], 0, number)
        if len(batch) < 5000:
            continue
        decided += _write(root, triage, batch, at_ms, offsets)
        batch = []
    return decided + _write(root, triage, batch, WEEK.period.until_ms - 1, offsets)


def _write(root: Path, triage: Triage, batch: list[Alerts], at_ms: int, offsets: dict[str, int]) -> int:
    facts = triage.step(batch)
    entries = []
    for topic, records in (
        ("alerts", batch),
        ("decisions", facts.decisions),
        ("incidents", facts.incidents),
        ("pages", facts.pages),
    ):
        first = offsets.get(topic, 0)
        entries += [
            Entry(topic, 0, first + number, "", encode(record), {}, at_ms) for number, record in enumerate(records)
        ]
        offsets[topic] = first + len(records)
    write(root, entries)
    return sum(len(record.decisions) for record in facts.decisions)


def _claims() -> Iterator[tuple[int, Claim]]:
    chance = random.Random(1)  # noqa: S311 - a load, no secret
    events: list[tuple[int, int, bool]] = []
    for _ in range(FIRINGS):
        start_ms = WEEK.period.from_ms + int(chance.random() * (WEEK_MS - 3_600_000))
        alert = chance.randrange(ALERTS)
        events += [(start_ms + 60_000 * step, alert, False) for step in range(EVENTS_EACH - 1)]
        events.append((start_ms + 60_000 * EVENTS_EACH, alert, True))
    for at_ms, alert, is_over in sorted(events):
        labels = {"alertname": f"Rule{alert % 200}", "service": f"svc-{alert // 10}", "host": f"h{alert}", "team": "a"}
        yield (
            at_ms,
            Claim(
                source="prometheus",
                name=labels["alertname"],
                labels=labels,
                annotations={"summary": "something is wrong"},
                severity=Severity.WARNING,
                status=Status.RESOLVED if is_over else Status.FIRING,
                at_ms=at_ms,
                starts_at_ms=at_ms,
                ends_at_ms=at_ms if is_over else None,
                expires_at_ms=None,
                is_state=True,
                source_fingerprint=None,
                url=None,
            ),
        )


if __name__ == "__main__":
    main()
