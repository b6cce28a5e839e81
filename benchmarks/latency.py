"""From POST to page at 100 alerts a second, each of them a new incident, beside Alertmanager with no group_wait."""

import asyncio
import statistics
import tempfile
from pathlib import Path
from typing import NamedTuple

import orjson

from benchmarks import traffic
from benchmarks.report import Report, Row, Table
from benchmarks.systems import System, running

PER_S = 100.0
COLUMNS = ("system", "POST → page p50 ms", "p99 ms", "POST → answer p50 ms", "p99 ms")


class Sizes(NamedTuple):
    """How much is sent to each system."""

    rounds: int
    alerts: int  # a round
    warm_up: int


class Waits(NamedTuple):
    """How long each alert took, in ms."""

    answered_ms: list[float]
    paged_ms: list[float]


def measure(*, is_quick: bool) -> Report:
    """Drive every system that this machine has the parts for, in turns. Raises Fault."""
    sizes = Sizes(1, 30, 10) if is_quick else Sizes(3, 700, 100)
    report = Report("latency")
    waits = asyncio.run(_rounds(sizes, report))
    rows: list[Row] = [
        (
            name,
            statistics.median(mine.paged_ms),
            _percentile(mine.paged_ms, 99),
            statistics.median(mine.answered_ms),
            _percentile(mine.answered_ms, 99),
        )
        for name, mine in waits.items()
    ]
    report.tables.append(Table(f"{PER_S:.0f} alerts/s in webhooks of one", COLUMNS, rows))
    report.notes.append(
        f"{sizes.rounds * sizes.alerts:,} alerts for each system, in {sizes.rounds} rounds in which the systems take "
        "turns. A page counts when its body has reached the loopback endpoint. pagesieve answers when the alert is "
        "durable, Alertmanager when it is in memory."
    )
    return report


async def _rounds(sizes: Sizes, report: Report) -> dict[str, Waits]:
    with tempfile.TemporaryDirectory() as scratch:
        async with running(Path(scratch), "0s", report.skipped) as systems:
            for system in systems:
                await _run(system, traffic.singles("warm-up", sizes.warm_up))
            waits = {system.name: Waits([], []) for system in systems}
            for number in range(sizes.rounds):
                for system in systems:
                    found = await _run(system, traffic.singles(f"round-{number}", sizes.alerts))
                    waits[system.name].answered_ms.extend(found.answered_ms)
                    waits[system.name].paged_ms.extend(found.paged_ms)
    return waits


async def _run(system: System, batches: list[traffic.Batch]) -> Waits:
    told = len(system.receiver.arrivals)
    posts = await system.target.post_at([system.body_of(batch) for batch in batches], PER_S)
    await system.until_told(told + len(batches))
    paged_s = {_cluster(arrival.body): arrival.at_s for arrival in system.receiver.arrivals[told:]}
    return Waits(
        [(post.answered_s - post.sent_s) * 1000 for post in posts],
        [(paged_s[batch.cluster] - post.sent_s) * 1000 for batch, post in zip(batches, posts, strict=True)],
    )


def _cluster(body: bytes) -> str:
    """Of the one alert that a page, or an Alertmanager's webhook, tells of."""
    told = orjson.loads(body)
    details = told["payload"]["custom_details"] if "payload" in told else told
    return str(details["alerts"][0]["labels"]["cluster"])


def _percentile(values: list[float], percent: int) -> float:
    """The smallest value that at least `percent` of all do not exceed."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * percent // 100) - 1]
