"""The embedded log as it stands at one moment, read beside the process that works on it, which does not notice."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Self

from pipeline.errors import Misuse, Retryable
from pipeline.log.embedded_file import APPLICATION_ID, FILE_NAME, VERSION, offset_of, position
from pipeline.log.embedded_tables import PARTITION, load_cursors, read_slice
from pipeline.log.entry import Entry
from pipeline.log.extent import Extent
from schemas.topics import TOPICS

AT_ONCE = 1000
_COMPACTED = frozenset(topic.name for topic in TOPICS if topic.is_compacted)


class EmbeddedRecording:
    """A `Recording` in one read transaction; while it is open the write-ahead log of a busy writer grows."""

    def __init__(
        self, connection: sqlite3.Connection, group: str, topics: Sequence[str], since_ms: int | None = None
    ) -> None:
        self._connection = connection
        self._ids = dict(connection.execute("SELECT name, id FROM topic").fetchall())
        committed = load_cursors(connection, group)
        self.extents = {topic: {PARTITION: self._extent(topic, committed)} for topic in topics}
        for topic in topics:
            if since_ms is not None and topic not in _COMPACTED:
                extent = self.extents[topic][PARTITION]
                self.extents[topic][PARTITION] = extent._replace(first=self._first_since(topic, extent, since_ms))

    @classmethod
    def open(cls, data_dir: Path, group: str, topics: Sequence[str], since_ms: int | None = None) -> Self:
        """Open the log that is kept in `data_dir`, from what was written at `since_ms` on. Raises Misuse."""
        path = data_dir / FILE_NAME
        if not path.is_file():
            raise Misuse(f"--data-dir {data_dir}: there is no log ({FILE_NAME}) in it")
        try:
            with ExitStack() as opened:
                # As an address: a `?` or `%` in a path would end or change it otherwise.
                uri = f"{path.resolve().as_uri()}?mode=ro"
                connection = opened.enter_context(
                    closing(sqlite3.connect(uri, uri=True, timeout=10, isolation_level=None))
                )
                connection.execute("BEGIN")
                _check(connection, path)
                recording = cls(connection, group, topics, since_ms)
                opened.pop_all()
        except sqlite3.Error as exc:
            raise Misuse(f"cannot read {path}: {exc}") from exc
        return recording

    def read(self, topic: str, since: int = 0) -> Iterator[Entry]:
        """See `Recording`. What stands before the offset `since` is left out."""
        extent = self.extents[topic][PARTITION]
        offset = max(extent.first, since)
        while offset < extent.end:
            offsets = range(offset, extent.end)
            try:
                entries, offset = read_slice(self._connection, topic, self._ids[topic], offsets, AT_ONCE)
            except sqlite3.Error as exc:
                raise Retryable(f"{topic} cannot be read: {exc}") from exc
            yield from entries

    def close(self) -> None:
        """See `Recording`."""
        self._connection.close()

    def _extent(self, topic: str, committed: dict[int, int]) -> Extent:
        topic_id = self._ids[topic]
        with closing(
            self._connection.execute(
                "SELECT next_offset, (SELECT min(position) FROM entry WHERE position >= ? AND position < ?)"
                " FROM topic WHERE id = ?",
                (position(topic_id, 0), position(topic_id + 1, 0), topic_id),
            )
        ) as found:
            end, oldest = found.fetchone()
        # Compaction takes the oldest entries of a topic too, and loses nothing.
        first = 0 if topic in _COMPACTED else end if oldest is None else offset_of(oldest)
        return Extent(first, end, committed.get(topic_id))

    def _first_since(self, topic: str, extent: Extent, since_ms: int) -> int:
        """The offset of the first entry that was written then or later, by halves: entries are in order of time."""
        low, high = extent.first, extent.end
        while low < high:
            middle = (low + high) // 2
            with closing(
                self._connection.execute(
                    "SELECT timestamp_ms FROM entry WHERE position >= ? AND position < ? ORDER BY position LIMIT 1",
                    (position(self._ids[topic], middle), position(self._ids[topic], high)),
                )
            ) as found:
                at_ms = found.fetchone()
            if at_ms is None or at_ms[0] >= since_ms:
                high = middle
            else:
                low = middle + 1
        return low


def _check(connection: sqlite3.Connection, path: Path) -> None:
    [[application]] = connection.execute("PRAGMA application_id")
    [[version]] = connection.execute("PRAGMA user_version")
    if application != APPLICATION_ID or version > VERSION:
        raise Misuse(f"{path} is no log of this version of pagesieve ({VERSION})")
