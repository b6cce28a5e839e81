"""What people said of a kind of alert counts when the next of its kind begins to fire, and fades with months."""

from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.core.actionability.tuning import JUDGED_HALF_LIFE_MS, JUDGED_SHRINK, MOST_JUDGED
from pipeline.core.decay import remaining
from pipeline.core.logarithm import ln
from schemas import Outcome, Verdict

_NEEDED = {  # whether somebody had to act; a duplicate says nothing of what it told of
    Verdict.ACTIONABLE: True,
    Verdict.POOR_DETAILS: True,
    Verdict.NOT_ACTIONABLE: False,
    Verdict.FALSE_POSITIVE: False,
}


class Said(NamedTuple):
    """Of one kind: how often somebody had to act, how often nobody had to, as of when."""

    needed: float
    idle: float
    at_ms: int

    def at(self, now_ms: int) -> "Said":
        """What of it has not faded."""
        left = remaining(max(0, now_ms - self.at_ms), JUDGED_HALF_LIFE_MS)
        return Said(self.needed * left, self.idle * left, max(now_ms, self.at_ms))


@dataclass(slots=True)
class Judged:
    """What people said in one scope, by kind; of too many kinds, what was judged longest ago goes."""

    known: dict[int, Said] = field(default_factory=dict)

    def hear(self, template: int, mark: Outcome | None, before: Outcome | None, now_ms: int) -> None:
        """`mark` stands from now on, where `before` stood. Only a person's counts."""
        said = self.known.pop(template, Said(0.0, 0.0, now_ms)).at(now_ms)
        for outcome, more in ((before, -1.0), (mark, 1.0)):
            needed = _needed(outcome)
            if needed is not None:
                said = said._replace(needed=max(0.0, said.needed + more)) if needed else _idle(said, more)
        if said.needed or said.idle:
            if len(self.known) >= MOST_JUDGED:
                del self.known[next(iter(self.known))]
            self.known[template] = said

    def term(self, template: int, now_ms: int) -> float:
        """By so much log-odds it is likelier that somebody has to act; 0: nobody said anything.

        The log-odds of what was said with as many imaginary answers for either side (a Beta posterior's mean), a
        multiple of 1/1024.
        """
        said = self.known.get(template)
        if said is None:
            return 0.0
        needed, idle, _ = said.at(now_ms)
        return term_of(needed, idle)


def term_of(needed: float, idle: float) -> float:
    """The log-odds that so many answers are worth."""
    return round(ln((needed + JUDGED_SHRINK) / (idle + JUDGED_SHRINK)) * 1024.0) / 1024.0


def _needed(outcome: Outcome | None) -> bool | None:
    return None if outcome is None or not outcome.is_person else _NEEDED.get(outcome.verdict)


def _idle(said: Said, more: float) -> Said:
    return said._replace(idle=max(0.0, said.idle + more))
