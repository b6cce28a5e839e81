"""A policy that changes at a restart, on a real Kafka: the log says where, so a crash on top changes nothing."""

from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from pipeline.codec import decode, decode_alerts
from pipeline.core.policy import Policy, PolicySilence
from pipeline.log import Draft
from pipeline.stream.cadence import Pace
from schemas import Control, Page
from schemas.topics import PAGES
from tests.integration.broker import Broker
from tests.integration.lives import PARTITION, feed, life, played, story, uninterrupted, whys
from tests.scene import POLICY, alert, at, resolved

pytestmark = pytest.mark.integration

SILENCED = Policy(group_by=("cluster",), gap=300, silences=(PolicySilence(match=("alertname=disk",)),))
BY_NAME = Policy(group_by=("alertname",), gap=300)
SELDOM = Pace(every_s=3600, records=10**6)
DISK, CPU = alert("disk", cluster="eu"), alert("cpu", cluster="eu")


def paged(drafts: Sequence[Draft]) -> list[tuple[str, str]]:
    found = [decode(Page, draft.value) for draft in drafts if draft.topic == PAGES.name]
    return [(page.event_action, page.payload.summary.split()[0]) for page in found]


def keys(drafts: Sequence[Draft]) -> set[str]:
    return {draft.key for draft in drafts if draft.topic == PAGES.name}


def test_what_only_the_old_policy_kept_quiet_pages_though_nothing_was_kept_since(broker: Broker) -> None:
    async def scene() -> None:
        await feed(broker.bootstrap, at(0, DISK))
        async with life(broker.bootstrap, SILENCED, SELDOM) as lived:
            assert paged(await lived.work(1, is_kept=False)) == []
        async with life(broker.bootstrap, POLICY, SELDOM) as lived:
            await lived.engine()
            assert paged(await lived.work(2, is_kept=False)) == [("trigger", "disk")]
        async with life(broker.bootstrap, POLICY, SELDOM) as lived:
            await lived.engine()
            assert await lived.end() == 2, "it was asked once"

    played(scene)


def test_what_the_old_policy_paged_resolves_though_the_new_one_groups_otherwise(broker: Broker) -> None:
    async def scene() -> None:
        await feed(broker.bootstrap, [*at(0, DISK), *at(1, CPU)])
        async with life(broker.bootstrap, POLICY, SELDOM) as lived:
            told = keys(await lived.work(2, is_kept=False))
        async with life(broker.bootstrap, BY_NAME, SELDOM) as lived:
            await lived.engine()
            over = [resolved("disk", cluster="eu"), resolved("cpu", cluster="eu")]
            await feed(broker.bootstrap, [*at(10, *over), *at(200)])
            ended = await lived.work(5, is_kept=False)
            assert ("resolve", keys(ended)) == (paged(ended)[-1][0], told)

    played(scene)


def test_what_was_written_and_not_committed_is_written_again_the_same(broker: Broker) -> None:
    """Else the page of the one run would never resolve, and that of the other would be a second one."""

    async def scene() -> None:
        await feed(broker.bootstrap, [*at(0, DISK), *at(1, CPU)])
        async with life(broker.bootstrap, POLICY, SELDOM) as lived:
            first = await lived.work(2, is_kept=False, is_committed=False)
        async with life(broker.bootstrap, BY_NAME, SELDOM) as lived:
            await lived.engine()
            assert await lived.work(2, is_kept=False) == first

    played(scene)


def test_policies_that_change_at_every_crash_write_what_a_run_writes_that_never_crashed(broker: Broker) -> None:
    async def scene() -> None:
        written: list[Draft] = []
        rules = (SILENCED, POLICY, BY_NAME, SILENCED, POLICY)
        for number, policy in enumerate(rules):
            await feed(broker.bootstrap, story()[number * 20 : number * 20 + 20])
            async with life(broker.bootstrap, policy, SELDOM) as lived:
                await lived.engine()
                stop = await lived.end()
                written += await lived.work(stop - 5, is_kept=number == 2)
                lost = await lived.work(stop, is_kept=False, is_committed=False)
                assert (await lived.engine()).policy.name == policy.name
        async with life(broker.bootstrap, rules[-1]) as lived:
            assert await lived.work(stop) == lost
            assert [*written, *lost] == await uninterrupted(lived, stop, SILENCED)
            said = [decode_alerts(entry.value) for entry in await lived.entries(0, stop)]
        assert sum(isinstance(one, Control) for one in said) >= len(rules) - 1

    played(scene)


def test_a_policy_that_came_and_went_before_it_was_read_does_not_stay(broker: Broker) -> None:
    async def scene() -> None:
        await feed(broker.bootstrap, at(0, DISK))
        async with life(broker.bootstrap, POLICY) as lived:
            await lived.work(1)
        async with life(broker.bootstrap, SILENCED) as lived:
            await lived.engine()  # and dies
        async with life(broker.bootstrap, POLICY) as lived:
            engine = await lived.engine()
            await lived.work(2)
            assert engine.policy.name == SILENCED.name
            await lived.engines.tell_rules(engine)
            await lived.engines.tell_rules(engine)
            assert await lived.end() == 3, "it is told again, once"
            await lived.work(3)
            assert engine.policy.name == POLICY.name

    played(scene)


def test_the_state_is_kept_before_anything_is_decided(broker: Broker) -> None:
    async def scene() -> None:
        await feed(broker.bootstrap, at(0, DISK))
        with capture_logs() as said:
            async with life(broker.bootstrap, SILENCED, SELDOM) as lived:
                await lived.engine()
                [kept] = await lived.snapshots()
        assert (kept.partition, kept.next_offset, kept.policy) == (PARTITION, 0, SILENCED.name)
        assert "another policy decides" not in whys(said)

    played(scene)
