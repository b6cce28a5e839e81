"""Snapshots on a real Kafka: a restart from one is a run that never stopped, whatever else has changed."""

import asyncio

import pytest
from kafka import TopicPartition
from structlog.testing import capture_logs

from pipeline.codec import decode, encode
from pipeline.core.policy import Policy, PolicySilence
from pipeline.log import Draft
from pipeline.stream.cadence import Pace
from pipeline.stream.kafka_log import places
from schemas import Control, Decisions, Page, Reason, Silence
from schemas.topics import ALERTS, PAGES, SILENCES
from tests.integration.broker import Broker
from tests.integration.lives import (
    PARTITION,
    RECORDS,
    feed,
    life,
    played,
    story,
    uninterrupted,
    whys,
    write,
)
from tests.scene import POLICY, alert, at, ms, resolved

pytestmark = pytest.mark.integration


def test_a_run_cut_into_lives_writes_what_one_life_writes(broker: Broker) -> None:
    async def scene() -> None:
        await feed(broker.bootstrap, story())
        written: list[Draft] = []
        for stop in (1, 30, 31, 77, RECORDS):
            async with life(broker.bootstrap) as lived:
                written += await lived.work(stop)
                assert (await lived.snapshots())[0].next_offset == stop
        async with life(broker.bootstrap) as lived:
            assert written == await uninterrupted(lived)
            assert (await lived.engine()).next_offset == RECORDS

    played(scene)


def test_the_group_may_be_ahead_of_the_snapshot_or_behind_it(broker: Broker) -> None:
    async def scene() -> None:
        await feed(broker.bootstrap, story())
        async with life(broker.bootstrap) as lived:
            written = await lived.work(40)
            written += await lived.work(55, is_kept=False)  # read again, without its outputs
        async with life(broker.bootstrap) as lived:
            assert (await lived.engine()).next_offset == 55
            written += await lived.work(90, is_committed=False)  # its outputs and its snapshot are durable
        async with life(broker.bootstrap) as lived:
            assert (await lived.engine()).next_offset == 90
            written += await lived.work(RECORDS)
            assert written == await uninterrupted(lived)

    played(scene)


def test_what_was_written_and_neither_kept_nor_committed_is_written_again_the_same(broker: Broker) -> None:
    async def scene() -> None:
        await feed(broker.bootstrap, story())
        async with life(broker.bootstrap) as lived:
            await lived.work(40)
            first = await lived.work(80, is_kept=False, is_committed=False)
        async with life(broker.bootstrap) as lived:
            assert await lived.work(80) == first

    played(scene)


def test_a_snapshot_is_of_its_offset_though_the_engine_goes_on_while_it_is_written(broker: Broker) -> None:
    async def scene() -> None:
        await feed(broker.bootstrap, story())
        async with life(broker.bootstrap) as lived:
            engine = await lived.engine()
            written = engine.step(await lived.entries(0, 50))
            await lived.engines.checkpoint(PARTITION)
            written += engine.step(await lived.entries(50, RECORDS))  # before a single chunk is sent
            await lived.engines.kept(PARTITION)
            assert [one.next_offset for one in await lived.snapshots()] == [50, 0]
            await lived.commit(50)
        async with life(broker.bootstrap) as lived:
            assert written[-3:] == (await lived.work(RECORDS))[-3:]
            assert written == await uninterrupted(lived)

    played(scene)


def test_a_quiet_partition_is_kept_too_though_nothing_calls_for_it(broker: Broker) -> None:
    async def scene() -> None:
        await feed(broker.bootstrap, story())
        async with life(broker.bootstrap, pace=Pace(every_s=1.0, records=10**6)) as lived:
            engine = await lived.engine()
            engine.step(await lived.entries(0, 50))
            await lived.engines.checkpoint(PARTITION)
            assert [one.next_offset for one in await lived.snapshots()] == [0]
            for _ in range(300):
                await asyncio.sleep(0.1)
                if (await lived.snapshots())[0].next_offset == 50:
                    return
            pytest.fail("its state is not kept")

    played(scene)


SILENCED = Policy(group_by=("cluster",), gap=300, silences=(PolicySilence(match=("alertname=disk",)),))


def test_under_another_policy_what_is_open_goes_on_and_what_was_silenced_is_judged_anew(broker: Broker) -> None:
    async def scene() -> None:
        story = [*at(0, alert("disk", cluster="eu")), *at(1, alert("cpu", cluster="us"))]
        await feed(broker.bootstrap, story)
        async with life(broker.bootstrap, SILENCED) as lived:
            [cpu] = pages(await lived.work(2))
        with capture_logs() as said:
            async with life(broker.bootstrap, POLICY) as lived:
                await lived.engine()
                await feed(broker.bootstrap, [*at(61, resolved("cpu", cluster="us")), *at(200)])
                [disk, end] = pages(await lived.work(5))
        assert "another policy decides from here on" in whys(said)
        assert disk.event_action == "trigger", "nobody had been paged for it"
        assert (end.event_action, end.dedup_key) == ("resolve", cpu.dedup_key)
        with capture_logs() as said:
            async with life(broker.bootstrap, POLICY) as lived:
                await lived.engine()
                [place] = places(ALERTS.name, [PARTITION])
                assert (await lived.log.ends([place]))[place] == 5, "it was asked once"
        assert "another policy" not in whys(said)

    played(scene)


def pages(drafts: list[Draft]) -> list[Page]:
    return [decode(Page, draft.value) for draft in drafts if draft.topic == PAGES.name]


def trim(broker: Broker, before: int) -> None:
    """What retention does."""
    with broker.admin() as admin:
        admin.delete_records({TopicPartition(ALERTS.name, PARTITION): before})


def test_retention_that_removed_what_the_snapshot_needs_is_said_and_the_rest_goes_on(broker: Broker) -> None:
    async def scene() -> None:
        await feed(broker.bootstrap, story())
        async with life(broker.bootstrap) as lived:
            await lived.work(30)
            await lived.work(60, is_kept=False)
        trim(broker, 40)
        with capture_logs() as said:
            async with life(broker.bootstrap) as lived:
                assert (await lived.engine()).next_offset == 60
                assert await lived.work(RECORDS)
        assert "error: retention removed records that the snapshot needs" in whys(said)
        assert [line["records"] for line in said if "that the snapshot needs" in str(line["event"])] == [10]

    played(scene)


def silence(starts_s: float, ends_s: float) -> Silence:
    return Silence(
        id="s1",
        matchers=('alertname="disk"',),
        starts_at_ms=ms(starts_s),
        ends_at_ms=ms(ends_s),
        created_by="me",
        comment="",
        updated_at_ms=ms(starts_s),
    )


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_silence_older_than_the_log_still_holds(broker: Broker, *, is_kept: bool) -> None:
    """From the snapshot; and where there is none, from the topic that lists silences."""

    async def scene() -> None:
        quiet = silence(-100, 10**6)
        await write(broker.bootstrap, SILENCES.name, (b"s1", encode(quiet)))
        await feed(broker.bootstrap, [Control(at_ms=ms(-100), silence=quiet), *at(0, alert("cpu", cluster="us"))])
        async with life(broker.bootstrap) as lived:
            await lived.work(2, is_kept=is_kept)
        await feed(broker.bootstrap, at(10, alert("disk", cluster="eu")))
        trim(broker, 1 if is_kept else 2)
        async with life(broker.bootstrap) as lived:
            [decisions] = [
                decode(Decisions, draft.value) for draft in await lived.work(3) if draft.topic == "decisions"
            ]
        assert [one.reason for one in decisions.decisions] == [Reason.SILENCED]

    played(scene)
