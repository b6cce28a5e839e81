"""The embedded worker on the real SQLite log: one transaction a batch, exact after kill -9, time only where due."""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pipeline.codec import decode, decode_alerts
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from pipeline.log import Draft, Entry
from pipeline.log.embedded import EmbeddedLog
from pipeline.stream.embedded import GROUP, SNAPSHOT, run_embedded
from schemas import Decisions, Page, PageKind, Tick
from schemas.topics import ALERTS, DECISIONS, PAGES, RAW, REJECTED

POLICY = Policy(group_by=("cluster",), resolve_after=0)
HAPPENS_WITHIN_S = 20
RECORDS = 600
ROOT = Path(__file__).parents[3]
# What a process does that is going to be killed.
RUN = """
import asyncio, sys
from pathlib import Path
from pipeline.log.embedded import EmbeddedLog
from pipeline.stream import embedded
from tests.unit.stream.test_embedded import POLICY

async def main():
    embedded.SNAPSHOT_RECORDS = 50
    embedded.TRANSACTION_BYTES = 4096  # so that a kill finds it between two transactions
    log = await EmbeddedLog.open(Path(sys.argv[1]), 5)
    print("up", flush=True)
    await embedded.run_embedded(log, POLICY, asyncio.Event())

asyncio.run(main())
"""


def raised(name: str, *, cluster: str = "eu", status: str = "firing", ends_at: str | None = None) -> Draft:
    """A body as Prometheus sends it, without our headers' help but for the source."""
    body = {"labels": {"alertname": name, "cluster": cluster}, "startsAt": "2026-01-01T00:00:00Z"}
    if ends_at or status == "resolved":
        body["endsAt"] = ends_at or "2026-01-01T00:01:00Z"
    return Draft(RAW.name, "prometheus", json.dumps([body]).encode(), {"source": "prometheus"})


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[EmbeddedLog]:
    log = await EmbeddedLog.open(folder, 5)
    try:
        yield log
    finally:
        await log.close()


@asynccontextmanager
async def working(log: EmbeddedLog) -> AsyncIterator[None]:
    """The worker runs meanwhile, and is stopped cleanly."""
    stop = asyncio.Event()
    running = asyncio.create_task(run_embedded(log, POLICY, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(running, HAPPENS_WITHIN_S)


async def everything(log: EmbeddedLog, topic: str) -> list[Entry]:
    return (await log.read(topic, range(log.end(topic)), None)).entries


async def until(log: EmbeddedLog, topic: str, holds: Callable[[Sequence[Entry]], bool]) -> list[Entry]:
    deadline_s = time.monotonic() + HAPPENS_WITHIN_S
    while not holds(found := await everything(log, topic)):
        assert time.monotonic() < deadline_s, f"it did not happen; on {topic}: {found[-5:]}"
        await asyncio.sleep(0.02)
    return found


def kinds(entries: Sequence[Entry]) -> list[PageKind]:
    return [decode(Page, entry.value).payload.custom_details.kind for entry in entries]


def revisions(pages: Sequence[Page]) -> list[tuple[str, int]]:
    return [(page.dedup_key, page.payload.custom_details.revision) for page in pages]


def test_a_body_becomes_a_page_that_names_the_record_which_caused_it(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as log, working(log):
            await log.append([raised("disk")])
            [page] = await until(log, PAGES.name, bool)
            assert page.headers == {"log_partition": "0", "log_offset": "0"}
            assert page.key == decode(Page, page.value).dedup_key

    asyncio.run(scene())


def test_poison_is_rejected_and_the_next_alert_is_processed(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as log, working(log):
            await log.append([Draft(RAW.name, "", b"\xff\x00"), Draft(ALERTS.name, "", b"poison"), raised("disk")])
            await until(log, PAGES.name, bool)
            assert len(await everything(log, REJECTED.name)) == 2

    asyncio.run(scene())


def test_a_restarted_worker_goes_on_where_it_stopped(tmp_path: Path) -> None:
    async def first() -> None:
        async with opened(tmp_path) as log, working(log):
            await log.append([raised("disk")])
            await until(log, PAGES.name, bool)

    async def second() -> None:
        async with opened(tmp_path) as log:
            assert await log.load_snapshot(SNAPSHOT) is not None
            async with working(log):
                await log.append([raised("disk", status="resolved")])
                assert kinds(await until(log, PAGES.name, lambda found: len(found) == 2))[1] is PageKind.RESOLVE
            assert len(await everything(log, DECISIONS.name)) == 2

    asyncio.run(first())
    asyncio.run(second())


def test_an_unusable_snapshot_costs_time_not_truth(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as log:
            async with working(log):
                await log.append([raised("disk")])
                await until(log, PAGES.name, bool)
            await log.append_and_commit((), GROUP, {}, (SNAPSHOT, b"1\nnonsense"))
            async with working(log):
                await log.append([raised("disk", status="resolved")])
                pages = await until(log, PAGES.name, lambda found: len(found) == 2)
                assert len({page.key for page in pages}) == 1

    asyncio.run(scene())


def test_a_lease_that_is_not_renewed_resolves_by_a_tick_and_an_idle_log_does_not_grow(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as log, working(log):
            ends_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
            await log.append([raised("disk", ends_at=ends_at)])
            assert kinds(await until(log, PAGES.name, lambda found: len(found) == 2))[1] is PageKind.RESOLVE
            await asyncio.sleep(2.2)
            records = [decode_alerts(entry.value) for entry in await everything(log, ALERTS.name)]
            assert 1 <= sum(isinstance(record, Tick) for record in records) <= 2

    asyncio.run(scene())


def test_killed_at_any_moment_it_repeats_nothing_and_loses_nothing(tmp_path: Path) -> None:
    chance = random.Random(3)  # noqa: S311  # a scene, not a secret
    asyncio.run(fill(tmp_path, chance))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", RUN, tmp_path], stdout=subprocess.PIPE, env=environment, cwd=ROOT
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0.05, 0.35))
            process.kill()

    async def rest() -> None:
        async with opened(tmp_path) as log, working(log):
            await until(log, DECISIONS.name, lambda found: len(found) >= RECORDS)
        async with opened(tmp_path) as log:
            records = [decode_alerts(entry.value) for entry in await everything(log, ALERTS.name)]
            facts = Triage(POLICY).step(records)
            decided = [decode(Decisions, entry.value) for entry in await everything(log, DECISIONS.name)]
            assert [one.raw_offset for one in decided] == list(range(RECORDS))
            assert decided == facts.decisions
            paged = [decode(Page, entry.value) for entry in await everything(log, PAGES.name)]
            assert revisions(paged) == revisions(facts.pages)

    asyncio.run(rest())


async def fill(folder: Path, chance: random.Random) -> None:
    async with opened(folder) as log:
        await log.append(
            [
                raised(
                    f"alert-{chance.randrange(40)}",
                    cluster=f"c{chance.randrange(9)}",
                    status=chance.choice(["firing", "firing", "resolved"]),
                )
                for _ in range(RECORDS)
            ]
        )
