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
        watched_ms = max(0, min(at_ms - self.began_at_ms, RATE_SPAN_MS)) + RATE_PRIOR_MS
        return (self._fading(token, at_ms) + 1.0) / watched_ms

    def _fading(self, token: int, at_ms: int) -> float:
        count = self.onsets[token]
        if not count:
            return 0.0
        return count * remaining(max(0, at_ms - self.onset_at_ms[token]), RATE_HALF_LIFE_MS)
