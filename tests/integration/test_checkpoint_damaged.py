"""A damaged snapshot is never believed: the one before it takes its place, or the log, and that is said."""

import asyncio
import random

import pytest
from kafka.admin import ConfigResource, ConfigResourceType
from structlog.testing import capture_logs

from pipeline import metrics
from pipeline.log import Draft
from pipeline.stream import checkpoint
from pipeline.stream.cadence import Pace
from pipeline.stream.engine import Engine
from schemas.topics import CHUNKS, MAX_RECORD_BYTES, SNAPSHOTS
from tests.integration.broker import Broker
from tests.integration.lives import (
    PARTITION,
    RECORDS,
    feed,
    life,
    played,
    rewrite,
    story,
    uninterrupted,
    whys,
    write,
)
from tests.scene import POLICY

pytestmark = pytest.mark.integration


async def three_snapshots(bootstrap: str) -> list[Draft]:
    """The log, and a worker that has kept its state at the start, 30, 60 and 90; what it has written."""
    await feed(bootstrap, story())
    async with life(bootstrap) as lived:
        return [draft for stop in (30, 60, 90) for draft in await lived.work(stop)]


async def assert_falls_back_to(offset: int, written: list[Draft], broker: Broker, reason: str) -> None:
    """The next life starts from the snapshot at `offset`, says why, counts it, and goes on as if nothing had been."""
    before = metrics.SNAPSHOTS_UNUSABLE._value.get()
    with capture_logs() as said:
        async with life(broker.bootstrap) as lived:
            assert (await lived.engine()).next_offset == 90
            [rebuilt] = [line for line in said if line["event"] == "engine rebuilt"]
            assert rebuilt["snapshot_offset"] == (offset or None)
            assert rebuilt["records"] == 90 - offset
            if reason:
                assert metrics.SNAPSHOTS_UNUSABLE._value.get() > before
                assert reason in whys(said)
            written = written + await lived.work(RECORDS)
            assert written == await uninterrupted(lived)
            assert (await lived.snapshots())[0].next_offset == RECORDS


def test_a_damaged_newest_snapshot_falls_back_to_the_one_before(broker: Broker) -> None:
    async def scene() -> None:
        written = await three_snapshots(broker.bootstrap)
        async with life(broker.bootstrap) as lived:
            newest, second, _ = await lived.snapshots()
            [chunk] = newest.chunks
            wrong = chunk.model_copy(update={"crc32": chunk.crc32 ^ 1})
            await rewrite(broker.bootstrap, newest.model_copy(update={"chunks": (wrong,)}))
        await assert_falls_back_to(60, written, broker, "its checksum differs")
        async with life(broker.bootstrap) as lived:
            assert second.next_offset in {one.next_offset for one in await lived.snapshots()}, "it was overwritten"

    played(scene)


def test_a_chunk_that_is_no_chunk_or_missing_falls_back_to_the_one_before(broker: Broker) -> None:
    async def scene() -> None:
        written = await three_snapshots(broker.bootstrap)
        [garbage] = await write(broker.bootstrap, CHUNKS.name, (b"9/0", b"garbage"))
        async with life(broker.bootstrap) as lived:
            newest, second, _ = await lived.snapshots()
        elsewhere = newest.chunks[0].model_copy(update={"offset": garbage})
        await rewrite(broker.bootstrap, newest.model_copy(update={"chunks": (elsewhere,)}))
        nowhere = second.chunks[0].model_copy(update={"offset": garbage + 1000})
        await rewrite(broker.bootstrap, second.model_copy(update={"chunks": (nowhere,)}))
        await assert_falls_back_to(30, written, broker, "is missing")

    played(scene)


def test_a_snapshot_topic_that_lost_its_last_record_falls_back_to_the_one_before(broker: Broker) -> None:
    async def scene() -> None:
        written = await three_snapshots(broker.bootstrap)
        async with life(broker.bootstrap) as lived:
            newest, second, third = await lived.snapshots()
        with broker.admin() as admin:
            admin.delete_topics([SNAPSHOTS.name])
            admin.wait_for_topics([])
        await recreate(broker, SNAPSHOTS.name)
        await rewrite(broker.bootstrap, third)
        await rewrite(broker.bootstrap, second)
        assert newest.next_offset == 90
        await assert_falls_back_to(60, written, broker, "")

    played(scene)


async def recreate(broker: Broker, name: str) -> None:
    """`name` again, empty."""
    for _ in range(100):
        with broker.admin() as admin:
            answer = admin.create_topics({name: {"num_partitions": 4, "replication_factor": 1}}, raise_errors=False)
            if not any(topic["error_code"] for topic in answer["topics"]):
                admin.wait_for_topics([name])
                return
        await asyncio.sleep(0.1)
    pytest.fail(f"{name} cannot be made")


def test_without_any_snapshot_the_log_is_read_and_that_is_said(broker: Broker) -> None:
    async def scene() -> None:
        written = await three_snapshots(broker.bootstrap)
        await write(broker.bootstrap, SNAPSHOTS.name, (b"0", None), (b"1", b"nonsense"), (b"2", b"{}"))
        await assert_falls_back_to(0, written, broker, "no snapshot: the whole log is read")

    played(scene)


def test_a_snapshot_beyond_the_end_of_the_log_is_not_believed_and_not_found_again(broker: Broker) -> None:
    async def scene() -> None:
        written = await three_snapshots(broker.bootstrap)
        async with life(broker.bootstrap) as lived:
            newest = (await lived.snapshots())[0]
            await rewrite(broker.bootstrap, newest.model_copy(update={"next_offset": RECORDS + 1}))
        await assert_falls_back_to(60, written, broker, "beyond the end of the log")
        async with life(broker.bootstrap) as lived:
            assert all(one.next_offset <= RECORDS for one in await lived.snapshots())

    played(scene)


def test_a_state_of_another_version_is_refused_and_the_log_takes_its_place(broker: Broker) -> None:
    async def scene() -> None:
        written = await three_snapshots(broker.bootstrap)
        async with life(broker.bootstrap) as lived:
            for snapshot in await lived.snapshots():
                taken = checkpoint.Taken(PARTITION, snapshot.next_offset, b"of another version", 0, POLICY.name)
                await lived.store.write(taken, snapshot.slot, 0)
        await assert_falls_back_to(0, written, broker, "no snapshot: the whole log is read")

    played(scene)


def test_a_state_of_many_chunks_comes_back_whole(broker: Broker) -> None:
    async def scene() -> None:
        state = random.Random(1).randbytes(2 * checkpoint.CHUNK_BYTES + 77)  # noqa: S311  # a scene, not a secret
        async with life(broker.bootstrap) as lived:
            snapshot, cpu_s = await lived.store.write(checkpoint.Taken(PARTITION, 5, state, 0, POLICY.name), 0, 0)
            assert len(snapshot.chunks) == 3
            assert 0 < cpu_s < 5, "what it waits for the broker is no cost"
            assert await lived.store.state(snapshot) == state
            smaller, _ = await lived.store.write(checkpoint.Taken(PARTITION, 6, b"", 0, POLICY.name), 0, 3)
            assert await lived.store.state(smaller) == b""
            assert await lived.store.state(snapshot) == state, "of another's chunks it takes none"

    played(scene)


def test_what_stalled_and_wrote_late_is_older_and_harms_nothing(broker: Broker) -> None:
    async def scene() -> None:
        written = await three_snapshots(broker.bootstrap)
        async with life(broker.bootstrap) as stalled:
            state = Engine(PARTITION, POLICY)
            state.step(await stalled.entries(0, 10))
            late = checkpoint.Taken(PARTITION, 10, state.snapshot(), 0, POLICY.name)
            oldest = (await stalled.snapshots())[-1]
            await stalled.store.write(late, oldest.slot, 0)
        await assert_falls_back_to(90, written, broker, "")

    played(scene)


def test_a_snapshot_that_cannot_be_written_stops_nothing_and_a_later_one_is(broker: Broker) -> None:
    async def scene() -> None:
        await feed(broker.bootstrap, story())
        async with life(broker.bootstrap, pace=Pace(every_s=2, records=1, cost_share=0)) as lived:
            refuse_chunks(broker, 100)
            with capture_logs() as said:
                written = await lived.work(30)
                written += await lived.work(31)
            assert whys(said).count("warning: no snapshot is written") == 1, "it is tried again in peace"
            assert await lived.snapshots() == []
            refuse_chunks(broker, MAX_RECORD_BYTES)
            for _ in range(300):
                if await lived.snapshots():
                    break
                await asyncio.sleep(0.1)
            assert [one.next_offset for one in await lived.snapshots()] == [31]
            assert written + await lived.work(RECORDS) == await uninterrupted(lived)

    played(scene)


def refuse_chunks(broker: Broker, limit_bytes: int) -> None:
    """Let the broker refuse larger ones."""
    limit = {"max.message.bytes": str(limit_bytes)}
    with broker.admin() as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, CHUNKS.name, configs=limit)])
