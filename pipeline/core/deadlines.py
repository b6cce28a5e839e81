"""Deadlines, not timers: what happens later is an entry here, and happens when the watermark passes it."""

import heapq
from enum import IntEnum

from pipeline.core.state import ScopeState


class Due(IntEnum):
    """What a deadline is about; at the same millisecond the lower goes first."""

    ALERT = 0
    INCIDENT = 1
    STORM = 2


class Deadlines:
    """What happens later, by time. Derived from a `ScopeState`, so a snapshot need not hold it.

    An alert has at most one valid entry, which may come up too early: a repeat only moves `Live.due_ms`, and who pops
    the entry puts it back. So a duplicate costs no heap operation.
    """

    def __init__(self, state: ScopeState) -> None:
        self._heap: list[tuple[int, Due, str]] = []
        self._queued: dict[str, int] = {}  # fingerprint → the time of its valid entry
        for key, live in state.alerts.items():
            self.alert(key, live.next_ms)
        for key, incident in state.incidents.items():
            if incident.due_ms is not None:
                self.incident(key, incident.due_ms)

    def alert(self, fingerprint: str, due_ms: int) -> None:
        """See that the alert comes up at `due_ms` or before."""
        queued_ms = self._queued.get(fingerprint)
        if queued_ms is None or due_ms < queued_ms:
            self._queued[fingerprint] = due_ms
            heapq.heappush(self._heap, (due_ms, Due.ALERT, fingerprint))

    def incident(self, incident_id: str, due_ms: int) -> None:
        """Let the incident come up at `due_ms`; it knows itself whether that still counts."""
        heapq.heappush(self._heap, (due_ms, Due.INCIDENT, incident_id))

    def storm(self, due_ms: int) -> None:
        """Let the scope's storm be looked at again at `due_ms`."""
        heapq.heappush(self._heap, (due_ms, Due.STORM, ""))

    def next_ms(self) -> int | None:
        """When something may happen next; it may turn out to have been put off."""
        return self._heap[0][0] if self._heap else None

    def pop(self, to_ms: int) -> tuple[int, Due, str] | None:
        """Take the next valid entry due by `to_ms`."""
        while self._heap and self._heap[0][0] <= to_ms:
            due_ms, what, key = heapq.heappop(self._heap)
            if what is not Due.ALERT:
                return due_ms, what, key
            if self._queued.get(key) == due_ms:
                del self._queued[key]
                return due_ms, what, key
        return None
