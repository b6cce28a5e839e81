"""From POST to page: new incidents alone, and amid 2,000 alerts a second, beside Alertmanager with no group_wait."""

import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import orjson

from benchmarks import traffic
from benchmarks.report import Report, Row, Table
from benchmarks.systems import System, running
from benchmarks.wire import Post

PER_S = 100.0
AMID_PER_S = 20.0  # new incidents amid what repeats
REPEATED_GROUPS = 100
COLUMNS = ("system", "POST → page p50 ms", "p99 ms", "POST → answer p50 ms", "p99 ms")


class Sizes(NamedTuple):
    """How much is sent to each system."""

    rounds: int
    alerts: int  # a round
    warm_up: int
    amid: int  # alerts a round amid what repeats
    repeated_per_s: int  # alerts


class Waits(NamedTuple):
    """How long each alert took, in ms."""

    answered_ms: list[float]
    paged_ms: list[float]
    repeated_per_s: list[float]  # of each round, if there were any

    def add(self, more: "Waits") -> None:
        """Count `more` in."""
        for mine, theirs in zip(self, more, strict=True):
            mine.extend(theirs)


def measure(*, is_quick: bool) -> Report:
    """Drive every system that this machine has the parts for, in turns. Raises Fault."""
    sizes = Sizes(1, 30, 10, 15, 200) if is_quick else Sizes(3, 700, 100, 400, 2000)
    report = Report("latency")
    for title, waits in asyncio.run(_rounds(sizes, report)).items():
        more = ("that repeat, alerts/s",) if any(mine.repeated_per_s for mine in waits.values()) else ()
        report.tables.append(Table(title, (*COLUMNS, *more), [_row(name, mine) for name, mine in waits.items()]))
    report.notes += [
        f"{sizes.rounds * sizes.alerts:,} alerts for each system, in {sizes.rounds} rounds in which the systems take "
        "turns. A page counts when its body has reached the loopback endpoint. pagesieve answers when the alert is "
        "durable, Alertmanager when it is in memory.",
        f"What repeats are {REPEATED_GROUPS} groups, told before; amid them come {AMID_PER_S:.0f} new alerts a second, "
        f"{sizes.rounds * sizes.amid:,} for each system, and only these are measured. The driver, which posts all of "
        "it and plays PagerDuty, shares the cores.",
    ]
    return report


def _row(name: str, waits: Waits) -> Row:
    paged_ms, answered_ms = waits.paged_ms, waits.answered_ms
    return (
        name,
        *(statistics.median(paged_ms), _percentile(paged_ms, 99)),
        *(statistics.median(answered_ms), _percentile(answered_ms, 99)),
        *([statistics.median(waits.repeated_per_s)] if waits.repeated_per_s else []),
    )


async def _rounds(sizes: Sizes, report: Report) -> dict[str, dict[str, Waits]]:
    with tempfile.TemporaryDirectory() as scratch:
        async with running(Path(scratch), "0s", report.skipped) as systems:
            for system in systems:
                await _run(system, traffic.singles("warm-up", sizes.warm_up), PER_S)
                await _tell_what_repeats(system)
            alone = f"{PER_S:.0f} alerts/s in webhooks of one"
            amid = {
                together: f"{AMID_PER_S:.0f} alerts/s amid {sizes.repeated_per_s:,} repeated, in webhooks of {together}"
                for together in (10, 1)
            }
            waits = {title: {system.name: Waits([], [], []) for system in systems} for title in (alone, *amid.values())}
            for number in range(sizes.rounds):
                for system in systems:
                    new = traffic.singles(f"round-{number}", sizes.alerts)
                    waits[alone][system.name].add(await _run(system, new, PER_S))
                    for together, title in amid.items():
                        new = traffic.singles(f"amid-{together}-{number}", sizes.amid)
                        async with _repeating(system, together, sizes.repeated_per_s / together) as posted:
                            posted.clear()
                            began_s = time.perf_counter()
                            found = await _run(system, new, AMID_PER_S)
                            found.repeated_per_s.append(len(posted) * together / (time.perf_counter() - began_s))
                            waits[title][system.name].add(found)
    return waits


def _repeated() -> list[traffic.Batch]:
    return traffic.repeated("repeated", REPEATED_GROUPS, 10, 1)


async def _tell_what_repeats(system: System) -> None:
    told = len(system.receiver.arrivals)
    await system.target.post_all((system.body_of(batch) for batch in _repeated()), 1)
    await system.until_told(told + REPEATED_GROUPS)


@contextlib.asynccontextmanager
async def _repeating(system: System, together: int, per_s: float) -> AsyncIterator[list[Post]]:
    """Post what was told already, at its rate, meanwhile and for a moment before; each post that was answered."""
    target = system.another_target()
    bodies = [
        body
        for batch in _repeated()
        for body in ([system.body_of(batch)] if together > 1 else map(system.body_of, batch.apart()))
    ]
    posted: list[Post] = []
    task = asyncio.create_task(target.post_for_ever(bodies, per_s, posted))
    try:
        await asyncio.sleep(1.0)
        yield posted
        if task.done():
            task.result()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        target.close()


async def _run(system: System, batches: list[traffic.Batch], per_s: float) -> Waits:
    told = len(system.receiver.arrivals)
    posts = await system.target.post_at([system.body_of(batch) for batch in batches], per_s)
    await system.until_told(told + len(batches))
    paged_s = {_cluster(arrival.body): arrival.at_s for arrival in system.receiver.arrivals[told:]}
    return Waits(
        [(post.answered_s - post.sent_s) * 1000 for post in posts],
        [(paged_s[batch.cluster] - post.sent_s) * 1000 for batch, post in zip(batches, posts, strict=True)],
        [],
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
