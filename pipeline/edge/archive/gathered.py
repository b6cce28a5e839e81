"""A day that is over becomes few files: a flush every ten minutes makes 144 a day, of each table and partition.

The files of one partition are gathered, in their order, into one under the name of the first, of at most MOST_BYTES;
then the others go. So that a kill at any moment loses and doubles nothing:

    before the new one has its name    it is an unfinished file, which nobody reads
    after that, before the others go   they stand beside what holds their rows: the new one's `end` reaches theirs, so
                                       that the next pass knows them for done, and removes them
    who writes what was written        finds by the newest file's `end` what is there, as before (files.py)

Two that gather at a time would remove what the other has just gathered: the folder of the archive has a lock for that,
and a file that changed since it was looked at is left for the next pass.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import structlog

from pipeline.edge.archive.columns import TABLES
from pipeline.edge.archive.files import END, VERSION, day_of, durable
from pipeline.errors import Missing

LATER_MS = 6 * 3_600_000  # after midnight, before a day counts as over: what is late is mostly there by then
MOST_BYTES = 256 * 1024 * 1024
GATHERED = b"pagesieve.gathered"

log = structlog.get_logger(__name__)


class _File(NamedTuple):
    """A file as it was looked at."""

    path: Path
    first: int
    end: int
    size: int
    inode: int
    is_gathered: bool


def gather(root: Path, now_ms: int) -> int:
    """Make the files of days that are over few; how many there are fewer. Raises Missing if the disk fails."""
    today, fewer = day_of(now_ms - LATER_MS), 0
    try:
        with _alone(root) as is_alone:
            if not is_alone:
                return 0
            for table in TABLES:
                for folder in sorted((root / table.name).glob("day=*")):
                    if _is_over(folder, today):
                        fewer += sum(_gather(files) for files in _by_partition(folder))
    except (OSError, pa.ArrowException) as exc:
        raise Missing(f"the archive {root} cannot be gathered: {exc}") from exc
    return fewer


def _is_over(folder: Path, today: date) -> bool:
    try:
        return date.fromisoformat(folder.name.removeprefix("day=")) <= today - timedelta(days=1)
    except ValueError:  # not ours
        return False


def _by_partition(folder: Path) -> Iterator[list[_File]]:
    """The files of each partition, in order; nothing is read where there is one file each."""
    names = dict[str, list[Path]]()
    for path in sorted(folder.glob("[!.]*.parquet")):
        names.setdefault(path.stem.rpartition("-")[0], []).append(path)
    for paths in names.values():
        if len(paths) > 1:
            yield [one for path in paths if (one := _file(path)) is not None]


def _file(path: Path) -> _File | None:
    said = pq.read_metadata(path).metadata or {}
    offset = path.stem.rpartition("-")[2]
    if END not in said or not offset.isdecimal():  # not ours
        return None
    status = path.stat()
    return _File(path, int(offset), int(said[END]), status.st_size, status.st_ino, GATHERED in said)


def _gather(files: list[_File]) -> int:
    """Gather those of one partition; how many are gone."""
    gone, hand = 0, list[_File]()
    for file in files:
        if hand and hand[0].is_gathered and file.end <= hand[0].end:
            file.path.unlink()  # its rows stand in the one before; a kill came between
            gone += 1
        elif hand and sum(one.size for one in hand) + file.size > MOST_BYTES:
            gone += _merge(hand)
            hand = [file]
        else:
            hand.append(file)
    return gone + _merge(hand)


def _merge(files: Sequence[_File]) -> int:
    if len(files) < 2:
        return 0
    first, *others = files
    unfinished = first.path.with_name(f".{first.path.name}.{os.getpid()}")
    try:
        _write(unfinished, files)
        if not all(_is_unchanged(file) for file in files):
            return 0
        unfinished.replace(first.path)
        durable(first.path.parent)
    finally:
        unfinished.unlink(missing_ok=True)
    for file in others:
        file.path.unlink(missing_ok=True)
    return len(others)


def _write(path: Path, files: Sequence[_File]) -> None:
    schema = pa.unify_schemas([pq.read_schema(file.path).remove_metadata() for file in files])
    said = {**VERSION, GATHERED: b"1", END: str(max(file.end for file in files)).encode()}
    reached = 0
    with path.open("wb") as sink, pq.ParquetWriter(sink, schema.with_metadata(said), compression="zstd") as writer:
        for file in files:
            table = _as(schema, pq.ParquetFile(file.path).read())
            if file.first < reached:  # two wrote at a time, from different first offsets
                table = table.filter(pc.greater_equal(table["offset"], reached))
            writer.write_table(table)
            reached = max(reached, file.end)
    with path.open("rb") as whole:
        os.fsync(whole.fileno())


def _as(schema: Any, table: Any) -> Any:
    """The table with the columns that were added since it was written, empty."""
    columns = [
        table[field.name] if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _is_unchanged(file: _File) -> bool:
    try:
        status = file.path.stat()
    except FileNotFoundError:
        return False
    return (status.st_size, status.st_ino) == (file.size, file.inode)


@contextmanager
def _alone(root: Path) -> Iterator[bool]:
    """Whether nobody else gathers in this archive for now."""
    lock = os.open(root / ".gathering", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(lock)
