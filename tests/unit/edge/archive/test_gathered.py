"""The many small files of a day that is over become few, and every row stands there once, whatever comes between."""

import fcntl
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.edge.archive import gathered
from pipeline.edge.archive.files import write
from pipeline.edge.archive.gathered import LATER_MS, gather
from pipeline.log.entry import Entry
from tests.unit.edge.archive.test_files import DAY_MS, MIDNIGHT_MS, files, offsets, outcome

OVER_MS = MIDNIGHT_MS + DAY_MS + LATER_MS
FOLDER = "outcomes/day=2024-10-04"


def day(count: int, partition: int = 0, first: int = 0) -> list[Entry]:
    return [outcome(first + number, MIDNIGHT_MS + number, partition) for number in range(count)]


def flushed(root: Path, entries: list[Entry]) -> None:
    """Each entry in a file of its own, as by an archiver that is in a hurry."""
    for entry in entries:
        write(root, [entry])


def test_each_partition_of_a_day_that_is_over_has_one_file_under_the_name_of_its_first(tmp_path: Path) -> None:
    flushed(tmp_path, [*day(5), *day(3, partition=1, first=7)])
    before = offsets(tmp_path)
    assert gather(tmp_path, OVER_MS) == 6
    assert files(tmp_path) == [
        ".gathering",
        f"{FOLDER}/outcomes-0-00000000000000000000.parquet",
        f"{FOLDER}/outcomes-1-00000000000000000007.parquet",
    ]
    assert offsets(tmp_path) == before
    assert gather(tmp_path, OVER_MS) == 0


def test_a_day_that_is_not_over_stays_as_it_is(tmp_path: Path) -> None:
    flushed(tmp_path, day(3))
    assert gather(tmp_path, OVER_MS - 1) == 0
    assert len(files(tmp_path)) == 4


def test_who_writes_again_what_was_gathered_finds_it_and_what_is_late_is_gathered_later(tmp_path: Path) -> None:
    flushed(tmp_path, day(4))
    gather(tmp_path, OVER_MS)
    write(tmp_path, day(4))
    assert offsets(tmp_path) == [(0, number) for number in range(4)]
    write(tmp_path, day(6))
    assert gather(tmp_path, OVER_MS) == 1
    assert offsets(tmp_path) == [(0, number) for number in range(6)]


def test_a_kill_before_the_small_files_were_removed_leaves_what_the_next_pass_removes(tmp_path: Path) -> None:
    flushed(tmp_path, day(4))
    shutil.copytree(tmp_path / FOLDER, tmp_path / "copy")
    gather(tmp_path, OVER_MS)
    for path in sorted((tmp_path / "copy").iterdir())[1:]:  # all but the first, which was replaced
        path.rename(tmp_path / FOLDER / path.name)
    (tmp_path / FOLDER / ".outcomes-0-00000000000000000000.parquet.1").write_bytes(b"PAR1 half")
    write(tmp_path, [outcome(9, MIDNIGHT_MS)])  # and what came late
    assert gather(tmp_path, OVER_MS) == 4
    assert offsets(tmp_path) == [(0, 0), (0, 1), (0, 2), (0, 3), (0, 9)]


def test_what_two_wrote_at_a_time_stands_there_once(tmp_path: Path) -> None:
    write(tmp_path / "one", day(5))
    write(tmp_path / "two", day(7)[2:])
    write(tmp_path, day(5))
    [other] = (tmp_path / "two" / FOLDER).iterdir()
    other.rename(tmp_path / FOLDER / other.name)
    assert len(offsets(tmp_path / "outcomes", "day=2024-10-04/..")) == 10
    gather(tmp_path, OVER_MS)
    shutil.rmtree(tmp_path / "one")
    shutil.rmtree(tmp_path / "two")
    assert offsets(tmp_path) == [(0, number) for number in range(7)]


def test_files_do_not_grow_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed(tmp_path, day(6))
    size = max(path.stat().st_size for path in (tmp_path / FOLDER).iterdir())
    monkeypatch.setattr(gathered, "MOST_BYTES", 2 * size)
    assert gather(tmp_path, OVER_MS) == 3
    assert [name.rpartition("-")[2] for name in files(tmp_path)[1:]] == [
        f"0000000000000000000{first}.parquet" for first in (0, 2, 4)
    ]


def test_a_column_that_was_added_is_empty_where_it_was_not_known(tmp_path: Path) -> None:
    flushed(tmp_path, day(2))
    path = tmp_path / FOLDER / "outcomes-0-00000000000000000000.parquet"
    old = pq.ParquetFile(path).read()
    pq.write_table(old.drop_columns(["note"]), path)
    gather(tmp_path, OVER_MS)
    [whole] = (tmp_path / FOLDER).iterdir()
    assert [row["note"] for row in pq.ParquetFile(whole).read().to_pylist()] == [None, ""]


def test_what_is_not_ours_and_what_another_gathers_is_left_alone(tmp_path: Path) -> None:
    flushed(tmp_path, day(2))
    pq.write_table(
        pq.ParquetFile(next((tmp_path / FOLDER).iterdir())).read().select(["note"]), tmp_path / FOLDER / "a.parquet"
    )
    with (tmp_path / ".gathering").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert gather(tmp_path, OVER_MS) == 0
    assert gather(tmp_path, OVER_MS) == 1
    assert f"{FOLDER}/a.parquet" in files(tmp_path)
