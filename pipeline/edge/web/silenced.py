"""Which firing alerts of an incident are silenced now. In doubt none is: what may still page is not called quiet.

Triage asks whether an alert is silenced when something comes of it, so an incident that was paged before its silence
has no record that says so. The page compares its alerts with the silences that hold each time it is looked at.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson

from pipeline.codec import decode
from pipeline.core.matcher import Matchers, all_match, parse_matchers
from pipeline.core.policy import PolicySilence
from pipeline.core.silence import END_MS, MOST, REMEMBERED_MS
from pipeline.edge.web.row import Next, Row
from pipeline.errors import Rejected
from pipeline.log.entry import Entry
from schemas import Silence


class Silenced(NamedTuple):
    """What of an incident is silenced: `alerts` of those `firing`, at least where `is_least`."""

    alerts: int
    firing: int
    is_least: bool  # the others are not known here
    until_ms: int | None  # when the first of them is heard again; None: never, as it stands
    by: str
    comment: str

    @property
    def is_all(self) -> bool:
        """Whether nothing of it pages."""
        return self.alerts == self.firing

    @property
    def next(self) -> Next:
        """What comes next where all of it is silenced."""
        if self.until_ms is None:
            return Next("stays quiet until its alerts resolve", None)
        return Next("stays quiet until its silence ends {}, and may page again then if it still fires", self.until_ms)


class _Span(NamedTuple):
    match: Matchers
    starts_at_ms: int
    ends_at_ms: int
    by: str
    comment: str


class Silences:
    """Those of the policy and of the topic; beyond `most` of the topic's, the one that ends first is forgotten."""

    def __init__(self, fixed: Iterable[PolicySilence] = (), most: int = MOST) -> None:
        self._most = most
        self._fixed = [_Span(s.match, s.starts_at_ms, s.ends_at_ms, "the policy", s.comment) for s in fixed]
        self._spans: dict[str, tuple[int, _Span]] = {}  # id → when it was last changed, and what it says
        self._holding: tuple[int, list[_Span]] | None = None  # those that held when it was last asked

    def take(self, entry: Entry) -> None:
        """Take an entry of `silences`, unless what is known of it is newer. Raises Rejected."""
        silence = decode(Silence, entry.value)
        known = self._spans.get(silence.id)
        if known is not None and known[0] > silence.updated_at_ms:
            return
        try:
            match = parse_matchers(silence.matchers)
        except ValueError as exc:
            raise Rejected(str(exc), "matchers") from None
        span = _Span(match, silence.starts_at_ms, silence.ends_at_ms, silence.created_by, silence.comment)
        self._spans[silence.id], self._holding = (silence.updated_at_ms, span), None
        if len(self._spans) > self._most:
            del self._spans[min(self._spans, key=lambda one: (self._spans[one][1].ends_at_ms, one))]

    def over(self, row: Row, now_ms: int) -> Silenced | None:
        """What of the incident is silenced now; None if nothing that fires is."""
        holding = self._at(now_ms)
        if not holding:
            return None
        found = [span for facets in row.facets if (span := _last(holding, orjson.loads(facets))) is not None]
        if not found:
            return None
        first = min(found, key=lambda span: span.ends_at_ms)
        until_ms = None if first.ends_at_ms >= END_MS else first.ends_at_ms
        firing = max(row.line.firing, len(row.facets))
        return Silenced(len(found), firing, firing > len(row.facets), until_ms, first.by, first.comment)

    def _at(self, now_ms: int) -> list[_Span]:
        """Those that hold, the one that ends last first; a page asks for each of its lines."""
        if self._holding is None or self._holding[0] != now_ms:
            for old in [one for one, (_, span) in self._spans.items() if span.ends_at_ms + REMEMBERED_MS < now_ms]:
                del self._spans[old]
            spans = (*self._fixed, *(span for _, span in self._spans.values()))
            holding = [span for span in spans if span.starts_at_ms <= now_ms < span.ends_at_ms]
            self._holding = now_ms, sorted(holding, key=lambda span: -span.ends_at_ms)
        return self._holding[1]


def _last(holding: Sequence[_Span], labels: Mapping[str, str]) -> _Span | None:
    """Of those that name these labels the one that ends last."""
    return next((span for span in holding if all_match(span.match, labels)), None)
