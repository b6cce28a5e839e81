"""Silences: what people asked not to be paged for, and until when. From the policy file, and from the log."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pipeline.core.columns import FOREVER_MS, NEVER_MS
from pipeline.core.matcher import Matchers, all_match, parse_matchers
from pipeline.core.policy import Policy
from schemas import Silence

END_MS = 253_402_300_799_999  # the end of the calendar
REMEMBERED_MS = 5 * 86_400_000  # an ended silence is forgotten after this, as in Alertmanager
MOST = 10_000  # silences from the log; beyond it the one that ends first makes room, and its alerts page


class _Span(NamedTuple):
    match: Matchers
    starts_at_ms: int
    ends_at_ms: int


class Silences:
    """Every silence that may hold. Shared by all scopes: a silence names labels, not scopes."""

    def __init__(self, policy: Policy, known: Iterable[Silence] = ()) -> None:
        self._fixed = [_Span(s.match, s.starts_at_ms, s.ends_at_ms) for s in policy.silences]
        self._records: dict[str, Silence] = {}
        self._spans: dict[str, _Span] = {}
        self.is_empty = not self._fixed  # whether there is none at all
        self._last_begins_ms = max([span.starts_at_ms for span in self._fixed], default=NEVER_MS)
        for silence in known:
            self._keep(silence)

    def records(self) -> list[Silence]:
        """Those from the log, for a snapshot."""
        return list(self._records.values())

    def set(self, silence: Silence, now_ms: int) -> None:
        """Make, change or end (by its `ends_at_ms`) a silence; what is older than what is known changes nothing."""
        known_now = self._records.get(silence.id)
        if known_now is not None and silence.updated_at_ms < known_now.updated_at_ms:
            return
        for known in [s for s in self._records.values() if s.ends_at_ms + REMEMBERED_MS < now_ms]:
            self._forget(known.id)
        self._keep(silence)
        if len(self._records) > MOST:
            self._forget(min(self._records.values(), key=lambda s: (s.ends_at_ms, s.id)).id)

    def until_ms(self, labels: Mapping[str, str], now_ms: int) -> int | None:
        """When the last silence ends that names these labels now; None if none does."""
        ends = [
            span.ends_at_ms
            for spans in (self._fixed, self._spans.values())
            for span in spans
            if span.starts_at_ms <= now_ms < span.ends_at_ms and all_match(span.match, labels)
        ]
        return max(ends, default=None)

    def begins_ms(self, labels: Mapping[str, str], now_ms: int) -> int:
        """When the next silence begins that names these labels, and does not yet hold; FOREVER_MS: none."""
        if now_ms >= self._last_begins_ms:  # almost always: silences begin when they are said
            return FOREVER_MS
        begins = [
            span.starts_at_ms
            for spans in (self._fixed, self._spans.values())
            for span in spans
            if now_ms < span.starts_at_ms < span.ends_at_ms and all_match(span.match, labels)
        ]
        return min(begins, default=FOREVER_MS)

    def _keep(self, silence: Silence) -> None:
        try:
            match = parse_matchers(silence.matchers)
        except ValueError:  # written by something newer, or foreign: what cannot be read silences nothing
            return
        self._records[silence.id] = silence
        self._spans[silence.id] = _Span(match, silence.starts_at_ms, silence.ends_at_ms)
        self._last_begins_ms = max(self._last_begins_ms, silence.starts_at_ms)
        self.is_empty = False

    def _forget(self, silence_id: str) -> None:
        del self._records[silence_id]
        del self._spans[silence_id]
        self.is_empty = not (self._fixed or self._spans)
