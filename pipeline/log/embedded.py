"""The embedded log: every topic in one SQLite file, durable on commit, for teams without Kafka.

A topic has one partition here, number 0, whatever the topic table says: one process reads it, so that partitions would
buy nothing, and order would be harder to see. Unlike Kafka's, its retention spares what a group has not read.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeVar, TypeVarTuple

import orjson

from pipeline.errors import Fault, Missing, Retryable
from pipeline.log.backlog import Backlog
from pipeline.log.embedded_file import LogFile
from pipeline.log.embedded_follower import EmbeddedFollower
from pipeline.log.embedded_reader import EmbeddedReader
from pipeline.log.embedded_tables import PARTITION, Row, Slice, load_cursors, load_snapshot, read_slice
from pipeline.log.embedded_thread import Job, WritingThread
from pipeline.log.entry import Draft

T = TypeVar("T")
Args = TypeVarTuple("Args")


class EmbeddedLog:
    """A `Broadcaster`, and the maker of `Reader`s and `Follower`s. Belongs to the event loop in which it was opened."""

    def __init__(self, file: LogFile, append_timeout_s: float) -> None:
        self._file = file
        self._append_timeout_s = append_timeout_s
        self._backlog = Backlog()
        self._readers: dict[str, EmbeddedReader] = {}
        self._followers: list[EmbeddedFollower] = []
        self._reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pagesieve-log-read")
        self._thread = WritingThread(file, self._settle)
        self._ends = dict(self._thread.tables.ends)

    @classmethod
    async def open(cls, data_dir: Path, append_timeout_s: float) -> Self:
        """Open the log in the folder `data_dir`, and write to it once. Raises Misuse and Missing, saying why."""
        log = cls(await asyncio.to_thread(LogFile, data_dir), append_timeout_s)
        try:
            await log.check()
        except Retryable as exc:
            await log.close()
            raise Missing(f"{data_dir} takes no record: {exc}") from exc
        return log

    async def append(self, drafts: Sequence[Draft]) -> None:
        """See `Writer`. Calls that meet share one transaction, and so one fsync."""
        await self._run(self._job(drafts))

    async def append_and_commit(
        self,
        drafts: Sequence[Draft],
        group: str,
        next_offsets: Mapping[tuple[str, int], int],
        snapshot: tuple[str, bytes] | None = None,
    ) -> None:
        """Append `drafts`, commit the group's position and store a snapshot (name, value): all of it or nothing.

        Raises Retryable with nothing done. There is no time-out, so that the caller always knows which it was.
        """
        job = self._job(drafts)
        job.group, job.next_offsets, job.snapshot = group, _by_topic(next_offsets), snapshot
        self._thread.submit(job)
        await job.done

    async def keep_snapshot(self, name: str, value: bytes) -> None:
        """Store `value` as the newest snapshot called `name`. Raises Retryable with nothing done."""
        await self.append_and_commit((), "", {}, (name, value))

    async def load_snapshot(self, name: str) -> bytes | None:
        """The newest snapshot stored as `name`, if any."""
        return await self._in_reading_thread(load_snapshot, name)

    async def reader(self, group: str, topics: Sequence[str]) -> EmbeddedReader:
        """The reader of `group`; one at a time. A group that is new starts at the oldest entry.

        From here on retention spares what the group has not read.
        """
        if group in self._readers:
            raise Fault(f"the group {group} has a reader already")
        known = await self._in_reading_thread(load_cursors, group)
        positions = {topic: known.get(self._topic_id(topic), 0) for topic in topics}
        await self.append_and_commit((), group, {(topic, PARTITION): at for topic, at in positions.items()})
        return self._readers.setdefault(group, EmbeddedReader(self, group, positions))

    def follower(self, topics: Sequence[str], tails: Mapping[str, int] | None = None) -> EmbeddedFollower:
        """A new `Follower` of `topics`; of those in `tails`, of the last so many. Retention does not wait for it."""
        follower = EmbeddedFollower(self, topics, tails or {})
        self._followers.append(follower)
        return follower

    async def partitions(self, topic: str) -> int:
        """See `Broadcaster`."""
        self._topic_id(topic)
        return PARTITION + 1

    async def check(self) -> None:
        """See `Writer`. Writes, because a full disk still reads."""
        job = self._job(())
        job.snapshot = ("check", str(time.time_ns()).encode())
        await self._run(job)

    async def close(self) -> None:
        """See `Writer`. Readers end with it."""
        await asyncio.to_thread(self._thread.close)
        self._reading.shutdown()
        self._file.close()

    def end(self, topic: str) -> int:
        """The offset that the topic's next entry will have."""
        return self._ends[topic]

    async def read(self, topic: str, offsets: range, at_most: int | None) -> Slice:
        """Entries of `topic` within `offsets`; at most so many and, if that is given, POLL_BYTES."""
        return await self._in_reading_thread(read_slice, topic, self._topic_id(topic), offsets, at_most)

    def leave(self, group: str) -> None:
        """Forget the reader of `group`."""
        self._readers.pop(group, None)

    def forget(self, follower: EmbeddedFollower) -> None:
        """Wake `follower` no more."""
        self._followers.remove(follower)

    async def _run(self, job: Job) -> None:
        self._thread.submit(job)
        try:
            async with asyncio.timeout(self._append_timeout_s):
                await job.done
        except TimeoutError:
            raise Retryable(f"the log did not write within {self._append_timeout_s:g} s") from None

    def _job(self, drafts: Sequence[Draft]) -> Job:
        now_ms = time.time_ns() // 1_000_000
        for draft in drafts:
            self._topic_id(draft.topic)
            if draft.partition not in {None, PARTITION}:
                raise Fault(f"{draft.topic} has no partition {draft.partition} in the embedded log")
        size = self._backlog.admit(drafts)
        rows = [Row(draft.topic, now_ms, draft.key, _dump(draft.headers), draft.value) for draft in drafts]
        return Job(asyncio.get_running_loop().create_future(), size, rows)

    def _topic_id(self, topic: str) -> int:
        if topic not in self._ends:
            raise Fault(f"no such topic: {topic}")
        return self._thread.tables.topic_id(topic)

    def _settle(self, jobs: Sequence[Job], error: Exception | None, ends: Mapping[str, int]) -> None:
        """Tell the callers of `jobs`, and wake the readers. Runs in the event loop, when the transaction is over."""
        self._ends.update(ends)
        for job in jobs:
            self._backlog.release(job.size)
            if job.done.done():  # its caller has given up
                continue
            if error is None:
                job.done.set_result(None)
            else:
                # One exception each: a shared one would gather every caller's traceback.
                job.done.set_exception(type(error)(str(error)))
        for reader in self._readers.values():
            reader.wake()
        for follower in self._followers:
            follower.wake()

    async def _in_reading_thread(self, read: Callable[[sqlite3.Connection, *Args], T], *args: *Args) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._reading, read, self._file.reading, *args)
        except sqlite3.Error as exc:
            raise Retryable(f"the log cannot be read: {exc}") from exc


def _by_topic(next_offsets: Mapping[tuple[str, int], int]) -> dict[str, int]:
    for topic, partition in next_offsets:
        if partition != PARTITION:
            raise Fault(f"{topic} has no partition {partition} in the embedded log")
    return {topic: offset for (topic, _), offset in next_offsets.items()}


def _dump(headers: Mapping[str, str]) -> bytes:
    return orjson.dumps(dict(headers)) if headers else b""
