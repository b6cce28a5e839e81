"""The file of the embedded log: a SQLite database with a version, that one process at a time opens."""

import fcntl
import os
import sqlite3
from pathlib import Path

from pipeline.errors import Missing, Misuse
from schemas.topics import TOPICS

FILE_NAME = "pagesieve.db"
LOCK_NAME = "pagesieve.lock"
VERSION = 1  # of the tables below, kept in the file; a file of a newer version is refused
APPLICATION_ID = 0x70676C67  # "pglg": so that no other program's database is taken for ours
OFFSET_BITS = 40
WAL_KEPT_BYTES = 64 * 1024 * 1024

_TABLES = f"""
CREATE TABLE topic (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, next_offset INTEGER NOT NULL);
-- position = topic id << {OFFSET_BITS} | offset: the entries of a topic lie together and in order, without an index.
-- The value comes last, so that reading a key does not drag a long value in.
CREATE TABLE entry (position INTEGER PRIMARY KEY, timestamp_ms INTEGER NOT NULL, key TEXT NOT NULL,
    headers BLOB NOT NULL, value BLOB NOT NULL);
-- Of compacted topics: where the one entry of each key stands.
CREATE TABLE newest (topic INTEGER NOT NULL, key TEXT NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (topic, key)) WITHOUT ROWID;
CREATE TABLE cursor (member TEXT NOT NULL, topic INTEGER NOT NULL, next_offset INTEGER NOT NULL,
    PRIMARY KEY (member, topic)) WITHOUT ROWID;
CREATE TABLE snapshot (name TEXT PRIMARY KEY, value BLOB NOT NULL);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""


class LogFile:
    """The open file: one connection that writes, one that reads, and the lock that keeps other processes out."""

    def __init__(self, data_dir: Path) -> None:
        """Open the log in `data_dir`, making both if need be. Raises Misuse and Missing, saying which and why."""
        self._lock = _lock(data_dir)
        self.path = data_dir / FILE_NAME
        opened: list[sqlite3.Connection] = []
        try:
            opened.append(_connect(self.path))
            _prepare(opened[0])
            opened.append(_connect(self.path))
            opened[1].execute("PRAGMA query_only = ON")
        except (sqlite3.Error, Misuse) as exc:
            for connection in opened:
                connection.close()
            os.close(self._lock)
            if isinstance(exc, sqlite3.Error):
                raise _open_error(exc, self.path) from exc
            raise
        self.writing, self.reading = opened

    def close(self) -> None:
        """Let the file go. The last connection to close folds the write-ahead log into it."""
        self.reading.close()
        self.writing.close()
        os.close(self._lock)


def position(topic_id: int, offset: int) -> int:
    """Where an entry stands in the table `entry`."""
    return topic_id << OFFSET_BITS | offset


def offset_of(entry_position: int) -> int:
    """The offset in a position."""
    return entry_position & ((1 << OFFSET_BITS) - 1)


def _lock(data_dir: Path) -> int:
    """Keep other processes out until the returned descriptor is closed, also by a kill -9."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise Misuse(f"cannot keep the log in {data_dir}: {exc.strerror}") from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        owner = os.read(lock, 20).decode(errors="replace").strip()
        os.close(lock)
        raise Misuse(f"the log in {data_dir} is in use by process {owner or 'unknown'}") from exc
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _connect(path: Path) -> sqlite3.Connection:
    # Transactions are ours to begin. Each connection lives in one thread, but is opened and closed in another.
    connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # a commit is on the disk, not only in the kernel
    connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and application != APPLICATION_ID:
        raise Misuse(f"{FILE_NAME} is a database of another program")
    if version > VERSION:
        raise Misuse(f"{FILE_NAME} has version {version}, written by a newer pagesieve; this one reads {VERSION}")
    if not tables:
        connection.executescript(f"BEGIN IMMEDIATE;{_TABLES}COMMIT;")
    connection.executemany(
        "INSERT OR IGNORE INTO topic (name, next_offset) VALUES (?, 0)", [(topic.name,) for topic in TOPICS]
    )


def _open_error(exc: sqlite3.Error, path: Path) -> Exception:
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return Missing(f"no space left for {path}")
    return Misuse(f"cannot open {path}: {exc}")
