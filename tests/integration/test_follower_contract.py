"""What every follower promises, played on the embedded log and on a real Kafka."""

import asyncio
import contextlib
import time

import pytest

from pipeline.errors import Retryable
from pipeline.log import Draft, Entry, Follower, Writer
from tests.integration.broker import Broker
from tests.integration.logs import Kafka, Log
from tests.integration.test_log_contract import ARRIVES_S, draft, log, play

__all__ = ["log"]  # a fixture, found by its name
FOLLOWED = ("silences", "pages")


async def follow(follower: Follower, count: int) -> list[Entry]:
    """The next `count` entries."""
    entries: list[Entry] = []
    deadline = time.monotonic() + ARRIVES_S
    while len(entries) < count or not follower.has_caught_up:
        assert time.monotonic() < deadline, f"{len(entries)} of {count} entries came"
        entries += await follower.poll(0.2)
    assert len(entries) == count
    return entries


def test_a_follower_begins_with_all_that_stands_there_and_goes_on(log: Log) -> None:
    async def scene(log: Log) -> None:
        writer = await log.writer()
        await writer.append([draft(f"k{n}", f"v{n}", "pages") for n in range(30)])
        await writer.append([draft("s", "one", "silences"), draft("x", "unfollowed")])
        follower = await log.follower(FOLLOWED)
        assert not follower.has_caught_up
        found = await follow(follower, 31)
        assert {entry.value for entry in found} == {b"one", *(b"v%d" % n for n in range(30))}
        await writer.append([draft("s", "two", "silences")])
        assert [entry.value for entry in await follow(follower, 1)] == [b"two"]
        assert await follower.poll(0.0) == []

    play(log, scene)


def test_two_followers_see_the_same_and_groups_know_nothing_of_them(log: Log) -> None:
    async def scene(log: Log) -> None:
        writer = await log.writer()
        await writer.append([draft("s", "one", "silences")])
        first, second = [await log.follower(["silences"]) for _ in range(2)]
        assert [entry.value for entry in await follow(first, 1)] == [b"one"]
        assert [entry.value for entry in await follow(second, 1)] == [b"one"]
        await writer.append([draft("s", "two", "silences")])
        assert [entry.value for entry in await follow(second, 1)] == [b"two"]
        reader = await log.reader("a-group", ["silences"])
        assert {entry.value for entry in await reader.read_all("silences")} >= {b"two"}

    play(log, scene)


def test_a_follower_of_nothing_has_caught_up_at_once(log: Log) -> None:
    async def scene(log: Log) -> None:
        follower = await log.follower(FOLLOWED)
        assert await follow(follower, 0) == []

    play(log, scene)


def test_of_a_tail_only_the_last_records_of_each_partition_are_read_and_all_that_comes(log: Log) -> None:
    async def scene(log: Log) -> None:
        writer = await log.writer()
        count = await writer.partitions("pages")
        for n in range(5):
            await writer.append([Draft("pages", "", b"v%d" % n, partition=number) for number in range(count)])
        await writer.append([draft("s", "one", "silences")])
        follower = await log.follower(FOLLOWED, {"pages": 2})
        found = await follow(follower, 2 * count + 1)
        assert sorted(entry.value for entry in found) == sorted([b"one", *[b"v3", b"v4"] * count])
        await writer.append([draft("k", "next", "pages")])
        assert [entry.value for entry in await follow(follower, 1)] == [b"next"]
        short = await log.follower(["pages"], {"pages": 1000})
        assert len(await follow(short, 5 * count + 1)) == 5 * count + 1

    play(log, scene)


def test_what_compaction_took_keeps_a_follower_from_nothing(log: Log) -> None:
    async def scene(log: Log) -> None:
        writer = await log.writer()
        for n in range(5):
            await writer.append([draft("s", f"v{n}", "silences")])
        follower = await log.follower(["silences"])
        deadline = time.monotonic() + ARRIVES_S
        found: list[Entry] = []
        while not follower.has_caught_up:
            assert time.monotonic() < deadline
            found += await follower.poll(0.2)
        assert found[-1].value == b"v4"

    play(log, scene)


def test_every_partition_can_be_written_to(log: Log) -> None:
    async def scene(log: Log) -> None:
        writer = await log.writer()
        count = await writer.partitions("pages")
        await writer.append([Draft("pages", "", b"x", partition=number) for number in range(count)])
        found = await follow(await log.follower(["pages"]), count)
        assert {entry.partition for entry in found} == set(range(count))

    play(log, scene)


def test_a_topic_that_is_none_has_no_partitions(log: Log) -> None:
    async def scene(log: Log) -> None:
        with pytest.raises(Exception, match=r"no such topic|there is no topic|does not tell"):
            await (await log.writer()).partitions("nowhere")

    play(log, scene)


@pytest.mark.integration
def test_a_follower_goes_on_behind_what_it_has_returned_when_the_broker_was_killed(broker: Broker) -> None:
    async def scene(log: Log) -> None:
        writer = await log.writer()
        await writer.append([draft("s", "one", "silences")])
        follower = await log.follower(FOLLOWED)
        assert [entry.value for entry in await follow(follower, 1)] == [b"one"]
        await asyncio.to_thread(broker.kill)
        assert await follower.poll(0.5) == []
        await asyncio.to_thread(broker.start)
        await until_it_takes(writer, draft("s", "two", "silences"))
        found: list[Entry] = []
        deadline = time.monotonic() + ARRIVES_S
        while not found:
            assert time.monotonic() < deadline, "nothing came"
            found = await follower.poll(0.2)
        assert {entry.value for entry in found} == {b"two"}

    play(Kafka(broker.bootstrap), scene)


async def until_it_takes(writer: Writer, one: Draft) -> None:
    deadline = time.monotonic() + ARRIVES_S
    while time.monotonic() < deadline:
        with contextlib.suppress(Retryable):
            return await writer.append([one])
    pytest.fail("the broker does not come back")
