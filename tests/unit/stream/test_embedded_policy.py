"""A policy that changes at a restart of the embedded worker: the log says from where on, so a kill changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from pipeline.codec import decode, decode_alerts
from pipeline.core.learned import NOTHING, Learned
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from pipeline.log import Entry
from pipeline.log.embedded import EmbeddedLog
from pipeline.stream.cadence import Pace
from pipeline.stream.drafts import control_draft
from pipeline.stream.embedded import run_embedded
from schemas import Control, Page
from schemas.topics import ALERTS, DECISIONS, PAGES
from tests.unit.stream.test_embedded import everything, opened, raised, until, working

POLICY = Policy.model_validate({"group_by": ["cluster"], "resolve_after": "0s"})
SILENCED = Policy.model_validate({"group_by": ["cluster"], "silences": [{"match": ["alertname=disk"]}]})
BY_NAME = Policy.model_validate({"group_by": ["alertname"], "resolve_after": "0s"})
SELDOM = Pace(every_s=3600, records=10**6)


@asynccontextmanager
async def killed(log: EmbeddedLog, policy: Policy, learned: Learned = NOTHING) -> AsyncIterator[None]:
    """The worker runs meanwhile, and ends without a farewell."""
    running = asyncio.create_task(run_embedded(log, policy, asyncio.Event(), SELDOM, learned))
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def paged(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    found = [decode(Page, entry.value) for entry in entries]
    return [(page.event_action, page.payload.summary.split()[0]) for page in found]


def several(count: int) -> Callable[[Sequence[Entry]], bool]:
    return lambda found: len(found) >= count


def told_of(policies: int) -> Callable[[Sequence[Entry]], bool]:
    return lambda found: len(controls(found)) == policies


def test_what_only_the_old_policy_kept_quiet_pages_though_nothing_was_kept_since(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as log:
            async with killed(log, SILENCED):
                await log.append([raised("disk")])
                await until(log, DECISIONS.name, bool)
            async with killed(log, POLICY):
                assert paged(await until(log, PAGES.name, bool)) == [("trigger", "disk")]
            async with killed(log, POLICY):
                await log.append([raised("cpu", cluster="us")])
                await until(log, PAGES.name, several(2))
            assert len(controls(await everything(log, ALERTS.name))) == 1, "it was asked once"

    asyncio.run(scene())


def test_what_the_old_policy_paged_resolves_though_the_new_one_groups_otherwise(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as log:
            async with killed(log, POLICY):
                await log.append([raised("disk"), raised("cpu")])
                await until(log, DECISIONS.name, several(2))
                await until(log, PAGES.name, bool)
            async with killed(log, BY_NAME):
                await log.append([raised("disk", status="resolved"), raised("cpu", status="resolved")])
                told = await until(log, PAGES.name, lambda found: paged(found)[-1:] == [("resolve", "disk")])
            assert len({entry.key for entry in told}) == 1

    asyncio.run(scene())


def test_policies_that_change_at_every_kill_decide_what_a_run_decides_that_never_stopped(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as log:
            count = 0
            for number, policy in enumerate((SILENCED, POLICY, BY_NAME, SILENCED, BY_NAME)):
                async with killed(log, policy):
                    await log.append([raised(name) for name in ("disk", f"cpu{number}")])
                    count += 2
                    await until(log, DECISIONS.name, several(count))
                    if number:
                        await until(log, ALERTS.name, told_of(number))
            async with working(log, policy=BY_NAME):
                await log.append([raised("disk", status="resolved")])
                await until(log, DECISIONS.name, several(count + 1))
            facts = Triage(SILENCED).step([decode_alerts(one.value) for one in await everything(log, ALERTS.name)])
            assert [decode(Page, one.value) for one in await everything(log, PAGES.name)] == facts.pages
            decided = [entry.value for entry in await everything(log, DECISIONS.name)]
            assert decided == [draft.model_dump_json().encode() for draft in facts.decisions]

    asyncio.run(scene())


def test_a_policy_that_came_and_went_before_it_was_read_does_not_stay(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as log:
            async with killed(log, POLICY):
                await log.append([raised("cpu")])
                await until(log, PAGES.name, bool)
            silenced = Control(at_ms=0, policy=SILENCED.name, rules=SILENCED.content)
            await log.append([control_draft(silenced, 0)])
            async with killed(log, POLICY):
                await until(log, ALERTS.name, told_of(2))
                await log.append([raised("disk", cluster="us")])
                assert paged(await until(log, PAGES.name, several(2)))[1:] == [("trigger", "disk")]
                names = [one.policy for one in controls(await everything(log, ALERTS.name))]
                assert names == [SILENCED.name, POLICY.name]

    asyncio.run(scene())


def controls(entries: Sequence[Entry]) -> list[Control]:
    read = [decode_alerts(entry.value) for entry in entries]
    return [one for one in read if isinstance(one, Control)]
