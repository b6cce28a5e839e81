"""Deadlines, not timers: what happens later is an entry here, and happens when the watermark passes it."""

import heapq
from collections.abc import Iterable
from enum import IntEnum

from pipeline.core.columns import FOREVER_MS
from pipeline.core.live import Live

_CODE = (1 << 64) - 1


class Due(IntEnum):
    """What a deadline is about; at the same millisecond the lower goes first."""

    ALERT = 0
    INCIDENT = 1
    STORM = 2


class Deadlines:
    """What happens later, by time. Derived from what is remembered, so a snapshot need not hold it.

    An alert has at most one valid entry, which may come up too early: a repeat only moves when its alert is over, and
    who pops the entry puts it back. So a duplicate costs no heap operation.
    """

    def __init__(self) -> None:
        self._alerts: list[int] = []  # a number each, since there may be millions: time, then code
        self._others: list[tuple[int, Due, str]] = []

    def fill(self, alerts: Iterable[tuple[int, int]]) -> None:
        """Begin with these alerts: when each comes up, and its code."""
        self._alerts = [due_ms << 64 | code for due_ms, code in alerts]
        heapq.heapify(self._alerts)

    def alert(self, live: Live) -> None:
        """See that the alert comes up when something may happen to it, or before."""
        due_ms = live.next_ms
        if due_ms < live.queued_ms:
            live.queued_ms = due_ms
            heapq.heappush(self._alerts, due_ms << 64 | live.code)

    def incident(self, incident_id: str, due_ms: int) -> None:
        """Let the incident come up at `due_ms`; it knows itself whether that still counts."""
        heapq.heappush(self._others, (due_ms, Due.INCIDENT, incident_id))

    def storm(self, due_ms: int) -> None:
        """Let the scope's storm be looked at again at `due_ms`."""
        heapq.heappush(self._others, (due_ms, Due.STORM, ""))

    def next_ms(self) -> int | None:
        """When something may happen next; it may turn out to have been put off."""
        alert_ms = self._alerts[0] >> 64 if self._alerts else FOREVER_MS
        other_ms = self._others[0][0] if self._others else FOREVER_MS
        next_ms = min(alert_ms, other_ms)
        return None if next_ms == FOREVER_MS else next_ms

    def pop(self, to_ms: int) -> tuple[int, Due, int | str] | None:
        """Take the next entry due by `to_ms`: of an alert by its code, of an incident by its id."""
        next_ms = self.next_ms()
        if next_ms is None or next_ms > to_ms:
            return None
        if self._alerts and self._alerts[0] >> 64 == next_ms:
            return next_ms, Due.ALERT, heapq.heappop(self._alerts) & _CODE
        return heapq.heappop(self._others)
