"""What people said of a template counts when the next of its alerts begins to fire, and fades with months."""

from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.core.actionability.tuning import JUDGED_HALF_LIFE_MS, JUDGED_SHRINK, MOST_JUDGED, MOST_PAST
from pipeline.core.decay import remaining
from pipeline.core.logarithm import ln
from schemas import Outcome


class Past(NamedTuple):
    """An incident that is over for good: the template that opened it, and what a person said of it last."""

    template: int
    needed: bool | None
    at_ms: int


class Said(NamedTuple):
    """Of one template: how often somebody had to act, how often nobody had to, as of when."""

    needed: float
    idle: float
    at_ms: int

    def at(self, now_ms: int) -> "Said":
        """What of it has not faded."""
        left = remaining(max(0, now_ms - self.at_ms), JUDGED_HALF_LIFE_MS)
        return Said(self.needed * left, self.idle * left, max(now_ms, self.at_ms))


@dataclass(slots=True)
class Judged:
    """What people said in one scope, by template; of too many, what was judged longest ago goes."""

    known: dict[int, Said] = field(default_factory=dict)
    past: dict[str, Past] = field(default_factory=dict)  # by incident: most marks come when it is over

    def hear(self, template: int, needed: bool | None, before: bool | None, now_ms: int) -> None:
        """Somebody had to act, or nobody, or that is not known; and what was said of the same incident before."""
        said = self.known.pop(template, Said(0.0, 0.0, now_ms)).at(now_ms)
        for is_needed, more in ((before, -1.0), (needed, 1.0)):
            if is_needed:
                said = said._replace(needed=max(0.0, said.needed + more))
            elif is_needed is not None:
                said = said._replace(idle=max(0.0, said.idle + more))
        if said.needed or said.idle:
            if len(self.known) >= MOST_JUDGED:
                del self.known[next(iter(self.known))]
            self.known[template] = said

    def remember(self, incident_id: str, template: int, mark: Outcome | None) -> None:
        """An incident is forgotten, but what is said of it yet counts."""
        if len(self.past) >= MOST_PAST:
            del self.past[next(iter(self.past))]
        self.past[incident_id] = Past(template, needed_of(mark), 0 if mark is None else mark.at_ms)

    def hear_late(self, outcome: Outcome, now_ms: int) -> None:
        """An outcome of an incident that is forgotten, or of another scope. The latest mark of a person stands."""
        past = self.past.get(outcome.incident_id)
        if past is None or not (outcome.verdict.is_mark and outcome.is_person):
            return
        if past.needed is not None and past.at_ms > outcome.at_ms:
            return
        needed = needed_of(outcome)
        self.hear(past.template, needed, past.needed, now_ms)
        self.past[outcome.incident_id] = Past(past.template, needed, outcome.at_ms)

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


def needed_of(outcome: Outcome | None) -> bool | None:
    """Whether somebody had to act, as a person's mark says; None: it does not say."""
    return None if outcome is None or not outcome.is_person else outcome.verdict.is_needed
