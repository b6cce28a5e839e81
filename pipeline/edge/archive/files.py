"""Rows become files: each row stands in one file, whole from the moment it has its name.

A file holds rows of one day of one partition, and is named after the first offset in it. Whoever writes again what was
written before (a crash before the commit, a member that was expelled while it wrote) finds by the newest file's `end`
what is there, and writes the rest only; and as a name is taken once only, two who write at the same time cannot both.
So nothing stands there twice, though a topic that is compacted, or is read in other portions, gives another first
offset the second time. Of a day that is over the files become few (see gathered.py); that changes nothing of this.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from pipeline.codec import decode, decode_alerts
from pipeline.edge.archive.columns import PLACE, TABLES, ArchivedTable, Column, Kind
from pipeline.errors import Missing, Rejected
from pipeline.log.entry import Entry
from schemas.record import Record
from schemas.topics import ALERTS

END = b"pagesieve.end"  # in a file's metadata: the offset behind its last
VERSION = {b"pagesieve.archive": b"1"}
_TYPES: dict[Kind, Any] = {
    Kind.TEXT: pa.string(),
    Kind.FLAG: pa.bool_(),
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.TIME: pa.timestamp("ms", tz="UTC"),
    Kind.MAP: pa.map_(pa.string(), pa.string()),
    Kind.JSON: pa.string(),
}
_TABLES = {(table.topic, table.record): table for table in TABLES}
_RECORDS = {table.topic: table.record for table in TABLES if table.topic != ALERTS.name}
log = structlog.get_logger(__name__)


class Row(NamedTuple):
    """A record, or one item of its list, and where it stands."""

    entry: Entry
    seq: int
    record: Record
    item: Record


def write(root: Path, entries: Sequence[Entry]) -> list[Path]:
    """Archive `entries`, each partition's in order; the files that were made. Raises Missing if the disk fails."""
    try:
        made = []
        # A stable sort: offsets stay in order.
        by_partition = sorted(entries, key=lambda entry: (entry.topic, entry.partition))
        for (topic, partition), several in groupby(by_partition, key=lambda entry: (entry.topic, entry.partition)):
            by_day = dict[tuple[type[Record], date], list[Row]]()
            for row in _rows(several):
                by_day.setdefault((type(row.record), day_of(row.entry.timestamp_ms)), []).append(row)
            for (record, day), rows in by_day.items():
                table = _TABLES[topic, record]
                made += _write_day(root / table.name / f"day={day.isoformat()}", f"{topic}-{partition}", table, rows)
    except (OSError, pa.ArrowException) as exc:
        raise Missing(f"the archive {root} cannot be written: {exc}") from exc
    return made


def forget(root: Path, keep_days: int, now_ms: int) -> list[Path]:
    """Remove the days that are older than so many, and say which. Raises Missing if the disk fails."""
    oldest = day_of(now_ms) - timedelta(days=keep_days)
    removed = []
    for table in TABLES:
        for folder in sorted((root / table.name).glob("day=*")):
            try:
                is_over = date.fromisoformat(folder.name.removeprefix("day=")) < oldest
            except ValueError:  # not ours
                continue
            if is_over:
                _remove(folder)
                removed.append(folder)
    return removed


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as exc:
        raise Missing(f"{folder} is too old and cannot be removed: {exc}") from exc


def day_of(at_ms: int) -> date:
    """The day in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()


def _write_day(folder: Path, prefix: str, table: ArchivedTable, rows: list[Row]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        reached = _end_of(folder, prefix)
        new = [row for row in rows if row.entry.offset >= reached]
        if not new:
            return []
        path = folder / f"{prefix}-{new[0].entry.offset:020d}.parquet"
        if _make(path, _table_of(table, new)):
            return [path]
        # Another has made a file of that name since we looked: look again.


def _end_of(folder: Path, prefix: str) -> int:
    """The offset from which nothing of the partition stands in the folder yet."""
    newest = max(folder.glob(f"{prefix}-*.parquet"), default=None)
    if newest is None:
        return 0
    end = (pq.read_metadata(newest).metadata or {}).get(END)
    if end is None:
        raise Missing(f"{newest} was not made by pagesieve: take it out of the archive")
    return int(end)


def _make(path: Path, table: Any) -> bool:
    """Make the file, durable before it has its name. False if there is one of that name."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        os.link(unfinished, path)
    except FileExistsError:
        return False
    finally:
        unfinished.unlink(missing_ok=True)
    durable(path.parent)
    return True


def durable(folder: Path) -> None:
    """Make the names in the folder last."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _rows(entries: Iterator[Entry]) -> Iterator[Row]:
    for entry in entries:
        try:
            record = _read(entry)
        except Rejected as exc:  # of another version; it stays in the log for as long as that keeps it
            log.warning("not archived", topic=entry.topic, offset=entry.offset, partition=entry.partition, why=str(exc))
            continue
        table = _TABLES.get((entry.topic, type(record)))
        if table is None:
            continue  # a tick
        items = getattr(record, table.items) if table.items else (record,)
        yield from (Row(entry, seq, record, item) for seq, item in enumerate(items))


def _read(entry: Entry) -> Record:
    if entry.topic == ALERTS.name:
        return decode_alerts(entry.value)
    return decode(_RECORDS[entry.topic], entry.value)


def _table_of(table: ArchivedTable, rows: list[Row]) -> Any:
    places: dict[str, list[Any]] = {
        "partition": [row.entry.partition for row in rows],
        "offset": [row.entry.offset for row in rows],
        "seq": [row.seq for row in rows],
        "logged_at": [row.entry.timestamp_ms for row in rows],
    }
    arrays = [pa.array(places[name], _TYPES[kind]) for name, kind, _ in PLACE]
    arrays += [pa.array([_value(column, row) for row in rows], _TYPES[column.kind]) for column in table.columns]
    names = [name for name, _, _ in PLACE] + [column.name for column in table.columns]
    made = pa.Table.from_arrays(arrays, names)
    return made.replace_schema_metadata({**VERSION, END: str(rows[-1].entry.offset + 1).encode()})


def _value(column: Column, row: Row) -> Any:
    value: Any = row.item if column.is_of_item else row.record
    for name in column.path:
        value = value.__dict__[name]
    if value is None:
        return None
    if column.kind is Kind.MAP:
        return list(value.items())
    return orjson.dumps(value, default=_fields).decode() if column.kind is Kind.JSON else value


def _fields(record: Record) -> dict[str, Any]:
    return record.__dict__
