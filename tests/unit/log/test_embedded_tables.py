"""Retention of the embedded log: by age, never what a group has not read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.log.embedded_file import LogFile
from pipeline.log.embedded_tables import EXPIRED_AT_ONCE, Row, Tables, read_slice
from schemas.topics import DELIVERIES, RAW, Topic

NOW_MS = 1_800_000_000_000


@pytest.fixture
def file(tmp_path: Path) -> Iterator[LogFile]:
    file = LogFile(tmp_path)
    file.writing.execute("PRAGMA synchronous = OFF")  # no crash here to survive
    yield file
    file.close()


def row(topic: Topic, age_ms: int, key: str = "k") -> Row:
    return Row(topic.name, NOW_MS - age_ms, key, b"", b"x")


def offsets(file: LogFile, tables: Tables, topic: Topic) -> list[int]:
    whole = range(tables.ends[topic.name])
    return [e.offset for e in read_slice(file.reading, topic.name, tables.topic_id(topic.name), whole, None).entries]


def test_entries_older_than_their_topic_keeps_go(file: LogFile) -> None:
    tables = Tables(file.writing)
    tables.append([row(RAW, RAW.retention_ms + 2), row(RAW, RAW.retention_ms + 1), row(RAW, RAW.retention_ms)])
    assert tables.expire(NOW_MS) == 2
    assert offsets(file, tables, RAW) == [2]


def test_an_entry_that_a_group_has_not_read_stays_however_old(file: LogFile) -> None:
    tables = Tables(file.writing)
    tables.append([row(RAW, 9 * RAW.retention_ms)] * 3)
    tables.commit_cursors("fast", {RAW.name: 3})
    tables.commit_cursors("slow", {RAW.name: 1})
    assert tables.expire(NOW_MS) == 1
    assert offsets(file, tables, RAW) == [1, 2]


def test_offsets_are_never_given_twice(file: LogFile) -> None:
    tables = Tables(file.writing)
    tables.append([row(RAW, 9 * RAW.retention_ms)] * 2)
    tables.expire(NOW_MS)
    tables.append([row(RAW, 0)])
    assert offsets(file, Tables(file.writing), RAW) == [2]


def test_a_young_entry_keeps_the_older_ones_behind_it(file: LogFile) -> None:
    tables = Tables(file.writing)
    tables.append([row(RAW, 0), row(RAW, 9 * RAW.retention_ms)])  # the clock was set back in between
    assert tables.expire(NOW_MS) == 0


def test_one_step_deletes_so_many_and_the_next_goes_on(file: LogFile) -> None:
    tables = Tables(file.writing)
    tables.append([row(RAW, 9 * RAW.retention_ms)] * (EXPIRED_AT_ONCE + 5))
    assert tables.expire(NOW_MS) == EXPIRED_AT_ONCE
    assert tables.expire(NOW_MS) == 5


def test_a_compacted_topic_forgets_a_key_that_nobody_touched_for_so_long(file: LogFile) -> None:
    tables = Tables(file.writing)
    tables.append([row(DELIVERIES, 9 * DELIVERIES.retention_ms, "old"), row(DELIVERIES, 0, "new")])
    assert tables.expire(NOW_MS) == 1
    tables.append([row(DELIVERIES, 0, "old")])
    assert offsets(file, tables, DELIVERIES) == [1, 2]
