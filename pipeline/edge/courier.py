"""A page is finished only when what became of it is durable: its Delivery, or its place on the rejected topic."""

import time
import traceback
from asyncio import sleep
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import random

import structlog

from pipeline import metrics
from pipeline.codec import encode
from pipeline.edge.delivered import Delivered, place_of
from pipeline.edge.delivery import Answer, AnswerKind, Pace, Ticket, backoff_ms
from pipeline.errors import Retryable
from pipeline.log.entry import Draft, Entry, Writer
from schemas import Delivery, Page, Rejected
from schemas.topics import DELIVERIES, PAGES, REJECTED

LOG_PACE = Pace(first_wait_ms=200, longest_wait_ms=5_000)  # a broker that is back should not find us asleep
_LARGEST_COPY = 1024 * 1024  # bytes of a bad record that are copied; the whole stands on `pages`

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class World:
    """Time and chance, given by the caller."""

    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    monotonic_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000
    random: Callable[[], float] = random


class Courier:
    """Takes pages to the sink and writes down what became of them."""

    def __init__(
        self, deliver: Callable[[Page], Awaitable[Answer]], writer: Writer, delivered: Delivered, world: World
    ) -> None:
        self._deliver = deliver
        self._writer = writer
        self._delivered = delivered
        self._world = world

    async def carry(self, ticket: Ticket) -> Answer | None:
        """Deliver one page and write down the answer. None: it was delivered before."""
        if self._delivered.covers(ticket.page, ticket.entry):
            metrics.PAGER_SKIPPED.inc()
            return None
        answer = await self._ask(ticket.page)
        if answer.kind is AnswerKind.ACCEPTED:
            await self._remember(ticket)
        elif answer.kind is AnswerKind.REFUSED:
            reason = f"the pager's sink refused it with {answer.status}: {answer.note}"
            await self.reject(ticket.entry, reason, "", answer.status)
        else:
            metrics.PAGER_RETRIES.labels(answer.status).inc()
            _tell(ticket.page, answer)
        return answer

    async def reject(self, entry: Entry, reason: str, where: str, status: str) -> None:
        """Move an entry of `pages` that cannot be delivered to the rejected topic, loudly."""
        if len(entry.value) > _LARGEST_COPY:
            reason += f" (only the first {_LARGEST_COPY} of its {len(entry.value)} bytes are copied here)"
        rejected = Rejected.of(
            entry.value[:_LARGEST_COPY], source=PAGES.name, reason=reason, where=where, at_ms=self._world.now_ms()
        ).model_copy(update={"topic": entry.topic, "partition": entry.partition, "offset": entry.offset})
        await self._append(Draft(REJECTED.name, PAGES.name, encode(rejected)))
        metrics.PAGER_REJECTED.labels(status).inc()
        log.error("page rejected", incident_id=entry.key, reason=reason, where=where, offset=entry.offset)

    async def _ask(self, page: Page) -> Answer:
        try:
            return await self._deliver(page)
        except Exception as exc:  # whatever is wrong with this page or sink, the other pages go on
            # Neither the message nor the locals: either may hold the routing key.
            frames = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(exc.__traceback__)]
            log.error("fault in the sink", incident_id=page.dedup_key, error=type(exc).__name__, frames=frames)  # noqa: TRY400  # as above
            return Answer(AnswerKind.LATER, "fault", type(exc).__name__, needs_operator=True)

    async def _remember(self, ticket: Ticket) -> None:
        page = ticket.page
        partition, offset = place_of(ticket.entry) or (None, None)
        delivery = Delivery(
            incident_id=page.dedup_key,
            revision=page.payload.custom_details.revision,
            delivered_at_ms=self._world.now_ms(),
            log_partition=partition,
            log_offset=offset,
        )
        await self._append(Draft(DELIVERIES.name, page.dedup_key, encode(delivery)))
        self._delivered.note(delivery)
        self._delivered.forget(delivery.delivered_at_ms)
        metrics.PAGER_DELIVERED.labels(page.event_action).inc()
        log.info("page delivered", incident_id=page.dedup_key, action=page.event_action, revision=delivery.revision)

    async def _append(self, draft: Draft) -> None:
        """Append until it is durable; a record that is appended twice says the same twice."""
        attempts = 0
        while True:
            try:
                await self._writer.append([draft])
            except Retryable as exc:
                attempts += 1
                metrics.PAGER_LOG_RETRIES.inc()
                log.warning("the log does not take a record", topic=draft.topic, reason=str(exc), attempts=attempts)
                await sleep(backoff_ms(attempts, LOG_PACE, self._world.random()) / 1000)
            else:
                return


def _tell(page: Page, answer: Answer) -> None:
    say = log.error if answer.needs_operator else log.warning
    say(
        "page waits",
        incident_id=page.dedup_key,
        action=page.event_action,
        team=page.payload.custom_details.team,
        status=answer.status,
        note=answer.note,
    )
