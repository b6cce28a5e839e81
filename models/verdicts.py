"""What people said of an incident as one answer: a person is believed before a program, a mark before a deed.

Whoever marks an incident judges it. A deed only hints: who acknowledges may do so in their sleep, who resolves, hands
on or writes a note has looked. What nobody touched and ended by itself hints that nobody had to.
"""

from collections.abc import Iterable
from typing import NamedTuple

from schemas import Outcome, Verdict


class Judgement(NamedTuple):
    """Whether a person had to act, and how far that is believed, in (0, 1]."""

    is_true: bool
    weight: float


UNTOUCHED = Judgement(is_true=False, weight=0.1)
BY_A_PROGRAM = 0.5  # of what it would be worth of a person
_DEEDS = {  # of a person; those of programs say nothing of people
    Verdict.ACKNOWLEDGED: 0.2,
    Verdict.RESOLVED: 0.5,
    Verdict.REASSIGNED: 0.5,
    Verdict.ANNOTATED: 0.5,
}


def judge(outcomes: Iterable[Outcome]) -> Judgement | None:
    """What the outcomes of one incident say together; None: nothing."""
    in_order = sorted(outcomes, key=lambda one: (one.is_person, one.at_ms))
    marks = [one for one in in_order if one.verdict.is_mark]
    if marks:
        last = marks[-1]
        is_true = last.verdict.is_needed
        return None if is_true is None else Judgement(is_true, 1.0 if last.is_person else BY_A_PROGRAM)
    weight = max((_DEEDS.get(one.verdict, 0.0) for one in in_order if one.is_person), default=0.0)
    return Judgement(is_true=True, weight=weight) if weight else None
