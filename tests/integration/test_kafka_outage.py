"""A broker that goes away, a group that changes hands, a topic that is not there: what only Kafka can do to a log."""

import asyncio
import contextlib
import threading
import time

import pytest
from aiokafka.partitioner import DefaultPartitioner
from kafka.admin import MemberToRemove

from pipeline.errors import Fault, Misuse, Retryable
from pipeline.log import Draft, Entry
from pipeline.log.kafka import KafkaReader, KafkaWriter
from schemas.topics import RAW
from tests.integration.broker import Broker
from tests.integration.real import free_ports

pytestmark = pytest.mark.integration

TIMEOUT_S = 2.0
ARRIVES_S = 30.0


def draft(key: str, value: str) -> Draft:
    return Draft(RAW.name, key, value.encode())


async def insist(writer: KafkaWriter, record: Draft) -> None:
    """Append until it is acknowledged, as every client of ours does."""
    deadline = time.monotonic() + ARRIVES_S
    while True:
        try:
            return await writer.append([record])
        except Retryable:
            assert time.monotonic() < deadline, "the broker is back, and the writer is not"
            await asyncio.sleep(0.1)


async def read_until(reader: KafkaReader, count: int) -> list[Entry]:
    entries: list[Entry] = []
    deadline = time.monotonic() + ARRIVES_S
    while len({entry.value for entry in entries}) < count:
        assert time.monotonic() < deadline, f"{len(entries)} of {count} entries came"
        with contextlib.suppress(Retryable):
            entries += await reader.poll(1.0)
    return entries


def test_a_broker_that_is_killed_costs_nothing_that_was_acknowledged(broker: Broker) -> None:
    async def scene() -> None:
        writer, reader = KafkaWriter(broker.bootstrap, TIMEOUT_S), KafkaReader(broker.bootstrap, "g", [RAW.name])
        async with contextlib.AsyncExitStack() as opened:
            opened.push_async_callback(writer.close)
            opened.push_async_callback(reader.close)
            await writer.append([draft("k", "before")])
            assert len(await read_until(reader, 1)) == 1

            await asyncio.to_thread(broker.kill)
            with pytest.raises(Retryable):
                await writer.append([draft("k", "during")])
            with pytest.raises(Retryable):
                await writer.check()

            insisting = [asyncio.create_task(insist(writer, draft(str(who), f"after{who}"))) for who in range(8)]
            await asyncio.to_thread(broker.start)
            await asyncio.gather(*insisting)
            await writer.check()
            found = {entry.value for entry in await read_until(reader, 8)}
            assert {f"after{who}".encode() for who in range(8)} <= found
            assert b"before" not in found

    asyncio.run(scene())


def test_a_restart_shorter_than_the_timeout_is_not_even_noticed(broker: Broker) -> None:
    async def scene() -> None:
        async with contextlib.aclosing(_Closing(KafkaWriter(broker.bootstrap, ARRIVES_S))) as closing:
            await closing.writer.append([draft("k", "before")])
            await asyncio.to_thread(broker.stop)
            during = asyncio.create_task(closing.writer.append([draft("k", "during")]))
            await asyncio.to_thread(broker.start)
            await during
            reader = KafkaReader(broker.bootstrap, "g", [RAW.name])
            everything = await reader.read_all(RAW.name)
            await reader.close()
            assert [entry.value for entry in everything] == [b"before", b"during"]

    asyncio.run(scene())


def test_a_writer_that_starts_before_its_broker_waits_for_it(broker: Broker) -> None:
    async def scene() -> None:
        await asyncio.to_thread(broker.stop)
        async with contextlib.aclosing(_Closing(KafkaWriter(broker.bootstrap, TIMEOUT_S))) as closing:
            with pytest.raises(Retryable, match=broker.bootstrap):
                await closing.writer.check()
            with pytest.raises(Retryable):
                await closing.writer.append([draft("k", "early")])
            reader = KafkaReader(broker.bootstrap, "g", [RAW.name])
            with pytest.raises(Retryable):
                await reader.poll(0.1)
            await asyncio.to_thread(broker.start)
            await insist(closing.writer, draft("k", "late"))
            assert b"late" in {entry.value for entry in await read_until(reader, 1)}
            await reader.close()

    asyncio.run(scene())


def test_a_member_that_joins_makes_the_others_start_from_what_is_committed(broker: Broker) -> None:
    async def scene() -> None:
        async with contextlib.aclosing(_Closing(KafkaWriter(broker.bootstrap, TIMEOUT_S))) as closing:
            await closing.writer.append([draft(str(number), str(number)) for number in range(40)])
        first = KafkaReader(broker.bootstrap, "g", [RAW.name])
        entries = await read_until(first, 40)
        committed = {(entry.topic, entry.partition): 2 for entry in entries}
        await first.commit(committed)
        generation = first.generation

        second = KafkaReader(broker.bootstrap, "g", [RAW.name])
        again: dict[KafkaReader, list[Entry]] = {first: [], second: []}
        uncommitted = len(entries) - sum(committed.values())

        async def read_alternately(reader: KafkaReader) -> None:
            """Busy elsewhere for half of the time, as a pager is; then joins succeed while nobody polls."""
            while sum(map(len, again.values())) < uncommitted or not all(again.values()):
                before = reader.generation
                came = await reader.poll(0.2)
                again[reader] = came if reader.generation != before else again[reader] + came
                await asyncio.sleep(0.2)

        async with asyncio.timeout(ARRIVES_S):
            await asyncio.gather(read_alternately(first), read_alternately(second))
        assert first.generation > generation
        positions = [(entry.partition, entry.offset) for entry in again[first] + again[second]]
        assert sorted(positions) == sorted((e.partition, e.offset) for e in entries if e.offset >= 2)

        await second.close()
        deadline = time.monotonic() + ARRIVES_S
        stale = first.generation
        while first.generation == stale:  # the group deals anew, and a commit must not slip in between
            assert time.monotonic() < deadline
            await first.poll(0.2)
        await first.commit(committed)
        await first.close()

    asyncio.run(scene())


def test_what_an_expelled_member_commits_is_refused_and_it_starts_from_what_was_committed(broker: Broker) -> None:
    async def scene() -> None:
        async with contextlib.aclosing(_Closing(KafkaWriter(broker.bootstrap, TIMEOUT_S))) as closing:
            await closing.writer.append([draft("k", str(number)) for number in range(3)])
        reader = KafkaReader(broker.bootstrap, "g", [RAW.name])
        entries = await read_until(reader, 3)
        await reader.commit({(RAW.name, entries[0].partition): 1})
        generation = reader.generation
        with broker.admin() as admin:
            members = [member["member_id"] for member in admin.describe_groups(["g"])["g"]["members"]]
            admin.remove_group_members("g", [MemberToRemove(member_id=member) for member in members])
        with pytest.raises(Retryable, match="not committed"):
            await reader.commit({(RAW.name, entries[0].partition): 3})
        assert [entry.value for entry in await read_until(reader, 2)] == [b"1", b"2"]
        assert reader.generation > generation
        await reader.close()

    asyncio.run(scene())


def test_a_topic_that_is_not_there_is_said_and_does_not_stop_the_others(broker: Broker) -> None:
    async def scene() -> None:
        async with contextlib.aclosing(_Closing(KafkaWriter(broker.bootstrap, TIMEOUT_S))) as closing:
            with pytest.raises(Retryable, match="nowhere"):
                await closing.writer.append([Draft("nowhere", "k", b"x")])
            await closing.writer.append([draft("k", "x")])
            with pytest.raises(Fault):
                await closing.writer.append([Draft(RAW.name, "k", b"x", partition=99)])
            await closing.writer.append([draft("k", "y")])
            reader = KafkaReader(broker.bootstrap, "g", [RAW.name])
            assert len(await reader.read_all(RAW.name)) == 2
            with pytest.raises(Retryable, match="nowhere"):
                await reader.read_all("nowhere")
            await reader.close()

    asyncio.run(scene())


def test_keys_stand_in_the_partition_that_other_clients_choose(broker: Broker) -> None:
    async def scene() -> None:
        partitions = list(range(RAW.partitions))
        async with contextlib.aclosing(_Closing(KafkaWriter(broker.bootstrap, TIMEOUT_S))) as closing:
            await closing.writer.append([draft(f"clé{number}", "x") for number in range(20)])
        reader = KafkaReader(broker.bootstrap, "g", [RAW.name])
        for entry in await reader.read_all(RAW.name):
            assert entry.partition == DefaultPartitioner()(entry.key.encode(), partitions, partitions)
        await reader.close()

    asyncio.run(scene())


def test_an_address_that_is_none_is_misuse() -> None:
    async def scene() -> None:
        async with contextlib.aclosing(_Closing(KafkaWriter("kafka:port", TIMEOUT_S))) as closing:
            with pytest.raises(Misuse, match="host:port"):
                await closing.writer.check()

    asyncio.run(scene())


def test_clients_that_find_no_broker_leave_no_threads_behind() -> None:
    async def scene() -> None:
        nobody = f"127.0.0.1:{free_ports(1)[0]}"
        before = set(threading.enumerate())  # tests that ran before in this process may have left some of their own
        async with contextlib.aclosing(_Closing(KafkaWriter(nobody, 0.3))) as closing:
            for _ in range(3):
                with pytest.raises(Retryable):
                    await closing.writer.check()
                with pytest.raises(Retryable):
                    await closing.writer.append([draft("k", "x")])
        # kafka-python's own threads are called kafka-io-…, and a client that could not connect leaves one behind.
        left = [thread for thread in set(threading.enumerate()) - before if "kafka-io" in thread.name]
        for thread in left:
            await asyncio.to_thread(thread.join, 5.0)
        assert [thread.name for thread in left if thread.is_alive()] == []

    asyncio.run(scene())


class _Closing:
    def __init__(self, writer: KafkaWriter) -> None:
        self.writer = writer

    async def aclose(self) -> None:
        await self.writer.close()
