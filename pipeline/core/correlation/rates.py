"""How often each token usually comes, in some hours: learned as the stream goes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.core.correlation.tuning import RATE_HALF_LIFE_MS, RATE_PRIOR_MS, RATE_SPAN_MS
from pipeline.core.decay import remaining

_LATELY_MS, _LEFT = RATE_HALF_LIFE_MS // 8, 0.9  # 2^(-1/8) is .917


@dataclass(slots=True)
class Rates:
    """Of each token by number."""

    began_at_ms: int = 0  # the first event of the scope
    onsets: list[float] = field(default_factory=list)  # how often an alert with it began, fading
    onset_at_ms: list[int] = field(default_factory=list)  # as of when

    def add(self) -> None:
        """One more token, which has not come yet."""
        self.onsets.append(0.0)
        self.onset_at_ms.append(0)

    def copy_of(self, tokens: Sequence[int]) -> "Rates":
        """Those of these tokens, which have the numbers from 0 there."""
        return Rates(
            self.began_at_ms, [self.onsets[token] for token in tokens], [self.onset_at_ms[token] for token in tokens]
        )

    def hear(self, tokens: Iterable[int], at_ms: int) -> None:
        """An alert with these tokens has begun."""
        onsets, onset_at_ms = self.onsets, self.onset_at_ms
        for token in tokens:
            count, elapsed_ms = onsets[token], at_ms - onset_at_ms[token]
            if elapsed_ms > 0:
                onset_at_ms[token] = at_ms
                count *= remaining(elapsed_ms, RATE_HALF_LIFE_MS) if count else 1.0
            onsets[token] = count + 1.0

    def take_back(self, tokens: Iterable[int], at_ms: int) -> None:
        """What began with these tokens is explained by something else: it says nothing of what is usual."""
        for token in tokens:
            self.onsets[token] = max(0.0, self._fading(token, at_ms) - 1.0)
            self.onset_at_ms[token] = max(at_ms, self.onset_at_ms[token])

    def watched_ms(self, at_ms: int) -> int:
        """Over how long `usual` counts."""
        return max(0, min(at_ms - self.began_at_ms, RATE_SPAN_MS)) + RATE_PRIOR_MS

    def usual(self, token: int, at_ms: int) -> float:
        """How often the token came in some hours; as if once more in ten minutes."""
        return self._fading(token, at_ms) + 1.0

    def least(self, token: int, at_ms: int) -> float:
        """No more than `usual`, and nearly that where the token came lately, in half of the time.

        What is compared with something by it is compared exactly: to round keeps an order.
        """
        is_lately = at_ms - self.onset_at_ms[token] <= _LATELY_MS
        return (_LEFT * self.onsets[token] if is_lately else 0.0) + 1.0

    def surprising(self, tokens: Iterable[int], at_ms: int, since_ms: float, most: float) -> list[int]:
        """Those of these tokens of which no more than `most` usually come in so long a time."""
        watched_ms, onsets, onset_at_ms, usual = self.watched_ms(at_ms), self.onsets, self.onset_at_ms, self.usual
        return [
            token
            for token in tokens
            # First by `least`, without a call for each.
            if (
                at_ms - onset_at_ms[token] > _LATELY_MS or (_LEFT * onsets[token] + 1.0) / watched_ms * since_ms <= most
            )
            and usual(token, at_ms) / watched_ms * since_ms <= most
        ]

    def _fading(self, token: int, at_ms: int) -> float:
        count, elapsed_ms = self.onsets[token], at_ms - self.onset_at_ms[token]
        return count * remaining(elapsed_ms, RATE_HALF_LIFE_MS) if count and elapsed_ms > 0 else count


class Both(NamedTuple):
    """Two kinds of alerts as one: how often a token comes with either."""

    one: Rates
    other: Rates

    def watched_ms(self, at_ms: int) -> int:
        """See `Rates`."""
        return self.one.watched_ms(at_ms)

    def usual(self, token: int, at_ms: int) -> float:
        """See `Rates`."""
        return self.one.usual(token, at_ms) + self.other.usual(token, at_ms) - 1.0

    def least(self, token: int, at_ms: int) -> float:
        """See `Rates`."""
        return self.one.least(token, at_ms) + self.other.least(token, at_ms) - 1.0

    def surprising(self, tokens: Iterable[int], at_ms: int, since_ms: float, most: float) -> list[int]:
        """See `Rates`."""
        watched_ms = self.watched_ms(at_ms)
        return [token for token in tokens if self.usual(token, at_ms) / watched_ms * since_ms <= most]
