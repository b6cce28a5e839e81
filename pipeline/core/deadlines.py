"""Deadlines, not timers: what happens later is an entry here, and happens when the watermark passes it."""

import heapq
from array import array
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from pipeline.core.columns import FOREVER_MS
from pipeline.core.live import Live

_CODE = (1 << 64) - 1
_SPAN_BITS = 12  # the deadlines of 4 seconds of event time lie together


class Due(IntEnum):
    """What a deadline is about; at the same millisecond the lower goes first."""

    ALERT = 0
    INCIDENT = 1
    STORM = 2


class Deadlines:
    """What happens later, by time. Derived from what is remembered, so a snapshot need not hold it.

    An alert has at most one valid entry, which may come up too early: a repeat only moves when its alert is over, and
    who pops the entry puts it back. So a duplicate costs no heap operation.

    Entries of alerts, of which there may be millions, lie unordered in spans of time until one of their span is due: 16
    bytes each, not the 56 of a heap of Python's integers, and an append where that needs a push.
    """

    def __init__(self) -> None:
        self._soon: list[int] = []  # a heap of those before `_edge`: time, then code
        self._edge = -FOREVER_MS >> _SPAN_BITS  # the first span that is not in it
        self._later: dict[int, array[int]] = {}  # span → time, code, time, code …
        self._least_ms: dict[int, int] = {}  # span → its first time
        self._spans: list[int] = []  # a heap of the spans there are
        self._others: list[tuple[int, Due, str]] = []

    def fill(self, times_ms: NDArray[np.int64], codes: NDArray[np.uint64]) -> None:
        """Begin with these alerts, where there is none yet: when each comes up, and its code."""
        if not len(times_ms):
            return
        order = np.argsort(times_ms, kind="stable")
        times_ms, codes = times_ms[order], codes[order]
        pairs = np.column_stack((times_ms.view(np.uint64), codes))
        spans, starts = np.unique(times_ms >> _SPAN_BITS, return_index=True)
        self._spans = spans.tolist()
        self._least_ms = dict(zip(self._spans, times_ms[starts].tolist(), strict=True))
        for span, several in zip(self._spans, np.split(pairs, starts[1:]), strict=True):
            self._later[span] = array("Q", several.tobytes())

    def alert(self, live: Live) -> None:
        """See that the alert comes up when something may happen to it, or before."""
        due_ms = live.next_ms()
        if due_ms >= live.queued_ms:
            return
        live.queued_ms = due_ms
        span = due_ms >> _SPAN_BITS
        if span < self._edge:
            heapq.heappush(self._soon, due_ms << 64 | live.code)
            return
        several = self._later.get(span)
        if several is None:
            several = self._later[span] = array("Q")
            self._least_ms[span] = due_ms
            heapq.heappush(self._spans, span)
        elif due_ms < self._least_ms[span]:
            self._least_ms[span] = due_ms
        several.append(due_ms & _CODE)
        several.append(live.code)

    def incident(self, incident_id: str, due_ms: int) -> None:
        """Let the incident come up at `due_ms`; it knows itself whether that still counts."""
        heapq.heappush(self._others, (due_ms, Due.INCIDENT, incident_id))

    def storm(self, due_ms: int) -> None:
        """Let the scope's storm be looked at again at `due_ms`."""
        heapq.heappush(self._others, (due_ms, Due.STORM, ""))

    def next_ms(self) -> int | None:
        """When something may happen next; it may turn out to have been put off."""
        next_ms = FOREVER_MS
        if self._soon:
            next_ms = self._soon[0] >> 64
        elif self._spans:
            next_ms = self._least_ms[self._spans[0]]
        if self._others and self._others[0][0] < next_ms:
            next_ms = self._others[0][0]
        return None if next_ms == FOREVER_MS else next_ms

    def pop(self, to_ms: int) -> tuple[int, Due, int | str] | None:
        """Take the next entry due by `to_ms`: of an alert by its code, of an incident by its id."""
        next_ms = self.next_ms()
        if next_ms is None or next_ms > to_ms:
            return None
        if not self._soon and self._spans and self._least_ms[self._spans[0]] <= next_ms:
            self._open_span()
        if self._soon and self._soon[0] >> 64 == next_ms:
            return next_ms, Due.ALERT, heapq.heappop(self._soon) & _CODE
        return heapq.heappop(self._others)

    def _open_span(self) -> None:
        """Put the entries of the first span in order."""
        span = heapq.heappop(self._spans)
        del self._least_ms[span]
        pairs = np.frombuffer(self._later.pop(span), np.uint64).reshape(-1, 2)
        times_ms, codes = pairs[:, 0].view(np.int64).tolist(), pairs[:, 1].tolist()
        self._soon = sorted([due_ms << 64 | code for due_ms, code in zip(times_ms, codes, strict=True)])
        self._edge = span + 1
