"""What every log promises, played on the embedded one and on a real Kafka."""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from pipeline.errors import Fault
from pipeline.log import Draft, Entry, Reader
from schemas.topics import MAX_RECORD_BYTES
from tests.integration.broker import Broker
from tests.integration.logs import Embedded, Kafka, Log

RAW = "alerts.raw"
PAGES = "pages"
ARRIVES_S = 20.0  # a group needs a moment to form

Scene = Callable[[Log], Awaitable[None]]


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.integration)])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Log:
    if request.param == "embedded":
        return Embedded(tmp_path)
    broker: Broker = request.getfixturevalue("broker")
    return Kafka(broker.bootstrap)


def play(log: Log, scene: Scene) -> None:
    async def played() -> None:
        try:
            await scene(log)
        finally:
            await log.close()

    asyncio.run(played())


def draft(key: str, value: bytes | str, topic: str = RAW) -> Draft:
    return Draft(topic, key, value if isinstance(value, bytes) else value.encode())


async def read(reader: Reader, count: int, at_most: int | None = None) -> list[Entry]:
    """The next `count` entries, and no more than were there."""
    entries: list[Entry] = []
    deadline = time.monotonic() + ARRIVES_S
    while len(entries) < count:
        assert time.monotonic() < deadline, f"{len(entries)} of {count} entries came"
        entries += await reader.poll(1.0, at_most)
    return entries


def values(entries: Sequence[Entry], key: str | None = None) -> list[bytes]:
    return [entry.value for entry in entries if key in {None, entry.key}]


def after(entries: Sequence[Entry]) -> dict[tuple[str, int], int]:
    """Where to read on after `entries`."""
    return {(entry.topic, entry.partition): entry.offset + 1 for entry in entries}


def test_equal_keys_keep_their_order_in_one_partition(log: Log) -> None:
    async def scene(log: Log) -> None:
        writer = await log.writer()
        for number in range(20):
            await writer.append([draft(key, f"{key}{number}") for key in "abcdef"])
        entries = await read(await log.reader("g", [RAW]), 120)
        for key in "abcdef":
            assert values(entries, key) == [f"{key}{number}".encode() for number in range(20)]
            assert len({entry.partition for entry in entries if entry.key == key}) == 1

    play(log, scene)


def test_offsets_count_up_from_zero_in_each_partition(log: Log) -> None:
    async def scene(log: Log) -> None:
        writer = await log.writer()
        await writer.append([draft(str(number), b"x") for number in range(50)])
        entries = await read(await log.reader("g", [RAW]), 50)
        for partition in {entry.partition for entry in entries}:
            offsets = [entry.offset for entry in entries if entry.partition == partition]
            assert offsets == list(range(len(offsets)))

    play(log, scene)


def test_keys_headers_bytes_and_the_time_survive(log: Log) -> None:
    headers = {"source": "alertmanager", "tenant": "Zürich ☃", "empty": ""}
    drafts = [Draft(RAW, "schlüssel ☃", bytes(range(256)), headers), Draft(RAW, "", b"")]

    async def scene(log: Log) -> None:
        before_ms = time.time_ns() // 1_000_000
        await (await log.writer()).append(drafts)
        entries = await read(await log.reader("g", [RAW]), 2)
        found = {entry.key: entry for entry in entries}
        assert found["schlüssel ☃"].value == bytes(range(256))
        assert found["schlüssel ☃"].headers == headers
        assert (found[""].value, found[""].headers) == (b"", {})
        for entry in entries:
            assert entry.topic == RAW
            assert before_ms <= entry.timestamp_ms <= time.time_ns() // 1_000_000

    play(log, scene)


def test_a_record_of_ten_mebibytes_survives_among_small_ones(log: Log) -> None:
    big = os.urandom(10 * 1024 * 1024)  # random, so that compression does not make it small

    async def scene(log: Log) -> None:
        writer = await log.writer()
        await writer.append([draft("k", b"before"), draft("k", big), draft("k", b"after")])
        assert values(await read(await log.reader("g", [RAW]), 3)) == [b"before", big, b"after"]

    play(log, scene)


def test_the_largest_record_is_taken_and_a_larger_one_is_our_fault(log: Log) -> None:
    async def scene(log: Log) -> None:
        writer = await log.writer()
        largest = os.urandom(MAX_RECORD_BYTES - 128 - len("k"))
        await writer.append([draft("k", largest)])
        with pytest.raises(Fault, match="the limit is"):
            await writer.append([draft("k", largest + b"x")])
        assert values(await (await log.reader("g", [RAW])).read_all(RAW)) == [largest]

    play(log, scene)


def test_what_was_appended_is_there_after_reopening(log: Log) -> None:
    async def scene(log: Log) -> None:
        await (await log.writer()).append([draft("k", "one"), draft("k", "two")])
        await log.close()
        await (await log.writer()).append([draft("k", "three")])
        entries = await read(await log.reader("g", [RAW]), 3)
        assert values(entries) == [b"one", b"two", b"three"]
        assert [entry.offset for entry in entries] == [0, 1, 2]

    play(log, scene)


def test_a_group_continues_where_it_committed(log: Log) -> None:
    async def scene(log: Log) -> None:
        await (await log.writer()).append([draft("k", str(number)) for number in range(10)])
        reader = await log.reader("g", [RAW])
        entries = await read(reader, 10)
        await reader.commit(after(entries[:4]))
        await log.close()
        again = await read(await log.reader("g", [RAW]), 6)
        assert values(again) == values(entries[4:])

    play(log, scene)


def test_groups_do_not_see_each_other(log: Log) -> None:
    async def scene(log: Log) -> None:
        await (await log.writer()).append([draft("k", "one"), draft("k", "two")])
        first = await log.reader("first", [RAW])
        await first.commit(after(await read(first, 2)))
        assert values(await read(await log.reader("second", [RAW]), 2)) == [b"one", b"two"]
        assert await first.poll(0.3) == []

    play(log, scene)


def test_a_reader_of_two_topics_sees_both(log: Log) -> None:
    async def scene(log: Log) -> None:
        await (await log.writer()).append([draft("k", "raw"), draft("k", "page", PAGES), draft("k", "raw2")])
        entries = await read(await log.reader("g", [RAW, PAGES]), 3)
        assert values([entry for entry in entries if entry.topic == RAW]) == [b"raw", b"raw2"]
        assert values([entry for entry in entries if entry.topic == PAGES]) == [b"page"]

    play(log, scene)


def test_a_poll_with_nothing_new_is_empty_and_the_next_append_ends_it(log: Log) -> None:
    async def scene(log: Log) -> None:
        writer = await log.writer()
        await writer.append([draft("k", "old")])
        reader = await log.reader("g", [RAW])
        await read(reader, 1)
        assert await reader.poll(0.1) == []
        polling = asyncio.create_task(reader.poll(ARRIVES_S))
        await asyncio.sleep(0.1)
        await writer.append([draft("k", "new")])
        async with asyncio.timeout(ARRIVES_S / 2):
            assert values(await polling) == [b"new"]

    play(log, scene)


def test_a_poll_brings_no_more_than_it_was_asked_for_and_loses_nothing(log: Log) -> None:
    async def scene(log: Log) -> None:
        await (await log.writer()).append([draft("k", str(number)) for number in range(10)])
        reader = await log.reader("g", [RAW])
        entries = await read(reader, 1, at_most=1)
        assert len(entries) == 1
        assert await reader.poll(0.3, 0) == []
        while len(entries) < 10:
            few = await reader.poll(1.0, 4)
            assert len(few) <= 4
            entries += few
        assert values(entries) == [str(number).encode() for number in range(10)]

    play(log, scene)


def test_a_poll_that_is_cancelled_loses_nothing(log: Log) -> None:
    async def scene(log: Log) -> None:
        writer = await log.writer()
        await writer.append([draft("k", "first")])
        reader = await log.reader("g", [RAW])
        entries = await read(reader, 1)
        appends = asyncio.create_task(writer.append([draft("k", str(number)) for number in range(300)]))
        for round_ in range(30):
            polling = asyncio.create_task(reader.poll(1.0, 10))
            await asyncio.sleep(0.001 * (round_ % 5))
            polling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                entries += await polling
        await appends
        entries += await read(reader, 301 - len(entries))
        assert [entry.offset for entry in entries] == list(range(301))

    play(log, scene)


def test_read_all_sees_everything_that_stands_there_outside_the_group(log: Log) -> None:
    async def scene(log: Log) -> None:
        writer = await log.writer()
        reader = await log.reader("g", [RAW])
        assert await reader.read_all(PAGES) == []
        await writer.append([draft(str(number % 7), str(number), PAGES) for number in range(700)])
        everything = await reader.read_all(PAGES)
        assert sorted(values(everything)) == sorted(str(number).encode() for number in range(700))
        for key in map(str, range(7)):
            assert values(everything, key) == [str(number).encode() for number in range(int(key), 700, 7)]
        assert await reader.poll(0.3) == []

    play(log, scene)


def test_appends_that_meet_are_all_there_and_each_in_order(log: Log) -> None:
    async def scene(log: Log) -> None:
        writer = await log.writer()

        async def appends(who: int) -> None:
            for number in range(20):
                await writer.append([draft(str(who), f"{number}a"), draft(str(who), f"{number}b")])

        await asyncio.gather(*(appends(who) for who in range(32)))
        entries = await read(await log.reader("g", [RAW]), 32 * 40)
        assert len(entries) == 32 * 40
        for who in range(32):
            assert values(entries, str(who)) == [f"{number}{half}".encode() for number in range(20) for half in "ab"]

    play(log, scene)


def test_an_append_whose_caller_gave_up_does_not_disturb_the_others(log: Log) -> None:
    async def scene(log: Log) -> None:
        writer = await log.writer()
        tasks = [asyncio.create_task(writer.append([draft("k", str(number))])) for number in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await writer.append([draft("k", "last")])
        found = values(await (await log.reader("g", [RAW])).read_all(RAW))
        assert {str(number).encode() for number in range(1, 20, 2)} | {b"last"} <= set(found)

    play(log, scene)


def test_an_open_log_answers(log: Log) -> None:
    async def scene(log: Log) -> None:
        writer = await log.writer()
        await writer.check()
        await asyncio.gather(writer.check(), writer.check())

    play(log, scene)
