"""Pages of one incident go out one at a time and in order, and resolves and triggers take turns. No I/O in this file.

A page is *ready* when it is the first of its incident, waits for nothing and its lane is open. A *lane* is one rate
limit of the sink, for PagerDuty a routing key. Each lane has two lines, resolves and all else, and serves them in
turn, so neither starves the other however long it is; lanes are served in turn as well, so neither does a team.

What an answer does:

    accepted, refused   the page leaves; the next of its incident becomes ready; the lane is known to be open
    later               the page waits (exponential, full jitter), its incident with it; all others go on
    throttled           the lane pauses, as a limit is per routing key, and is then tried with one page at a time until
                        one gets through; the page goes to the end of its line, so that every page gets its turn

A page that was tried goes to the end of its line, never to its head: then a page that never succeeds costs the others
one turn in a round, not all of them.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from pipeline.log.entry import Entry
from schemas import Page


class AnswerKind(Enum):
    """What becomes of a page after an attempt to deliver it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LATER = "later"
    THROTTLED = "throttled"


class Answer(NamedTuple):
    """What a sink said to one page."""

    kind: AnswerKind
    status: str  # a short word for metrics: an HTTP status, "timeout", "network", …
    note: str = ""  # for a person; never holds a secret
    retry_after_ms: int = 0
    needs_operator: bool = False  # it will not mend itself: a key or an address is wrong


@dataclass(frozen=True)
class Pace:
    """How much at once and how patiently. PagerDuty allows about two events a second and key, so few slots suffice."""

    slots: int = 8
    first_wait_ms: int = 500
    longest_wait_ms: int = 60_000
    longest_retry_after_ms: int = 300_000  # a Retry-After of hours would be a silent pager


@dataclass(frozen=True, eq=False)
class Ticket:
    """One page in hand: what it says, the entry it stood in, and which lane it takes."""

    page: Page
    entry: Entry
    lane: str

    @property
    def incident_id(self) -> str:
        """The incident: the key that PagerDuty deduplicates by."""
        return self.page.dedup_key


@dataclass
class _Lane:
    resolves: deque[str] = field(default_factory=deque)
    others: deque[str] = field(default_factory=deque)
    is_resolves_turn: bool = True
    in_flight: int = 0
    paused_until_ms: int = 0
    throttles: int = 0  # pauses in a row; while above 0 the lane takes one page at a time

    @property
    def has_room(self) -> bool:
        return self.throttles == 0 or self.in_flight == 0

    def line_of(self, ticket: Ticket) -> deque[str]:
        return self.resolves if ticket.page.event_action == "resolve" else self.others

    def take(self) -> str | None:
        turn, other = (self.resolves, self.others) if self.is_resolves_turn else (self.others, self.resolves)
        line = turn or other
        if not line:
            return None
        self.is_resolves_turn = line is self.others
        return line.popleft()


class DeliveryQueue:
    """The pages in hand. `take` gives what may be sent now; every ticket taken must be settled once."""

    def __init__(self, pace: Pace, random: Callable[[], float]) -> None:
        self._pace = pace
        self._random = random
        self._incidents: dict[str, deque[Ticket]] = {}
        self._attempts: dict[str, int] = {}
        self._lanes: dict[str, _Lane] = {}
        self._waiting: list[tuple[int, int, str]] = []  # (until, tie-breaker, incident)
        self._order = 0
        self.in_flight = 0
        self.pages = 0
        self.bytes = 0

    def add(self, ticket: Ticket) -> None:
        """Put a page behind the earlier pages of its incident."""
        self.pages += 1
        self.bytes += len(ticket.entry.value)
        pages = self._incidents.setdefault(ticket.incident_id, deque())
        pages.append(ticket)
        if len(pages) == 1:
            self._make_ready(ticket)

    def take(self, now_ms: int) -> Ticket | None:
        """The page whose turn it is, or None while every slot is taken or nothing is ready."""
        if self.in_flight >= self._pace.slots:
            return None
        while self._waiting and self._waiting[0][0] <= now_ms:
            _, _, incident_id = heapq.heappop(self._waiting)
            self._make_ready(self._incidents[incident_id][0])
        for name, lane in self._lanes.items():
            if lane.paused_until_ms > now_ms or not lane.has_room:
                continue
            taken = lane.take()
            if taken is not None:
                lane.in_flight += 1
                self.in_flight += 1
                self._lanes[name] = self._lanes.pop(name)  # to the end: the other lanes come first now
                return self._incidents[taken][0]
        return None

    def settle(self, ticket: Ticket, answer: Answer | None, now_ms: int) -> bool:
        """Take note of what became of a taken page; None: it needed no sending. Returns whether it is finished."""
        lane = self._lanes[ticket.lane]
        lane.in_flight -= 1
        self.in_flight -= 1
        if answer is not None and answer.kind is AnswerKind.THROTTLED:
            self._pause(lane, answer, now_ms)
            self._make_ready(ticket)
            return False
        if answer is not None and answer.kind is AnswerKind.LATER:
            attempts = self._attempts[ticket.incident_id] = self._attempts.get(ticket.incident_id, 0) + 1
            self._order += 1
            until_ms = now_ms + self._wait_ms(attempts, answer)
            heapq.heappush(self._waiting, (until_ms, self._order, ticket.incident_id))
            return False
        if answer is not None and lane.paused_until_ms <= now_ms:  # else it was sent before the limit was reached
            lane.throttles = 0
        self._leave(ticket)
        return True

    def wake_at_ms(self) -> int | None:
        """When `take` may have something that it has not now, if nothing is added or settled; None: not by itself."""
        times = [
            lane.paused_until_ms for lane in self._lanes.values() if lane.has_room and (lane.resolves or lane.others)
        ]
        if self._waiting:
            times.append(self._waiting[0][0])
        return min(times, default=None)

    def _make_ready(self, ticket: Ticket) -> None:
        lane = self._lanes.setdefault(ticket.lane, _Lane())
        lane.line_of(ticket).append(ticket.incident_id)

    def _leave(self, ticket: Ticket) -> None:
        self.pages -= 1
        self.bytes -= len(ticket.entry.value)
        self._attempts.pop(ticket.incident_id, None)
        pages = self._incidents[ticket.incident_id]
        pages.popleft()
        if pages:
            self._make_ready(pages[0])
        else:
            del self._incidents[ticket.incident_id]

    def _pause(self, lane: _Lane, answer: Answer, now_ms: int) -> None:
        # Pages that were in flight together are throttled together: that is one pause, not eight.
        if lane.paused_until_ms <= now_ms:
            lane.throttles += 1
        until_ms = now_ms + self._wait_ms(lane.throttles, answer)
        lane.paused_until_ms = max(lane.paused_until_ms, until_ms)

    def _wait_ms(self, attempts: int, answer: Answer) -> int:
        pace = self._pace
        asked_ms = min(answer.retry_after_ms, pace.longest_retry_after_ms)
        return max(asked_ms, backoff_ms(attempts, pace, self._random()))


def backoff_ms(attempts: int, pace: Pace, jitter: float) -> int:
    """Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", 2015); `jitter` in [0, 1)."""
    ceiling_ms = min(pace.longest_wait_ms, pace.first_wait_ms << min(attempts - 1, 30))
    return int(jitter * ceiling_ms)
