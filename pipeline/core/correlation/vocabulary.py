"""How rare each token is, and how often it usually comes: learned as the stream goes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.core.correlation.rates import Both, Rates


@dataclass(slots=True)
class Vocabulary:
    """Tokens by number, in the order in which they first came."""

    texts: list[str] = field(default_factory=list)
    alerts: list[int] = field(default_factory=list)  # distinct alerts that have the token
    rates: Rates = field(default_factory=Rates)  # how often one of them began, but for ...
    everyday: Rates = field(default_factory=Rates)  # ... those that keep coming back, which are usual by themselves
    numbers: dict[str, int] = field(default_factory=dict)  # derived

    def __post_init__(self) -> None:
        """Number what a snapshot held."""
        self.numbers = {text: number for number, text in enumerate(self.texts)}

    def learn(self, texts: Sequence[str]) -> tuple[int, ...]:
        """The tokens of one more distinct alert."""
        tokens, numbers, alerts = [], self.numbers, self.alerts
        for text in texts:
            token = numbers.get(text)
            if token is None:
                token = self._add(text)
            alerts[token] += 1
            tokens.append(token)
        return tuple(tokens)

    def begin(self, at_ms: int) -> None:
        """The first event of the scope came."""
        self.rates.began_at_ms = self.everyday.began_at_ms = at_ms

    def rates_of(self, *, is_everyday: bool) -> Rates:
        """Where an alert is counted."""
        return self.everyday if is_everyday else self.rates

    def usual_of(self, *, is_everyday: bool) -> Rates | Both:
        """What it is compared with: one that keeps coming back says nothing where its like or others usually come."""
        return Both(self.rates, self.everyday) if is_everyday else self.rates

    def _add(self, text: str) -> int:
        token = self.numbers[text] = len(self.texts)
        self.texts.append(text)
        self.alerts.append(0)
        self.rates.add()
        self.everyday.add()
        return token
