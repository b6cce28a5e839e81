"""How rare each token is, and how often it usually comes: learned as the stream goes."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.core.correlation.tuning import RATE_HALF_LIFE_MS, RATE_PRIOR_MS, RATE_SPAN_MS
from pipeline.core.decay import remaining


@dataclass(slots=True)
class Vocabulary:
    """Tokens by number, in the order in which they first came."""

    texts: list[str] = field(default_factory=list)
    alerts: list[int] = field(default_factory=list)  # distinct alerts that have the token
    onsets: list[float] = field(default_factory=list)  # how often one of them began, fading
    onset_at_ms: list[int] = field(default_factory=list)  # as of when
    began_at_ms: int = 0  # the first event of the scope
    numbers: dict[str, int] = field(default_factory=dict)  # derived

    def __post_init__(self) -> None:
        """Number what a snapshot held."""
        self.numbers = {text: number for number, text in enumerate(self.texts)}

    def learn(self, texts: Iterable[str]) -> tuple[int, ...]:
        """The tokens of one more distinct alert."""
        found = []
        for text in texts:
            number = self.numbers.get(text)
            if number is None:
                number = self.numbers[text] = len(self.texts)
                self.texts.append(text)
                self.alerts.append(0)
                self.onsets.append(0.0)
                self.onset_at_ms.append(0)
            self.alerts[number] += 1
            found.append(number)
        return tuple(found)

    def hear_onset(self, tokens: Iterable[int], at_ms: int) -> None:
        """An alert with these tokens has begun."""
        for token in tokens:
            self.onsets[token] = self._fading(token, at_ms) + 1.0
            self.onset_at_ms[token] = max(at_ms, self.onset_at_ms[token])

    def take_back_onset(self, tokens: Iterable[int], at_ms: int) -> None:
        """What began with these tokens is explained by something else: it says nothing of what is usual."""
        for token in tokens:
            self.onsets[token] = max(0.0, self._fading(token, at_ms) - 1.0)
            self.onset_at_ms[token] = max(at_ms, self.onset_at_ms[token])

    def usual_per_ms(self, token: int, at_ms: int) -> float:
        """How often the token usually comes, from its onsets of some hours; as if one more had come in ten minutes."""
        return (self._fading(token, at_ms) + 1.0) / self._watched_ms(at_ms)

    def least_per_ms(self, token: int, at_ms: int) -> float:
        """No more than `usual_per_ms`, and at least half of it where the token came lately; in a third of the time."""
        is_lately = at_ms - self.onset_at_ms[token] <= RATE_HALF_LIFE_MS
        return ((0.5 * self.onsets[token] if is_lately else 0.0) + 1.0) / self._watched_ms(at_ms)

    def is_expected(self, token: int, at_ms: int, since_ms: float, most: float) -> bool:
        """Whether more than `most` of the token usually come in so long a time."""
        if self.least_per_ms(token, at_ms) * since_ms > most:  # to round keeps an order, so this is exact
            return True
        return self.usual_per_ms(token, at_ms) * since_ms > most

    def _watched_ms(self, at_ms: int) -> int:
        return max(0, min(at_ms - self.began_at_ms, RATE_SPAN_MS)) + RATE_PRIOR_MS

    def _fading(self, token: int, at_ms: int) -> float:
        count, elapsed_ms = self.onsets[token], at_ms - self.onset_at_ms[token]
        return count * remaining(elapsed_ms, RATE_HALF_LIFE_MS) if count and elapsed_ms > 0 else count
