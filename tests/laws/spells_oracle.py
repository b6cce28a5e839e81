"""The slow twin of `Spells`: lists of what was, and the rule as a person says it. Nothing is ever forgotten."""

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction

STEP_MS = 30_000
WHOLE = 1 << 20

Past = list[tuple[int, int]]  # minute of the day at which it began, steps before whose end it was over


@dataclass
class OracleSpells:
    """What `Spells` does."""

    past: dict[int, Past] = field(default_factory=lambda: defaultdict(list))

    def end(self, template: int, alert: int, began_ms: int, after_ms: int) -> None:
        steps = min(max(after_ms, 0) // STEP_MS + 1, 255)
        for key in (template, alert):
            self.past[key].append((began_ms // 60_000 % 1440, steps))

    def choose(
        self, template: int, alert: int, at_ms: int, most_ms: int, patience_ms: int
    ) -> tuple[int, float, int, int]:
        ended, template_ended = len(self.past.get(alert, [])), len(self.past.get(template, []))
        best, chosen = 0.0, (0, 0.0)
        if max(ended, template_ended) >= 5:
            of_template, own = self.past.get(template, [])[-32:], self.past.get(alert, [])[-32:]
            minute = at_ms // 60_000 % 1440
            about = [one for one in own if min((one[0] - minute) % 1440, (minute - one[0]) % 1440) <= 60]
            gone = [0.0]
            for step in range(1, min(most_ms // STEP_MS, 120) + 1):
                share = 0.0
                for past, lean in ((of_template, 4.0), (own, 1.0), (about, 4.0)):
                    share = _share(past, step, share, lean)
                gone.append(share)
            for step, share in enumerate(gone):
                worth = share - (1 - share) * (step * 30.0) / (patience_ms / 1000)
                if worth > best:
                    later = min(step + 2, len(gone) - 1)
                    best, chosen = worth, (later * STEP_MS, gone[later])
        return (*chosen, ended, template_ended)

    def hours(self, key: int, at_ms: int) -> tuple[int, int]:
        kept, minute = self.past.get(key, [])[-32:], at_ms // 60_000 % 1440
        return len(kept), sum(min((one - minute) % 1440, (minute - one) % 1440) <= 60 for one, _ in kept)


def _share(past: Past, step: int, wider: float, lean: float) -> float:
    """The share of these that was over before the step, the newest counting most; as if `lean` more did as before."""
    weights = [WHOLE]
    for _ in past:
        weights.append(weights[-1] * 80 // 100)
    newest_first = list(zip(reversed(past), weights, strict=False))
    over = sum(weight for (_, steps), weight in newest_first if steps <= step)
    total = sum(weight for _, weight in newest_first)
    return (float(Fraction(over, WHOLE)) + lean * wider) / (float(Fraction(total, WHOLE)) + lean)
