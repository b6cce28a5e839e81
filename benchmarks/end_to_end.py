"""Alerts a second and CPU for each, from POST to page, through every part, beside an Alertmanager fed with the same."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks import traffic
from benchmarks.report import Report, Row, Table
from benchmarks.systems import System, running

ALERTS = 10  # in a webhook
TIMES = 10  # each webhook is sent: nine of ten alerts are duplicates
CONNECTIONS = 4


class Sizes(NamedTuple):
    """How much is sent to each system."""

    rounds: int
    groups: int  # a round
    warm_up_groups: int


class Run(NamedTuple):
    """What one system took for one round of alerts."""

    alerts: int
    wall_s: float
    cpu_s: dict[str, float]

    def per_1000(self) -> float:
        """CPU seconds of all parts for 1,000 alerts."""
        return sum(self.cpu_s.values()) / self.alerts * 1000


def measure(*, is_quick: bool) -> Report:
    """Drive every system that this machine has the parts for, in turns. Raises Fault."""
    sizes = Sizes(1, 5, 2) if is_quick else Sizes(3, 250, 20)
    report = Report("end_to_end")
    runs = asyncio.run(_rounds(sizes, report))
    peer = runs.get("Alertmanager")
    report.tables += [_totals(runs, peer), _parts(runs)]
    report.notes.append(
        f"{sizes.groups * ALERTS * TIMES:,} alerts a round in webhooks of {ALERTS}, {1 - 1 / TIMES:.0%} of them "
        f"duplicates, {sizes.groups} incidents; {CONNECTIONS} connections post as fast as they are answered; median of "
        f"{sizes.rounds} rounds in which the systems take turns. The driver, which also plays PagerDuty, takes its "
        "share of the same cores."
    )
    return report


async def _rounds(sizes: Sizes, report: Report) -> dict[str, list[Run]]:
    with tempfile.TemporaryDirectory() as scratch:
        # Alertmanager waits, or each first page would tell of one alert, and its other nine of nobody for five minutes.
        async with running(Path(scratch), "1s", report.skipped) as systems:
            for system in systems:
                await _run(system, traffic.repeated("warm-up", sizes.warm_up_groups, ALERTS, TIMES))
            runs: dict[str, list[Run]] = {system.name: [] for system in systems}
            for number in range(sizes.rounds):
                for system in systems:
                    batches = traffic.repeated(f"round-{number}", sizes.groups, ALERTS, TIMES)
                    runs[system.name].append(await _run(system, batches))
    return runs


async def _run(system: System, batches: list[traffic.Batch]) -> Run:
    """Post everything, and wait until all of it is decided and everyone told."""
    alerts = len(batches) * ALERTS
    decided = await system.decided()
    told = len(system.receiver.arrivals)
    groups = len({batch.cluster for batch in batches})
    before, started_s = system.cpu_s(), time.perf_counter()
    await system.target.post_all((system.body_of(batch) for batch in batches), CONNECTIONS)
    await system.until_decided(decided + alerts)
    await system.until_told(told + groups)
    wall_s = time.perf_counter() - started_s
    return Run(alerts, wall_s, {name: used - before[name] for name, used in system.cpu_s().items()})


def _totals(runs: dict[str, list[Run]], peer: list[Run] | None) -> Table:
    columns = ("system", "alerts/s", "CPU s per 1,000 alerts", "times Alertmanager's CPU")
    rows: list[Row] = []
    for name, mine in runs.items():
        # Round by round: what slows down the machine in a round slows down both.
        times = [run.per_1000() / other.per_1000() for run, other in zip(mine, peer, strict=True)] if peer else None
        rows.append(
            (
                name,
                statistics.median(run.alerts / run.wall_s for run in mine),
                statistics.median(run.per_1000() for run in mine),
                statistics.median(times) if times else None,
            )
        )
    return Table("From POST to page", columns, rows)


def _parts(runs: dict[str, list[Run]]) -> Table:
    rows: list[Row] = [
        (f"{name}: {part}", statistics.median(run.cpu_s[part] / run.alerts * 1000 for run in mine))
        for name, mine in runs.items()
        for part in mine[0].cpu_s
    ]
    return Table("Each part", ("part", "CPU s per 1,000 alerts"), rows)
