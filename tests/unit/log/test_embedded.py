"""The embedded log: what it promises beyond the contract that tests/integration/test_log_contract.py plays."""

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.errors import Fault, Misuse, Retryable
from pipeline.log import Draft
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.embedded_file import FILE_NAME

RAW = "alerts.raw"
DECISIONS = "decisions"
DELIVERIES = "pages.delivered"
GROUP = "worker"

Scene = Callable[[EmbeddedLog], Awaitable[None]]

WRITES_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from pipeline.log import Draft
from pipeline.log.embedded import EmbeddedLog

async def main():
    log = await EmbeddedLog.open(Path(sys.argv[1]), 5.0)
    for number in range(1, 1_000_000):
        text = str(number).encode()
        await log.append_and_commit([Draft("decisions", "k", text)], "worker", {("alerts.raw", 0): number}, ("s", text))
        print(number, flush=True)

asyncio.run(main())
"""


def play(data_dir: Path, scene: Scene) -> None:
    async def played() -> None:
        log = await EmbeddedLog.open(data_dir, 5.0)
        try:
            await scene(log)
        finally:
            await log.close()

    asyncio.run(played())


def draft(key: str, value: bytes = b"x", topic: str = RAW) -> Draft:
    return Draft(topic, key, value)


async def texts(log: EmbeddedLog, topic: str) -> list[str]:
    reader = await log.reader("texts", [topic])
    try:
        return [entry.value.decode() for entry in await reader.read_all(topic)]
    finally:
        await reader.close()


def test_outputs_position_and_snapshot_stand_together_after_a_kill(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITES_UNTIL_KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        acknowledged = 0
        while acknowledged < 50:
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        acknowledged += len(process.stdout.read().splitlines())

    async def scene(log: EmbeddedLog) -> None:
        outputs = await texts(log, DECISIONS)
        assert len(outputs) >= acknowledged
        assert outputs == [str(number) for number in range(1, len(outputs) + 1)]
        assert await log.load_snapshot("s") == outputs[-1].encode()
        await log.append([draft("k") for _ in range(len(outputs) + 1)])
        reader = await log.reader(GROUP, [RAW])
        assert [entry.offset for entry in await reader.poll(1)] == [len(outputs)]

    play(tmp_path, scene)


def test_a_snapshot_replaces_the_one_before(tmp_path: Path) -> None:
    async def scene(log: EmbeddedLog) -> None:
        assert await log.load_snapshot("s") is None
        for state in (b"one", b"two"):
            await log.append_and_commit([], GROUP, {(RAW, 0): 0}, ("s", state))
        assert await log.load_snapshot("s") == b"two"

    play(tmp_path, scene)


def test_a_full_disk_is_retryable_and_passes(tmp_path: Path) -> None:
    async def scene(log: EmbeddedLog) -> None:
        await log.append([draft("k", b"before")])
        with no_file_may_grow_beyond(512 * 1024):
            with pytest.raises(Retryable, match="cannot be written"):
                await log.append([draft("k", os.urandom(1024 * 1024))])
            with pytest.raises(Retryable):
                await log.append_and_commit([draft("k", bytes(1024 * 1024))], GROUP, {(RAW, 0): 7}, ("s", b"x"))
        await log.append([draft("k", b"after")])
        await log.check()
        assert await texts(log, RAW) == ["before", "after"]
        assert await log.load_snapshot("s") is None
        assert [entry.offset for entry in await (await log.reader(GROUP, [RAW])).poll(1)] == [0, 1]

    play(tmp_path, scene)


def test_a_log_that_cannot_be_written_does_not_answer(tmp_path: Path) -> None:
    async def scene(log: EmbeddedLog) -> None:
        await log.check()
        with no_file_may_grow_beyond(0), pytest.raises(Retryable):
            await log.check()
        await log.check()

    play(tmp_path, scene)


def test_a_backlog_beyond_its_limit_is_retryable_and_drains(tmp_path: Path) -> None:
    async def scene(log: EmbeddedLog) -> None:
        appends = [asyncio.create_task(log.append([draft(str(n), bytes(10 * 1024 * 1024))])) for n in range(8)]
        outcomes = await asyncio.gather(*appends, return_exceptions=True)
        assert outcomes[:6] == [None] * 6
        assert [type(outcome) for outcome in outcomes[6:]] == [Retryable, Retryable]
        await log.append([draft("k")])

    play(tmp_path, scene)


def test_a_second_process_is_told_who_has_the_log(tmp_path: Path) -> None:
    async def scene(_log: EmbeddedLog) -> None:
        with pytest.raises(Misuse, match=f"in use by process {os.getpid()}"):
            await EmbeddedLog.open(tmp_path, 5.0)

    play(tmp_path, scene)
    play(tmp_path, lambda log: log.check())


def test_a_folder_that_cannot_be_is_misuse(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(Misuse, match="cannot keep the log in"):
        play(tmp_path / "file" / "folder", lambda log: log.check())


def test_a_folder_that_nobody_may_write_is_misuse() -> None:
    with pytest.raises(Misuse, match="cannot keep the log in"):
        play(Path("/sys/pagesieve"), lambda log: log.check())  # read-only for root too


def test_a_file_that_is_no_database_is_misuse_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("my notes, quite long enough to be no header of a database at all " * 20)
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(Misuse, match="not a database"):
        play(tmp_path, lambda log: log.check())
    assert (tmp_path / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("PRAGMA user_version = 99", "version 99, written by a newer pagesieve"),
        ("PRAGMA application_id = 7", "another program"),
    ],
)
def test_a_database_that_is_not_of_this_version_is_misuse(tmp_path: Path, change: str, match: str) -> None:
    play(tmp_path, lambda log: log.check())
    database = sqlite3.connect(tmp_path / FILE_NAME)
    database.execute(change)
    database.close()
    with pytest.raises(Misuse, match=match):
        play(tmp_path, lambda log: log.check())


def test_what_is_not_in_the_topic_table_is_our_fault(tmp_path: Path) -> None:
    async def scene(log: EmbeddedLog) -> None:
        with pytest.raises(Fault, match="no such topic: nowhere"):
            await log.append([draft("k", topic="nowhere")])
        with pytest.raises(Fault, match="no partition 3"):
            await log.append([Draft(RAW, "k", b"x", partition=3)])
        with pytest.raises(Fault, match="no partition 1"):
            await log.append_and_commit([], GROUP, {(RAW, 1): 4})
        await log.append([Draft(RAW, "k", b"x", partition=0)])

    play(tmp_path, scene)


def test_a_group_has_one_reader_at_a_time(tmp_path: Path) -> None:
    async def scene(log: EmbeddedLog) -> None:
        reader = await log.reader(GROUP, [RAW])
        with pytest.raises(Fault, match="has a reader already"):
            await log.reader(GROUP, [RAW])
        await reader.close()
        await log.reader(GROUP, [RAW])

    play(tmp_path, scene)


def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    async def scene(log: EmbeddedLog) -> None:
        await log.close()
        with pytest.raises(Retryable, match="closed"):
            await log.append([draft("k")])

    async def played() -> None:
        await scene(await EmbeddedLog.open(tmp_path, 5.0))

    asyncio.run(played())


def test_appends_before_the_end_are_written(tmp_path: Path) -> None:
    async def played() -> None:
        log = await EmbeddedLog.open(tmp_path, 5.0)
        appends = [asyncio.create_task(log.append([draft(str(number))])) for number in range(100)]
        await asyncio.sleep(0)
        await log.close()
        assert await asyncio.gather(*appends) == [None] * 100

    asyncio.run(played())

    async def scene(log: EmbeddedLog) -> None:
        assert len(await texts(log, RAW)) == 100

    play(tmp_path, scene)


def test_a_compacted_topic_keeps_the_newest_of_each_key(tmp_path: Path) -> None:
    async def scene(log: EmbeddedLog) -> None:
        for number in range(3):
            await log.append([draft(key, f"{key}{number}".encode(), DELIVERIES) for key in "ab"])
        reader = await log.reader(GROUP, [DELIVERIES])
        entries = await reader.read_all(DELIVERIES)
        assert [(entry.offset, entry.value) for entry in entries] == [(4, b"a2"), (5, b"b2")]
        assert await reader.poll(1) == entries
        assert await reader.poll(0) == []

    play(tmp_path, scene)


@contextmanager
def no_file_may_grow_beyond(limit_bytes: int) -> Iterator[None]:
    """A real disk that is full: the kernel refuses to write beyond the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
