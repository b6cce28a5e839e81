"""All SQL on the tables of the embedded log: `Tables` in the writing thread's transactions, the functions below in the
reading thread.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson

from pipeline.log.embedded_file import offset_of, position
from pipeline.log.entry import Entry
from schemas.topics import TOPICS

PARTITION = 0  # the only one of every topic
POLL_BYTES = 8 * 1024 * 1024  # of values in one poll; a single entry may be larger
EXPIRED_AT_ONCE = 1000  # entries; a longer deletion would keep appends waiting

_RETENTION_MS = {topic.name: topic.retention_ms for topic in TOPICS}
_COMPACTED = frozenset(topic.name for topic in TOPICS if topic.is_compacted)


class Row(NamedTuple):
    """An entry without its offset, which the transaction assigns."""

    topic: str
    timestamp_ms: int
    key: str
    headers: bytes
    value: bytes


class Slice(NamedTuple):
    """Entries of one topic, and where to read on: beyond the last of them, or beyond what retention left of it."""

    entries: list[Entry]
    next_offset: int


class Tables:
    """The tables, and each topic's next offset, which is kept here so that an append need not read it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[str, int] = {}
        self._next: dict[str, int] = {}
        self.reload()

    @property
    def ends(self) -> Mapping[str, int]:
        """The next offset of every topic."""
        return self._next

    def reload(self) -> None:
        """Read what is kept here again, after a transaction was rolled back."""
        for topic_id, name, next_offset in self._connection.execute("SELECT id, name, next_offset FROM topic"):
            self._ids[name] = topic_id
            self._next[name] = next_offset

    def topic_id(self, topic: str) -> int:
        """The id of `topic` in this file."""
        return self._ids[topic]

    def append(self, rows: Sequence[Row]) -> None:
        """Append `rows` in order, and of a compacted topic drop what they replace."""
        entries = []
        for row in rows:
            offset = self._next[row.topic]
            self._next[row.topic] = offset + 1
            at = position(self._ids[row.topic], offset)
            entries.append((at, row.timestamp_ms, row.key, row.headers, row.value))
        # `position` first, `value` last: the order of the columns.
        self._connection.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?)", entries)
        for row, entry in zip(rows, entries, strict=True):
            if row.topic in _COMPACTED:
                self._replace(self._ids[row.topic], row.key, entry[0])
        self._connection.executemany(
            "UPDATE topic SET next_offset = ? WHERE name = ?",
            [(self._next[topic], topic) for topic in {row.topic: None for row in rows}],
        )

    def commit_cursors(self, group: str, next_offsets: Mapping[str, int]) -> None:
        """Remember where `group` reads on."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO cursor (member, topic, next_offset) VALUES (?, ?, ?)",
            [(group, self._ids[topic], offset) for topic, offset in next_offsets.items()],
        )

    def store_snapshot(self, name: str, value: bytes) -> None:
        """Keep `value` as the snapshot called `name`, in place of the one before."""
        self._connection.execute("INSERT OR REPLACE INTO snapshot (name, value) VALUES (?, ?)", (name, value))

    def expire(self, now_ms: int) -> int:
        """Delete entries older than their topic keeps, at most EXPIRED_AT_ONCE of each topic, and say how many.

        What a group has not read yet stays, however old: whoever was answered with a success must not lose an
        alert because the program was off for a week. Kafka does not have that patience.
        """
        return sum(self._expire_topic(topic, now_ms) for topic in self._ids if topic in _RETENTION_MS)

    def _expire_topic(self, topic: str, now_ms: int) -> int:
        topic_id = self._ids[topic]
        slowest = self._connection.execute("SELECT min(next_offset) FROM cursor WHERE topic = ?", (topic_id,))
        (unread,) = slowest.fetchone()
        end = self._next[topic] if unread is None else unread
        oldest = self._connection.execute(
            "SELECT position, timestamp_ms, key FROM entry WHERE position >= ? AND position < ?"
            " ORDER BY position LIMIT ?",
            (position(topic_id, 0), position(topic_id, end), EXPIRED_AT_ONCE),
        )
        expired = []
        for at, timestamp_ms, key in oldest.fetchall():
            if timestamp_ms >= now_ms - _RETENTION_MS[topic]:
                break
            expired.append((at, key))
        self._connection.executemany("DELETE FROM entry WHERE position = ?", [(at,) for at, _ in expired])
        if topic in _COMPACTED:
            self._connection.executemany(
                "DELETE FROM newest WHERE topic = ? AND key = ? AND position = ?",
                [(topic_id, key, at) for at, key in expired],
            )
        return len(expired)

    def _replace(self, topic_id: int, key: str, at: int) -> None:
        found = self._connection.execute("SELECT position FROM newest WHERE topic = ? AND key = ?", (topic_id, key))
        if (older := found.fetchone()) is not None:
            self._connection.execute("DELETE FROM entry WHERE position = ?", older)
        self._connection.execute(
            "INSERT OR REPLACE INTO newest (topic, key, position) VALUES (?, ?, ?)", (topic_id, key, at)
        )


def read_slice(connection: sqlite3.Connection, topic: str, topic_id: int, offsets: range, at_most: int | None) -> Slice:
    """Entries of a topic whose offsets are in `offsets`: at most so many and then POLL_BYTES, or all if it is None."""
    rows = connection.execute(
        "SELECT position, timestamp_ms, key, headers, value FROM entry"
        " WHERE position >= ? AND position < ? ORDER BY position LIMIT ?",
        (position(topic_id, offsets.start), position(topic_id, offsets.stop), -1 if at_most is None else at_most),
    )
    entries: list[Entry] = []
    size = 0
    for at, timestamp_ms, key, headers, value in rows:
        size += len(value)
        if at_most is not None and size > POLL_BYTES and entries:
            rows.close()
            return Slice(entries, entries[-1].offset + 1)
        decoded = orjson.loads(headers) if headers else {}
        entries.append(Entry(topic, PARTITION, offset_of(at), key, value, decoded, timestamp_ms))
    # Fewer than asked for: retention and compaction have taken the rest of the offsets.
    is_whole = len(entries) != at_most
    return Slice(entries, offsets.stop if is_whole else entries[-1].offset + 1)


def load_cursors(connection: sqlite3.Connection, group: str) -> dict[int, int]:
    """Where `group` reads on, by topic id."""
    return dict(connection.execute("SELECT topic, next_offset FROM cursor WHERE member = ?", (group,)).fetchall())


def load_snapshot(connection: sqlite3.Connection, name: str) -> bytes | None:
    """The newest snapshot stored as `name`, if any."""
    row = connection.execute("SELECT value FROM snapshot WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None
