"""Where golden scenes play for real: a worker on Kafka, or the embedded log; and what came of each step there."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from pipeline.codec import decode, decode_alerts, encode
from pipeline.core.policy import Policy
from pipeline.log import Broadcaster, Draft, Entry, Follower
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.embedded_file import LogFile
from pipeline.log.embedded_thread import Job
from pipeline.stream.embedded import run_embedded
from schemas import Alerts, Control, Decision, Decisions, Incident, Page, Tick
from schemas.topics import ALERTS, DECISIONS, INCIDENTS, PAGES, RAW, REJECTED
from tests.golden.bill import policy_of, rules_of
from tests.golden.hearing import ending, heard, play
from tests.golden.script import Scene
from tests.golden.telling import BEGIN_MS, Raw, Restart
from tests.integration.broker import Broker
from tests.integration.logs import Kafka
from tests.integration.real import PATIENCE_S
from tests.integration.worker import Topics, Workers

WEEK_MS = 7 * 24 * 3_600_000
QUIET_S = 10.0
CENTURY_MS = 100 * 52 * WEEK_MS
FOLLOWED = (ALERTS.name, DECISIONS.name, INCIDENTS.name, PAGES.name, REJECTED.name)

Place = tuple[int, int]  # scene and step


class Stage(NamedTuple):
    """A log at which a worker is at work. `send` appends to `alerts.raw` as of the time of the record."""

    send: Callable[[Raw], Awaitable[None]]
    writer: Broadcaster
    follower: Follower
    restart: Callable[[dict[str, Any]], Awaitable[None]]  # the worker, with another policy file


class Audience:
    """Follows what comes out, and knows which step each record comes of."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._entries: dict[str, list[Entry]] = {name: [] for name in FOLLOWED}
        self.sent: list[Place] = []  # by offset of `alerts.raw`
        self.told: dict[int, Place] = {}  # by time of a tick or control
        self.restarted: dict[str, Place] = {}  # by the policy that a worker started with

    async def until(self, holds: Callable[[], bool], complaint: Callable[[], object]) -> None:
        """Return once `holds`; fail with the complaint if it does not come to that."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not holds():
            if time.monotonic() > deadline_s:
                pytest.fail(f"not within {PATIENCE_S} s: {complaint()}", pytrace=False)
            await self.listen()

    async def listen(self) -> None:
        """Take what has come, or wait a moment for it."""
        for entry in await self._follower.poll(0.05):
            self._entries[entry.topic].append(entry)

    async def until_decided(self) -> None:
        """Return once all that was sent is decided."""
        await self.until(lambda: self._decided() >= len(self.sent), lambda: f"{self._decided()} of {len(self.sent)}")

    async def until_obeyed(self, policy: str) -> None:
        """Return once the log says, wherever alerts stand, that this policy decides from here on."""

        def places() -> tuple[set[int], set[int]]:
            records = [(entry.partition, decode_alerts(entry.value)) for entry in self._entries[ALERTS.name]]
            told = {place for place, one in records if isinstance(one, Control) and one.policy == policy}
            return {place for place, one in records if isinstance(one, Alerts)}, told

        await self.until(lambda: places()[0] <= places()[1], lambda: f"the policy is told in {places()}")

    def lines(self, number: int, scene: Scene) -> list[str]:
        """What each step of a scene led to, and how its incidents stood behind the last; as `play` says it."""
        decisions: dict[Place, list[Decision]] = {}
        pages: dict[Place, list[Page]] = {}
        incidents: list[Incident] = []
        for place, entry in self._placed(DECISIONS.name):
            record = decode(Decisions, entry.value)
            assert _is_of(record.scope, scene) == (place[0] == number)
            decisions.setdefault(place, []).extend(record.decisions)
        # A scene that comes later moves the time of all: what it still does to this one is not in the file.
        for place, entry in self._placed(PAGES.name):
            page = decode(Page, entry.value)
            if _is_of(page.payload.custom_details.scope, scene):
                pages.setdefault(place, []).append(page)
        for place, entry in self._placed(INCIDENTS.name):
            incident = decode(Incident, entry.value)
            if _is_of(incident.scope, scene) and place[0] == number:
                incidents.append(incident)
        at = [(number, step) for step in range(len(scene.steps))]
        return [*(heard(decisions.get(place, []), pages.get(place, [])) for place in at), *ending(scene, incidents)]

    def _place_of(self, record: Alerts | Tick | Control) -> Place:
        if isinstance(record, Alerts):
            return self.sent[record.raw_offset]
        if isinstance(record, Control) and record.policy is not None:
            return self.restarted[record.policy]
        return self.told[record.at_ms]

    def rejected(self) -> list[Entry]:
        """What was no alert."""
        return self._entries[REJECTED.name]

    def _decided(self) -> int:
        return len({_origin(entry) for entry in self._entries[DECISIONS.name]})

    def _placed(self, topic: str) -> Iterator[tuple[Place, Entry]]:
        """What stands on `topic`, with the step that it comes of, once that is known: topics come in no order."""
        places: dict[tuple[int, int], Place] = {}
        for entry in self._entries[ALERTS.name]:
            record = decode_alerts(entry.value)
            places[entry.partition, entry.offset] = self._place_of(record)
        for entry in self._entries[topic]:
            if _origin(entry) in places:
                yield places[_origin(entry)], entry


async def perform(stage: Stage, scenes: Sequence[Scene]) -> list[list[str]]:
    """Play the scenes one after the other, a week each, and return what each step led to, scene by scene.

    What people know (which incident they acknowledge) is what the core says: ids are the same wherever it runs.
    """
    audience, as_they_are = Audience(stage.follower), list(scenes)
    for number, scene in enumerate(scenes):
        said, _ = play(scene, rules_of(as_they_are), BEGIN_MS + number * WEEK_MS)
        for step, record in enumerate(said):
            if isinstance(record, Raw):
                audience.sent.append((number, step))
                await stage.send(record)
                continue
            # True of a tick: everything that reached us before stands before it.
            await audience.until_decided()
            if isinstance(record, Restart):
                as_they_are[number] = record.scene
                audience.restarted[record.control.policy or ""] = (number, step)
                await stage.restart(policy_of(as_they_are))
                await audience.until_obeyed(record.control.policy or "")
                continue
            audience.told[record.at_ms] = (number, step)
            await _broadcast(stage.writer, record)
        # The log keeps only the newest record of an incident, which the next scene's time may replace.
        await audience.until_decided()
        await _settle(audience, number, scene)
    assert not audience.rejected()
    return [audience.lines(number, scene) for number, scene in enumerate(scenes)]


async def _settle(audience: Audience, number: int, scene: Scene) -> None:
    """Return once all has come that is expected of the scene, or nothing more comes."""
    seen, since_s = audience.lines(number, scene), time.monotonic()
    while seen != scene.expected and time.monotonic() - since_s < QUIET_S:
        await audience.listen()
        if (now := audience.lines(number, scene)) != seen:
            seen, since_s = now, time.monotonic()


@asynccontextmanager
async def on_kafka(broker: Broker, workers: Workers, scenes: Sequence[Scene]) -> AsyncIterator[Stage]:
    """A worker as a process on the broker, whose topics are empty."""
    broker.fresh_topics()
    with broker.admin() as admin:  # it refuses times that are ahead of it by more than an hour
        ahead = {"message.timestamp.after.max.ms": str(CENTURY_MS)}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, RAW.name, configs=ahead)])
    worker = workers.start(broker.bootstrap, policy_of(scenes))
    topics, log, started = Topics(broker.bootstrap), Kafka(broker.bootstrap), [worker]

    async def send(raw: Raw) -> None:
        headers = [(name, text.encode()) for name, text in raw.headers.items()]
        topics.send(RAW.name, raw.body, raw.source.encode(), partition=0, headers=headers, timestamp_ms=raw.at_ms)

    async def restart(policy: dict[str, Any]) -> None:
        assert await asyncio.to_thread(started[-1].stop) == 0
        started.append(workers.start(broker.bootstrap, policy))
        await asyncio.to_thread(started[-1].wait_ready)

    try:
        worker.wait_ready()
        yield Stage(send, await log.writer(), await log.follower(FOLLOWED), restart)
        assert started[-1].stop() == 0
    finally:
        await log.close()
        topics.close()


@asynccontextmanager
async def on_the_embedded_log(folder: Path, scenes: Sequence[Scene]) -> AsyncIterator[Stage]:
    """What `pagesieve up` runs on its log, without the gateway and the pager."""
    log = _LogOfItsTime(await asyncio.to_thread(LogFile, folder), 5.0)
    started: list[tuple[asyncio.Event, asyncio.Task[None]]] = []

    def start(policy: dict[str, Any]) -> None:
        stop = asyncio.Event()
        started.append((stop, asyncio.create_task(run_embedded(log, Policy.model_validate(policy), stop))))

    async def end() -> None:
        stop, worker = started[-1]
        stop.set()
        await worker

    async def restart(policy: dict[str, Any]) -> None:
        await end()
        start(policy)

    async def send(raw: Raw) -> None:
        log.clock_ms = raw.at_ms
        await log.append([Draft(RAW.name, raw.source, raw.body, raw.headers)])

    follower = log.follower(FOLLOWED)
    start(policy_of(scenes))
    try:
        yield Stage(send, log, follower, restart)
    finally:
        await end()
        await follower.close()
        await log.close()


class _LogOfItsTime(EmbeddedLog):
    """An embedded log whose records bear the time of the scene: nobody can hand it one, as a Kafka producer can."""

    clock_ms = BEGIN_MS

    def _job(self, drafts: Sequence[Draft]) -> Job:
        job = super()._job(drafts)
        job.rows = [row._replace(timestamp_ms=self.clock_ms) for row in job.rows]
        return job


async def _broadcast(writer: Broadcaster, record: Tick | Control) -> None:
    """To every partition, as the gateway writes a silence and the worker the time."""
    count = await writer.partitions(ALERTS.name)
    await writer.append([Draft(ALERTS.name, "", encode(record), partition=number) for number in range(count)])


def _is_of(scope: str, scene: Scene) -> bool:
    return scope.split(",", maxsplit=1)[0] == f"scene={scene.name}"


def _origin(entry: Entry) -> tuple[int, int]:
    """Where the record of `alerts` stands that led to this one."""
    return int(entry.headers["log_partition"]), int(entry.headers["log_offset"])
