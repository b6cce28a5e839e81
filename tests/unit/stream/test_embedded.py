"""The embedded worker on the real SQLite log: one transaction a batch, exact after kill -9, time only where due."""

import asyncio
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.codec import decode, decode_alerts, encode
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from pipeline.log import Draft, Entry
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.embedded_file import FILE_NAME, position
from pipeline.stream.cadence import Pace
from pipeline.stream.checkpoint import unframe
from pipeline.stream.embedded import run_embedded
from pipeline.stream.embedded_state import NAMES
from schemas import Control, Decisions, Page, PageKind, Reason, Silence, Tick
from schemas.topics import ALERTS, DECISIONS, PAGES, RAW, REJECTED, SILENCES

POLICY = Policy(group_by=("cluster",), resolve_after=0)
HAPPENS_WITHIN_S = 20
RECORDS = 600
ROOT = Path(__file__).parents[3]
# What a process does that is going to be killed.
RUN = """
import asyncio, sys
from pathlib import Path
from typing import Any
from pipeline.log.embedded import EmbeddedLog
from pipeline.stream import embedded
from pipeline.stream.cadence import Pace
from tests.unit.stream.test_embedded import POLICY

async def main():
    embedded.TRANSACTION_BYTES = 4096  # so that a kill finds it between two transactions
    log = await EmbeddedLog.open(Path(sys.argv[1]), 5)
    print("up", flush=True)
    await embedded.run_embedded(log, POLICY, asyncio.Event(), Pace(0.02, 50, 0))

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
async def working(log: EmbeddedLog, pace: Pace | None = None, policy: Policy = POLICY) -> AsyncIterator[None]:
    """The worker runs meanwhile, and is stopped cleanly."""
    stop = asyncio.Event()
    running = asyncio.create_task(run_embedded(log, policy, stop, pace))
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
            assert await newest_snapshot(log) == 1
            async with working(log):
                await log.append([raised("disk", status="resolved")])
                assert kinds(await until(log, PAGES.name, lambda found: len(found) == 2))[1] is PageKind.RESOLVE
            assert len(await everything(log, DECISIONS.name)) == 2

    asyncio.run(first())
    asyncio.run(second())


async def newest_snapshot(log: EmbeddedLog) -> int:
    """Up to where the newest snapshot has read; 0 without one."""
    values = [value for name in NAMES if (value := await log.load_snapshot(name)) is not None]
    return max((unframe(value)[0].next_offset for value in values), default=0)


async def wait_for_snapshot(log: EmbeddedLog, next_offset: int) -> None:
    deadline_s = time.monotonic() + HAPPENS_WITHIN_S
    while await newest_snapshot(log) < next_offset:
        assert time.monotonic() < deadline_s, "its state is not kept"
        await asyncio.sleep(0.05)


def test_unusable_snapshots_cost_time_not_truth(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as log:
            async with working(log):
                await log.append([raised("disk")])
                await until(log, PAGES.name, bool)
            for name in NAMES:
                await log.keep_snapshot(name, b"1\nnonsense")
            with capture_logs() as said:
                async with working(log):
                    await log.append([raised("disk", status="resolved")])
                    pages = await until(log, PAGES.name, lambda found: len(found) == 2)
                    assert len({page.key for page in pages}) == 1
            assert sum(line["event"].startswith("a snapshot is unusable") for line in said) == len(NAMES)
            assert any(line["event"] == "no snapshot: the whole log is read" for line in said)

    asyncio.run(scene())


def test_a_damaged_newest_snapshot_falls_back_to_the_one_before(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as log:
            async with working(log):
                await log.append([raised("disk-0")])
                await until(log, DECISIONS.name, bool)
            async with working(log):
                await log.append([raised("disk-1")])
                await until(log, DECISIONS.name, lambda found: len(found) == 2)
            found = {name: await log.load_snapshot(name) or b"" for name in NAMES}
            newest = max(NAMES, key=lambda name: unframe(found[name])[0].next_offset)
            await log.keep_snapshot(newest, found[newest][:-3])
            with capture_logs() as said:
                async with working(log):
                    await log.append([raised("disk-1", status="resolved")])
                    await until(log, DECISIONS.name, lambda found: len(found) == 3)
            [restored] = [line for line in said if line["event"] == "state restored"]
            assert (restored["snapshot_offset"], restored["records"]) == (1, 1)
            decided = [decode(Decisions, entry.value) for entry in await everything(log, DECISIONS.name)]
            records = [decode_alerts(entry.value) for entry in await everything(log, ALERTS.name)]
            assert decided == Triage(POLICY).step(records).decisions

    asyncio.run(scene())


def test_its_state_is_kept_while_it_runs_also_when_nothing_comes(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as log, working(log, Pace(every_s=0.5, records=10**6)):
            await log.append([raised("disk")])
            await wait_for_snapshot(log, 1)

    asyncio.run(scene())


@pytest.mark.parametrize("kept", [{"silences": [{"match": ["alertname=disk"]}]}, {"hold": "4h"}, {"at_least": 2}])
def test_a_new_policy_pages_for_what_only_the_old_one_kept_quiet(tmp_path: Path, kept: dict[str, Any]) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as log:
            async with working(log, policy=Policy.model_validate({"group_by": ["cluster"], **kept})):
                await log.append([raised("disk")])
                await until(log, DECISIONS.name, bool)
            assert await everything(log, PAGES.name) == []
            async with working(log):
                await until(log, PAGES.name, bool)

    asyncio.run(scene())


def test_a_silence_older_than_the_log_still_holds(tmp_path: Path) -> None:
    """Without any snapshot, and with nothing left of the log but what came after the silence."""

    async def scene() -> None:
        at_ms = time.time_ns() // 1_000_000 - 1000
        when = {"starts_at_ms": at_ms, "ends_at_ms": at_ms + 10**9, "updated_at_ms": at_ms}
        quiet = Silence(id="s1", matchers=('alertname="disk"',), created_by="me", comment="", **when)
        async with opened(tmp_path) as log, working(log):
            await log.append([Draft(SILENCES.name, "s1", encode(quiet))])
            await log.append([Draft(ALERTS.name, "", encode(Control(at_ms=at_ms, silence=quiet)))])
            await log.append([raised("cpu", cluster="us")])
            await until(log, DECISIONS.name, bool)
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as file, file:
            file.execute("DELETE FROM snapshot")
            topic = file.execute("SELECT id FROM topic WHERE name = ?", (ALERTS.name,)).fetchone()[0]
            file.execute("DELETE FROM entry WHERE position = ?", (position(topic, 0),))
        async with opened(tmp_path) as log, working(log):
            await log.append([raised("disk")])
            decided = await until(log, DECISIONS.name, lambda found: len(found) == 2)
            assert [one.reason for one in decode(Decisions, decided[1].value).decisions] == [Reason.SILENCED]

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
