"""States of which far more begin than usual, and that share a value of a label or a name, have one cause.

The evidence that a value (or a name) surges is that of a Poisson test: of its onsets, fading with three minutes,
against its own hours of history. What a surge explains is taken out of the counts of the other values that its alerts
carry ("explaining away"), so that what they merely have in common does not surge with it. Only for sources that say
resolved: log-like events come in bursts as it is.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.core.correlation.known import Known
from pipeline.core.correlation.rates import Both, Rates
from pipeline.core.correlation.tuning import (
    SURGE_AT_LEAST,
    SURGE_ENDS_MS,
    SURGE_EVIDENCE,
    SURGE_FACTOR,
    SURGE_HALF_LIFE_MS,
    SURGE_SPAN_MS,
)
from pipeline.core.decay import remaining
from pipeline.core.logarithm import ln

_MOST_RECENT = 10_000  # onsets that a surge may still claim
_SWEPT_AT = 100_000  # counts; those that have faded go when there are twice as many


class Onset(NamedTuple):
    """An alert that began a short while ago, and what it carries."""

    at_ms: int
    code: int
    pairs: tuple[int, ...]


@dataclass(slots=True)
class Surge:
    """What surges in a scope."""

    counts: dict[int, float] = field(default_factory=dict)  # token → onsets, fading
    counted_at_ms: dict[int, int] = field(default_factory=dict)  # as of when
    recent: deque[Onset] = field(default_factory=deque)
    tokens: dict[int, None] = field(default_factory=dict)  # those that surge
    kinds: dict[int, None] = field(default_factory=dict)  # names, as tokens, of what is part of the surge
    incident_id: str | None = None  # that of the surge
    last_at_ms: int = 0  # when it last grew

    def hear(self, known: Known, at_ms: int, usual_of: Rates | Both) -> int | None:
        """An alert begins. The token that makes it part of a surge: one that does already, or begins to; else None."""
        if self.tokens and at_ms - self.last_at_ms > SURGE_ENDS_MS:
            self.tokens.clear()
            self.kinds.clear()
            self.incident_id = None
        while self.recent and at_ms - self.recent[0].at_ms > SURGE_SPAN_MS:
            self.recent.popleft()
        best, most, surging = None, SURGE_EVIDENCE, None
        watched_ms = usual_of.watched_ms(at_ms)
        for token, count in zip(known.pairs, self._count(known.pairs, at_ms), strict=True):
            is_surging = token in self.tokens
            if count < SURGE_AT_LEAST and not is_surging:  # almost always
                continue
            if count < SURGE_FACTOR * (usual_of.least(token, at_ms) / watched_ms * SURGE_SPAN_MS):
                continue
            usual = usual_of.usual(token, at_ms) / watched_ms * SURGE_SPAN_MS
            if count < SURGE_FACTOR * usual:
                continue
            if is_surging:
                surging = token
            elif (evidence := count * ln(count / usual) - (count - usual)) > most:
                best, most = token, evidence
        found = surging if surging is not None else best
        if found is None:
            return None
        self.last_at_ms = at_ms
        self.kinds[known.pairs[-1]] = None
        for token in known.pairs:
            if token not in self.tokens and token != best:
                self._take(token, at_ms, 1.0)
        return found

    def takes(self, known: Known, at_ms: int) -> int | None:
        """The token that makes an everyday alert part of the surge, if others of its kind are; it counts for none.

        It would have come anyway: that it carries what a whole cluster carries says nothing.
        """
        if at_ms - self.last_at_ms > SURGE_ENDS_MS or known.pairs[-1] not in self.kinds:
            return None
        return next((token for token in known.pairs if token in self.tokens), None)

    def begins(self, token: int, at_ms: int) -> list[Onset]:
        """Let the token surge. Those that began with it a short while ago, explained by it from now on."""
        self.tokens[token] = None
        claimed, rest = [], deque[Onset]()
        for onset in self.recent:
            if token not in onset.pairs:
                rest.append(onset)
                continue
            claimed.append(onset)
            self.kinds[onset.pairs[-1]] = None
            left = remaining(max(0, at_ms - onset.at_ms), SURGE_HALF_LIFE_MS)
            for other in onset.pairs:
                if other != token:
                    self._take(other, at_ms, left)
        self.recent = rest
        return claimed

    def remember(self, code: int, known: Known, at_ms: int) -> None:
        """An alert that no surge has claimed began, and one may yet."""
        if len(self.recent) >= _MOST_RECENT:
            self.recent.popleft()
        self.recent.append(Onset(at_ms, code, known.pairs))

    def forget_tokens(self) -> None:
        """The tokens have other numbers from now on."""
        for several in (self.counts, self.counted_at_ms, self.recent, self.tokens, self.kinds):
            several.clear()
        self.incident_id = None

    def _count(self, tokens: Sequence[int], at_ms: int) -> list[float]:
        """One more onset of each. How many there are by now."""
        counts, counted_at_ms, found = self.counts, self.counted_at_ms, []
        for token in tokens:
            count = counts.get(token)
            if count is None:
                count, counted_at_ms[token] = 0.0, at_ms
            elif at_ms > counted_at_ms[token]:
                count *= remaining(at_ms - counted_at_ms[token], SURGE_HALF_LIFE_MS)
                counted_at_ms[token] = at_ms
            counts[token] = count = count + 1.0
            found.append(count)
            if len(counts) > _SWEPT_AT:
                self._sweep(at_ms)
        return found

    def _take(self, token: int, at_ms: int, less: float) -> None:
        """So many onsets were none of this token."""
        count, counted_at_ms = self.counts.get(token, 0.0), self.counted_at_ms.get(token, at_ms)
        if count and at_ms > counted_at_ms:
            count *= remaining(at_ms - counted_at_ms, SURGE_HALF_LIFE_MS)
        self.counts[token], self.counted_at_ms[token] = max(0.0, count - less), max(at_ms, counted_at_ms)
        if len(self.counts) > _SWEPT_AT:
            self._sweep(at_ms)

    def _sweep(self, at_ms: int) -> None:
        old = [token for token, then_ms in self.counted_at_ms.items() if at_ms - then_ms > 10 * SURGE_SPAN_MS]
        for token in old or sorted(self.counts, key=lambda token: (self.counted_at_ms[token], token))[: _SWEPT_AT // 2]:
            del self.counts[token], self.counted_at_ms[token]
