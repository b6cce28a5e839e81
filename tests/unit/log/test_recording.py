"""The embedded log as a recording: read beside its writer, at one moment, and never changed."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.errors import Misuse
from pipeline.log import Draft
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.embedded_file import FILE_NAME
from pipeline.log.embedded_recording import EmbeddedRecording
from pipeline.log.extent import Extent
from schemas.topics import DELIVERIES, RAW

GROUP = "worker"
TOPICS = (RAW.name, DELIVERIES.name)


def play(data_dir: Path, scene: Callable[[EmbeddedLog], Awaitable[None]]) -> None:
    async def played() -> None:
        log = await EmbeddedLog.open(data_dir, 5.0)
        try:
            await scene(log)
        finally:
            await log.close()

    asyncio.run(played())


async def filled(log: EmbeddedLog) -> None:
    """Three raw records, of which the group has finished two, and two records of a compacted topic with one key."""
    drafts = [Draft(RAW.name, "k", b"%d" % number, {"h": "v"}) for number in range(3)]
    await log.append([*drafts, Draft(DELIVERIES.name, "k", b"old"), Draft(DELIVERIES.name, "k", b"new")])
    await log.append_and_commit((), GROUP, {(RAW.name, 0): 2})


def opened(data_dir: Path) -> closing[EmbeddedRecording]:
    return closing(EmbeddedRecording.open(data_dir, GROUP, TOPICS))


def test_a_recording_is_the_log_at_one_moment_while_its_writer_goes_on(tmp_path: Path) -> None:
    async def scene(log: EmbeddedLog) -> None:
        await filled(log)
        with opened(tmp_path) as recording:
            await log.append([Draft(RAW.name, "k", b"later")])
            await log.append_and_commit((), GROUP, {(RAW.name, 0): 4})
            assert recording.extents[RAW.name] == {0: Extent(0, 3, 2)}
            assert [one.value for one in recording.read(RAW.name)] == [b"0", b"1", b"2"]
            assert next(recording.read(RAW.name)).headers == {"h": "v"}
        with opened(tmp_path) as recording:
            assert [one.offset for one in recording.read(RAW.name)] == [0, 1, 2, 3]
            assert recording.extents[RAW.name][0].unfinished == 0

    play(tmp_path, scene)


def test_a_log_that_nobody_works_on_is_read_as_well(tmp_path: Path) -> None:
    play(tmp_path, filled)
    with opened(tmp_path) as recording:
        assert [one.value for one in recording.read(RAW.name)] == [b"0", b"1", b"2"]


def test_retention_moves_the_first_offset_and_compaction_does_not(tmp_path: Path) -> None:
    play(tmp_path, filled)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("DELETE FROM entry WHERE value = '0' OR value = CAST('0' AS BLOB)")
    with opened(tmp_path) as recording:
        assert recording.extents == {RAW.name: {0: Extent(1, 3, 2)}, DELIVERIES.name: {0: Extent(0, 2)}}
        assert [one.value for one in recording.read(DELIVERIES.name)] == [b"new"]
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("DELETE FROM entry")
    with opened(tmp_path) as recording:
        assert recording.extents[RAW.name] == {0: Extent(3, 3, 2)}
        assert list(recording.read(RAW.name)) == []


def test_a_folder_without_a_log_is_named_and_stays_without(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="there is no log"):
        EmbeddedRecording.open(tmp_path / "none", GROUP, TOPICS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"no database", b""])
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(Misuse, match=FILE_NAME):
        EmbeddedRecording.open(tmp_path, GROUP, TOPICS)


def test_since_a_time_only_what_was_written_then_or_later_is_read_but_of_compacted_topics_all(tmp_path: Path) -> None:
    play(tmp_path, filled)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE entry SET timestamp_ms = 1000")
        connection.execute("UPDATE entry SET timestamp_ms = 2000 WHERE value = '1' OR value = CAST('1' AS BLOB)")
        connection.execute("UPDATE entry SET timestamp_ms = 3000 WHERE value = '2' OR value = CAST('2' AS BLOB)")
    for since_ms, expected in ((0, 3), (1000, 3), (1001, 2), (2000, 2), (2500, 1), (3000, 1), (3001, 0)):
        with closing(EmbeddedRecording.open(tmp_path, GROUP, TOPICS, since_ms)) as recording:
            assert [int(one.value) for one in recording.read(RAW.name)] == list(range(3 - expected, 3))
            assert recording.extents[RAW.name][0].first == 3 - expected
            assert [one.value for one in recording.read(DELIVERIES.name)] == [b"new"]
