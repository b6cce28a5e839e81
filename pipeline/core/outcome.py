"""Which outcome of an incident stands: a person's before a program's, then the latest. A deed never hides a mark.

Senders repeat themselves: what was heard before changes nothing. An acknowledgement older than what was done since is
kept, if it is a person's, but does not quieten what was called out meanwhile.
"""

from pipeline.core.incidents import Open
from schemas import Outcome


def is_heard(incident: Open, outcome: Outcome) -> bool:
    """Whether it is what stands already."""
    known = _standing(incident, outcome)
    return known is not None and (outcome == known or (outcome.id != "" and outcome.id == known.id))


def is_past(incident: Open, outcome: Outcome) -> bool:
    """Whether a later deed stands, so that nothing follows from this one."""
    return incident.outcome is not None and outcome.at_ms < incident.outcome.at_ms


def keep(incident: Open, outcome: Outcome) -> bool:
    """Keep it as what stands, if it prevails. Whether that is news: the same mark again is none."""
    known = _standing(incident, outcome)
    if known is not None and not _prevails(outcome, known):
        return False
    if outcome.verdict.is_mark:
        incident.mark = outcome
    else:
        incident.outcome = outcome
    return True


def _standing(incident: Open, outcome: Outcome) -> Outcome | None:
    return incident.mark if outcome.verdict.is_mark else incident.outcome


def _prevails(outcome: Outcome, known: Outcome) -> bool:
    if outcome.is_person is not known.is_person:
        return outcome.is_person
    return outcome.at_ms >= known.at_ms and not _says_the_same(outcome, known)


def _says_the_same(outcome: Outcome, known: Outcome) -> bool:
    """Whether a mark only repeats what stands. A deed that is done again is done again."""
    if not outcome.verdict.is_mark:
        return False
    return (outcome.verdict, outcome.by, outcome.note) == (known.verdict, known.by, known.note)
