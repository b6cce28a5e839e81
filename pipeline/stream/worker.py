"""The worker runs until it is told to stop (exit 0) or can no longer keep its promise (exit 70); it never limps."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, NoReturn

import structlog
from faust.types import TP

from pipeline.core.learned import NOTHING, Learned
from pipeline.core.policy import Policy
from pipeline.errors import Missing, Misuse, Retryable
from pipeline.log import Draft
from pipeline.log.admin import check_topics
from pipeline.settings import Settings
from pipeline.stream.agents import NormaliseAgent, TriageAgent
from pipeline.stream.app import new_app, raw_topic
from pipeline.stream.cadence import Pace
from pipeline.stream.checkpoint_store import SnapshotStore
from pipeline.stream.engines import Engines
from pipeline.stream.inbox import Inbox
from pipeline.stream.kafka_log import KafkaLog, places
from pipeline.stream.membership import leave
from pipeline.stream.outbox import Outbox
from pipeline.stream.patience import calm_aiokafka, wait_for_broker
from pipeline.stream.remembered import Remembered
from pipeline.stream.status import Status, served
from pipeline.stream.ticker import Ticker
from pipeline.stream.transport.bounded import bound_aiokafka
from pipeline.stream.transport.producer import send_drafts
from schemas.topics import ALERTS, DECISIONS, INCIDENTS, PAGES, RAW, REJECTED, TOPICS

logger = structlog.get_logger("pagesieve.worker")

GROUP = "pagesieve"
CRASHED = 70  # EX_SOFTWARE of sysexits.h; the supervisor starts it again, and it continues from the log
COMMIT_EVERY_S = 0.5
SETTLE_S = 2.0  # how long a stop or a new deal waits for what is on its way; the rest is repeated, never lost
KEEP_S = 2.0  # likewise for the snapshots: the whole group waits for them, and without them reads more of the log
STOP_S = 15.0


def run_worker(
    settings: Settings, policy: Policy, learned: Learned = NOTHING, listen: tuple[str, int] | None = None
) -> None:
    """Run the worker on Kafka until SIGTERM or SIGINT; metrics and health are answered at `listen`.

    Waits for a broker that is away. Raises Misuse without `PAGESIEVE_KAFKA` and Missing without the topics. Ends the
    process with 70 at the first send that fails, and when a part of it crashes.
    """
    if settings.kafka is None:
        raise Misuse("PAGESIEVE_KAFKA is not set: host:port of a Kafka broker")
    calm_aiokafka()
    bound_aiokafka()
    status = Status()
    with served(status, listen):
        asyncio.run(_main(settings, policy, learned, status))


async def _main(settings: Settings, policy: Policy, learned: Learned, status: Status) -> None:
    bootstrap = settings.kafka or ""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if not await _unless_stopped(_ready(bootstrap), stop):
        return
    worker = _Worker(policy, learned, status, settings)
    await worker.start()
    logger.info("the worker runs", bootstrap=bootstrap, group=GROUP, policy=policy.name, model=learned.version)
    await worker.until(stop)
    logger.info("stopping")
    try:
        await asyncio.wait_for(worker.stop(), STOP_S)
    except TimeoutError:
        # Everything is repeatable from what was committed; a broker that is away must not hold up a stop.
        logger.warning("stopped without a farewell: Kafka does not answer")
        _exit(0)
    logger.info("stopped")


async def _ready(bootstrap: str) -> None:
    """Wait for a broker with our topics. Raises Missing."""
    await wait_for_broker(bootstrap)
    log = KafkaLog(bootstrap, GROUP)
    try:
        await log.start()
        missing = sorted({topic.name for topic in TOPICS} - await log.topics())
        if missing:
            raise Missing(f"Kafka at {bootstrap} has no topic {', '.join(missing)}: run `pagesieve topics create`")
        everywhere = [place for topic in (RAW, ALERTS) for place in places(topic.name, range(topic.partitions))]
        committed, ends = await log.committed(everywhere), await log.ends(everywhere)
    finally:
        await log.stop()
    for place in everywhere:
        if (committed[place] or 0) > ends[place]:
            raise Missing(
                f"{place.topic}[{place.partition}] ends at {ends[place]}, but the group {GROUP} has finished "
                f"{committed[place]}: the topic was made anew, and what comes now would be skipped; stop every worker "
                f"and run `kafka-consumer-groups.sh --delete --group {GROUP}`"
            )
    try:
        for difference in await asyncio.to_thread(check_topics, bootstrap):
            logger.warning("a topic differs", difference=difference)
    except Retryable as exc:
        logger.warning("the topics could not be compared", why=str(exc))


class _Worker:
    """Everything that lives while the worker runs, wired together."""

    def __init__(self, policy: Policy, learned: Learned, status: Status, settings: Settings) -> None:
        self._status = status
        self._bootstrap = bootstrap = settings.kafka or ""
        self._name = settings.worker_name
        self._app = new_app(bootstrap, GROUP, self._name)
        self._log = KafkaLog(bootstrap, GROUP)
        store, pace = SnapshotStore(self._log, bootstrap), Pace(settings.snapshot_every_s)
        self._engines = Engines(policy, self._log, store, pace, learned)
        self._outbox = Outbox(self._send_all, lambda error: _crash("sending", error))
        self._ticker = Ticker(self._engines, self._log, self._send, status, self._assignment)
        self._tasks: list[asyncio.Task[None]] = []
        self._committed: dict[tuple[str, int], int] = {}
        self._inboxes = {RAW.name: Inbox(), ALERTS.name: Inbox()}
        remembered, raw, alerts = Remembered(), self._inboxes[RAW.name], self._inboxes[ALERTS.name]
        self._normalise = NormaliseAgent(policy, raw, self._outbox, self._log, remembered)
        self._triage = TriageAgent(self._engines, alerts, self._outbox, self._log, remembered)
        for topic, inbox in self._inboxes.items():
            self._agent(topic, inbox)
        self._app.on_partitions_revoked.connect(self._on_revoked)

    def _agent(self, topic: str, inbox: Inbox) -> None:
        async def agent(stream: Any) -> None:
            await _vital(topic, inbox.fill(stream))

        # The supervisor of Faust would restart an agent that raised, past the record that it raised on.
        self._app.agent(raw_topic(self._app, topic), name=topic, concurrency=1)(agent)

    async def start(self) -> None:
        await self._log.start()
        self._app.finalize()
        await self._app.start()
        for topic in (ALERTS, REJECTED, DECISIONS, INCIDENTS, PAGES):
            # Known before an outage: aiokafka waits for a topic that it does not know for 30 s only, then gives up.
            await self._app.producer._producer.partitions_for(topic.name)
        parts = {
            "normalise": self._normalise.run(),
            "triage": self._triage.run(),
            "ticker": self._ticker.run(),
            "committer": self._commit_for_ever(),
        }
        self._tasks = [asyncio.create_task(_vital(name, part), name=name) for name, part in parts.items()]

    async def until(self, stop: asyncio.Event) -> None:
        """Return at `stop`; end the process if Faust crashes: it would live on and do nothing."""
        crashed = asyncio.ensure_future(self._app._crashed.wait())
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait((crashed, stopped), return_when=asyncio.FIRST_COMPLETED)
        if self._app._crashed.is_set():
            _crash("faust", self._app.crash_reason)
        crashed.cancel()

    async def stop(self) -> None:
        self._status.failed("it is stopping")
        await self._settle()
        await self._engines.keep(KEEP_S)
        for task in self._tasks:
            task.cancel()
        await self._app.stop()
        if self._name is not None:
            await leave(self._bootstrap, GROUP, self._name)
        await self._engines.close()
        await self._log.stop()

    def _send_all(self, drafts: Sequence[Draft]) -> "AsyncIterator[asyncio.Future[Any]]":
        return send_drafts(self._app.producer._producer, drafts)

    async def _send(self, draft: Draft) -> "asyncio.Future[Any]":
        headers = [(name, text.encode()) for name, text in draft.headers.items()]
        key = draft.key.encode() or None
        sent: asyncio.Future[Any] = await self._app.producer.send(
            draft.topic, key, draft.value, draft.partition, None, headers
        )
        return sent

    def _assignment(self) -> set[tuple[str, int]] | None:
        held = {(tp.topic, tp.partition) for tp in self._app.consumer.assignment()}
        # `unassigned` is only true once the group has dealt this member nothing: before, it may still be joining.
        return None if self._app.rebalancing or not (held or self._app.unassigned) else held

    async def _on_revoked(self, *_: Any, **__: Any) -> None:
        """The group deals its partitions anew: commit what is durable and keep every state, then forget it."""
        self._status.failed("the group is dealing its partitions")
        await self._settle()
        await self._engines.keep(KEEP_S)
        self._engines.drop()
        self._normalise.forget()
        for inbox in self._inboxes.values():
            inbox.forget()
        self._outbox.forget()
        self._committed.clear()

    async def _settle(self) -> None:
        try:
            async with asyncio.timeout(SETTLE_S):
                await self._outbox.settled()
                await self._commit()
        except TimeoutError:
            logger.warning("not everything on its way is durable: the rest will be repeated")

    async def _commit_for_ever(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_EVERY_S)
            await self._commit()

    async def _commit(self) -> None:
        durable = self._outbox.durable()
        news = {place: offset for place, offset in durable.items() if self._committed.get(place) != offset}
        if news and await self._app.consumer._commit({TP(*place): offset for place, offset in news.items()}):
            self._committed.update(news)


async def _unless_stopped(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> bool:
    """Whether `work` was finished before `stop`."""
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        stopped.cancel()
        task.result()
        return True
    task.cancel()
    return False


async def _vital(name: str, work: Coroutine[Any, Any, None]) -> None:
    """Run a part without which the worker would only seem to live."""
    try:
        await work
    except Exception as exc:
        _crash(name, exc)


def _crash(part: str, reason: BaseException | None) -> NoReturn:
    logger.error("the worker ends: it cannot go on without losing something", part=part, exc_info=reason)
    _exit(CRASHED)


def _exit(code: int) -> NoReturn:
    """End at once, without Faust's own stop, which hangs after a crash and would commit what is not durable."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
