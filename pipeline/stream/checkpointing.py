"""When and how the state of each partition is kept: taken between two batches, written while the engine goes on."""

import asyncio
import time
from dataclasses import dataclass, field

import structlog
from aiokafka.errors import KafkaError

from pipeline import metrics
from pipeline.stream.aside import State, Taker
from pipeline.stream.cadence import COST_SHARE, Cadence, Pace
from pipeline.stream.checkpoint import Taken, next_slot, size_of
from pipeline.stream.checkpoint_store import SnapshotStore
from pipeline.stream.engine import Engine
from schemas import Snapshot

logger = structlog.get_logger("pagesieve.triage")

KEPT = 6  # snapshots remembered of a partition; two are all that is needed


@dataclass
class _Course:
    """One partition, from the moment that its state is there."""

    engine: Engine
    cadence: Cadence
    kept: list[Snapshot]  # newest first
    settled: int  # the offset up to which everything written is durable
    taker: Taker
    took_s: float = 0.0  # from the moment that the last snapshot was due until it was durable
    chunks: dict[int, int] = field(default_factory=dict)  # slot → the most chunks that it may hold
    timer: asyncio.TimerHandle | None = None
    writing: asyncio.Task[None] | None = None


class Checkpoints:
    """Takes and writes the snapshots that are due.

    What is written is always of an offset up to which everything is durable, whatever the group has committed
    meanwhile: at an assignment the log between the two is read again, without its outputs. So no batch waits for a
    snapshot, and one that cannot be written costs time at the next start, not truth.
    """

    def __init__(self, store: SnapshotStore, pace: Pace) -> None:
        self._store = store
        self._pace = pace
        self._courses: dict[int, _Course] = {}

    def begin(self, engine: Engine, kept: list[Snapshot], since: int) -> None:
        """Follow `engine`, whose state was read from the log from the offset `since` on, after the snapshots `kept`.

        What it has read was told before. If that was much, it is kept at once: the next start shall be quicker.
        """
        cadence, taker = Cadence(self._pace, since, time.monotonic()), Taker(size_of(kept[0]) if kept else 0)
        course = _Course(engine, cadence, kept, engine.next_offset, taker)
        for snapshot in kept:
            course.chunks[snapshot.slot] = max(course.chunks.get(snapshot.slot, 0), len(snapshot.chunks))
        self._courses[engine.partition] = course
        self._consider(course)

    async def keep_first(self, partition: int) -> None:
        """Keep the state before anything is decided on it, since there is no snapshot: it says which policy decides.

        One that cannot be written is no reason to leave alerts waiting. Without it, who starts again under another
        policy before there is a snapshot takes that one for the one that decided.
        """
        course = self._courses[partition]
        if course.writing is None:
            self._take(course)
        if course.writing is not None:
            await asyncio.wait([course.writing])

    def settled(self, partition: int) -> None:
        """All that was written for what the engine of `partition` has stepped is durable now."""
        course = self._courses.get(partition)
        if course is not None:
            course.settled = course.engine.next_offset
            self._consider(course)

    def forget(self) -> None:
        """The partitions may be another's now. What is half written is left as it is: nothing names it."""
        courses, self._courses = self._courses, {}
        for course in courses.values():
            if course.timer is not None:
                course.timer.cancel()
            if course.writing is not None:
                course.writing.cancel()

    async def written(self, partition: int) -> None:
        """Return once no snapshot of `partition` is being written."""
        course = self._courses.get(partition)
        while course is not None and course.writing is not None:
            await asyncio.wait([course.writing])

    async def keep(self, within_s: float) -> None:
        """Keep all that has moved and is durable, if it can be done in time: the next holder reads less of the log.

        Where the last snapshot took longer none is begun. What is not done in time is no harm: nothing
        names what is half written.
        """
        for course in self._courses.values():
            has_news = course.cadence.wait_s(course.engine.next_offset, time.monotonic()) is not None
            is_even = course.engine.next_offset == course.settled
            is_even = is_even and not course.engine.is_away
            if course.writing is None and has_news and is_even and course.took_s < within_s:
                self._take(course)
        writing = [course.writing for course in self._courses.values() if course.writing is not None]
        if writing:
            await asyncio.wait(writing, timeout=within_s)

    def _consider(self, course: _Course) -> None:
        """Take a snapshot if one is due, else see to it that it will be: nothing may come for days."""
        is_even = course.engine.next_offset == course.settled and not course.engine.is_away
        if course.writing is not None or not is_even:
            return  # whoever is at it comes back here
        wait_s = course.cadence.wait_s(course.engine.next_offset, time.monotonic())
        if wait_s is None:
            return
        if wait_s > 0:
            if course.timer is None:
                course.timer = asyncio.get_running_loop().call_later(wait_s, self._wake, course)
            return
        self._take(course)

    def _wake(self, course: _Course) -> None:
        course.timer = None
        self._consider(course)

    def _take(self, course: _Course) -> None:
        started_s = time.monotonic()
        try:
            state = course.taker.take(course.engine.snapshot)
        except Exception:
            # Alerts go on being decided; only the next start takes longer, and the log says why.
            logger.exception("fault: no snapshot can be taken", partition=course.engine.partition)
            metrics.FAULTS.labels("snapshot").inc()
            course.cadence.tried(time.monotonic(), 0.0)
            return
        metrics.SNAPSHOT_SECONDS.observe(time.monotonic() - started_s)
        engine, at_ms = course.engine, time.time_ns() // 1_000_000
        taken = Taken(engine.partition, engine.next_offset, b"", at_ms, engine.policy.name)
        course.writing = asyncio.create_task(self._write(course, taken, state, started_s))

    async def _write(self, course: _Course, taken: Taken, state: "asyncio.Future[State]", started_s: float) -> None:
        slot = next_slot(course.kept)
        try:
            taken = taken._replace(state=await state)
            snapshot, packing_s = await self._store.write(taken, slot, course.chunks.get(slot, 0))
        except Exception as exc:
            metrics.SNAPSHOTS_FAILED.inc()
            is_world = isinstance(exc, KafkaError | OSError)
            say = logger.warning if is_world else logger.exception
            say("no snapshot is written: a restart reads more of the log", partition=taken.partition, why=repr(exc))
            course.took_s = time.monotonic() - started_s
            course.cadence.tried(time.monotonic(), _cost_s(course, 0.0))
        else:
            course.kept = [snapshot, *course.kept][:KEPT]
            course.chunks[slot] = len(snapshot.chunks)
            course.took_s = time.monotonic() - started_s
            course.cadence.done(taken.next_offset, time.monotonic(), _cost_s(course, packing_s))
            _tell(taken)
        course.writing = None
        if self._courses.get(taken.partition) is course:
            self._consider(course)


def _cost_s(course: _Course, packing_s: float) -> float:
    """What a snapshot cost. Not the time that passed: while much is to be decided, each of a hundred chunks waits for
    its turn. Yet half of the time, at most, one is under way: the brokers have others to serve.
    """
    return max(course.taker.cost_s + packing_s, course.took_s / COST_SHARE)


def _tell(taken: Taken) -> None:
    partition = str(taken.partition)
    metrics.SNAPSHOTS.inc()
    metrics.SNAPSHOT_BYTES.labels(partition).set(len(taken.state))
    metrics.SNAPSHOT_AT.labels(partition).set(taken.at_ms / 1000)
    logger.info(
        "snapshot written", partition=taken.partition, next_offset=taken.next_offset, state_bytes=len(taken.state)
    )
