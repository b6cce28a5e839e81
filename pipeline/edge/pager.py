"""Every page is delivered, in its incident's order, and none again after its incident's resolve was delivered.

For each page: the sink accepts it → its `Delivery` is appended to `pages.delivered` and durable → only then may the
next page of the incident go out → the offset is committed, up to the first entry that is not finished.

**Killed at any point.** Before the first page all of `pages.delivered` is read, and a page whose revision was delivered
is skipped. So what can be repeated is only a page that was accepted and whose `Delivery` is missing, and as the
incident's next page had to wait for that record, it is the incident's last: a trigger repeated while PagerDuty's
incident is open adds nothing (same dedup_key), nor does a resolve after a resolve. A trigger after its resolve cannot
happen.

**Several pagers in one group.** When Kafka deals the partitions anew (`Reader.generation`) the pager does what it does
after a restart: no new page is sent, those in flight are finished, everything else in hand is dropped and
`pages.delivered` is read again. So pages move with their partition. What remains: the former owner's request that is
still in flight (at most the request's time-out) may repeat what the new owner sends; a second incident needs that one
request to arrive after the new owner has sent the trigger *and* the resolve. A process that is stopped for longer than
the session time-out in the middle of a request is the same case; PagerDuty offers nothing to fence it with.

**Faults.** An exception inside a sink is a page that waits, not a pager that stops; one in the log or in this file
ends the process, and since nothing was committed nothing is lost.
"""

import asyncio
import socket
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from pipeline import metrics
from pipeline.codec import decode
from pipeline.edge.courier import Courier, World
from pipeline.edge.delivered import Delivered
from pipeline.edge.delivery import Answer, DeliveryQueue, Pace, Ticket
from pipeline.edge.log_calls import LogCalls
from pipeline.edge.pager_health import PagerHealth, health_app
from pipeline.edge.progress import Progress
from pipeline.edge.serving import serve
from pipeline.errors import Rejected, Retryable
from pipeline.log.entry import Entry, Reader, Writer
from schemas import Page

GROUP = "pagesieve-pager"

log = structlog.get_logger(__name__)


class Sink(Protocol):
    """Where pages go."""

    def lane(self, page: Page) -> str:
        """A name for the rate limit that the page counts against; few different ones."""
        ...

    async def deliver(self, page: Page) -> Answer:
        """Try once to deliver a page, within bounded time."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...


@dataclass(frozen=True)
class PagerOptions:
    """How much the pager keeps in hand, how patient it is, and its time and chance."""

    pace: Pace = field(default_factory=Pace)
    world: World = field(default_factory=World)
    most_pages: int = 1000
    most_bytes: int = 64 * 1024 * 1024
    grace_s: float = 20.0  # longer than one request to the sink may take
    listener: socket.socket | None = None  # where /healthz, /readyz and /metrics are answered


async def run_pager(
    reader: Reader, writer: Writer, sink: Sink, stop: asyncio.Event, options: PagerOptions | None = None
) -> None:
    """Deliver pages until `stop` is set, then finish what is in flight and commit. `writer` remains the caller's."""
    options = options or PagerOptions()
    pager = Pager(reader, writer, sink, options)
    if options.listener is None:
        await pager.run(stop)
        return
    over = asyncio.Event()
    serving = asyncio.create_task(serve(health_app(pager.health, writer), options.listener, over))
    try:
        await pager.run(stop)
    finally:
        over.set()
        await serving


class Pager:
    """The pager as a part of a process: `run` it, and ask `health` how it is."""

    def __init__(self, reader: Reader, writer: Writer, sink: Sink, options: PagerOptions) -> None:
        self._reader = reader
        self._writer = writer
        self._sink = sink
        self._options = options
        self.health = PagerHealth()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver pages until `stop` is set; a generation of the group after the other. Closes the reader and sink."""
        log_calls = LogCalls(self._reader, self.health, self._options.world, stop)
        try:
            entries = await log_calls.poll(self._options.most_pages)
            while not stop.is_set():
                entries = await self._hold(entries, log_calls, stop)
        except Retryable:
            if not stop.is_set():
                raise
        finally:
            await self._sink.close()
            await self._reader.close()

    async def _hold(self, entries: list[Entry], log_calls: LogCalls, stop: asyncio.Event) -> list[Entry]:
        """Work with the partitions as they are dealt now; returns the first entries of the next generation."""
        generation = self._reader.generation
        self.health.is_loaded = False
        delivered = Delivered.recall(await log_calls.deliveries())
        self.health.is_loaded = True
        metrics.PAGER_REBALANCES.inc()
        log.info("pager holds its partitions", generation=generation, unreadable_deliveries=delivered.unreadable)
        courier = Courier(self._sink.deliver, self._writer, delivered, self._options.world)
        hand = _Hand(self._sink, courier, self._options, self.health)
        try:
            while True:
                await hand.take(entries)
                await log_calls.commit_in_time(hand.progress, is_busy=bool(entries))
                if stop.is_set():
                    return []
                entries = await log_calls.poll(hand.room())
                if self._reader.generation != generation:
                    return entries
        finally:
            await hand.let_go()
            if self._reader.generation == generation:
                await log_calls.commit(hand.progress)


class _Hand:
    """The pages in hand during one generation of the group."""

    def __init__(self, sink: Sink, courier: Courier, options: PagerOptions, health: PagerHealth) -> None:
        self.progress = Progress()
        self._sink = sink
        self._courier = courier
        self._options = options
        self._health = health
        self._queue = DeliveryQueue(options.pace, options.world.random)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._fault: BaseException | None = None
        self._is_closed = False

    def room(self) -> int:
        """How many more pages it takes."""
        return (
            max(0, self._options.most_pages - self._queue.pages) if self._queue.bytes < self._options.most_bytes else 0
        )

    async def take(self, entries: list[Entry]) -> None:
        """Take entries in hand and send what may be sent. Raises whatever a page in flight failed with."""
        for entry in entries:
            if self.progress.begin((entry.topic, entry.partition), entry.offset, entry.timestamp_ms):
                await self._admit(entry)
        self._send_ready()
        self._measure()
        if self._fault is not None:
            raise self._fault

    async def let_go(self) -> None:
        """Send no more, and wait for what is in flight as long as the grace lasts."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._in_flight:
            _, late = await asyncio.wait(self._in_flight, timeout=self._options.grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._health.stuck.clear()

    async def _admit(self, entry: Entry) -> None:
        try:
            page = decode(Page, entry.value)
        except Rejected as exc:
            await self._courier.reject(entry, f"no page: {exc.reason}", exc.where, "not_a_page")
            self.progress.finish((entry.topic, entry.partition), entry.offset)
        else:
            self._queue.add(Ticket(page, entry, self._sink.lane(page)))

    def _send_ready(self) -> None:
        if self._is_closed:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now_ms = self._options.world.monotonic_ms()
        while (ticket := self._queue.take(now_ms)) is not None:
            task = asyncio.create_task(self._carry(ticket))
            self._in_flight.add(task)
            task.add_done_callback(self._landed)
        wake_at_ms = self._queue.wake_at_ms()
        if wake_at_ms is not None and wake_at_ms > now_ms:  # else every slot is taken, and a landing wakes us
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later((wake_at_ms - now_ms) / 1000, self._send_ready)

    async def _carry(self, ticket: Ticket) -> None:
        answer = await self._courier.carry(ticket)
        if answer is not None and answer.needs_operator:
            self._health.stuck[ticket.incident_id] = answer.status
        else:
            self._health.stuck.pop(ticket.incident_id, None)
        if self._queue.settle(ticket, answer, self._options.world.monotonic_ms()):
            self.progress.finish((ticket.entry.topic, ticket.entry.partition), ticket.entry.offset)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._fault = task.exception()
        self._send_ready()

    def _measure(self) -> None:
        oldest_ms = self.progress.oldest_ms()
        age_ms = 0 if oldest_ms is None else self._options.world.now_ms() - oldest_ms
        metrics.PAGER_OLDEST_SECONDS.set(age_ms / 1000)
        metrics.PAGER_PAGES.set(self._queue.pages)
        metrics.PAGER_STUCK.set(len(self._health.stuck))
