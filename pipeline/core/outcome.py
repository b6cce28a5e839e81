"""Which outcome of an incident stands: a person's before a program's, then the latest. A deed never hides a mark.

What is older than the deed that stands changes nothing: senders repeat themselves, and an acknowledgement that is told
again may not quieten what was called out since.
"""

from pipeline.core.incidents import Open
from schemas import Outcome


def is_heard(incident: Open, outcome: Outcome) -> bool:
    """Whether nothing is to follow from it: it was heard before, or something later was done since."""
    known = incident.mark if outcome.verdict.is_mark else incident.outcome
    if known is None:
        return False
    return outcome == known or (outcome.id != "" and outcome.id == known.id) or outcome.at_ms < known.at_ms


def keep(incident: Open, outcome: Outcome) -> bool:
    """Keep it as what stands, if it prevails. Whether that is news: the same mark again is none."""
    is_mark = outcome.verdict.is_mark
    known = incident.mark if is_mark else incident.outcome
    if known is not None and (known.is_person > outcome.is_person or _says_the_same(known, outcome)):
        return False
    if is_mark:
        incident.mark = outcome
    else:
        incident.outcome = outcome
    return True


def _says_the_same(known: Outcome, outcome: Outcome) -> bool:
    """Whether a mark only repeats what stands. A deed that is done again is done again."""
    if not outcome.verdict.is_mark:
        return False
    return all(getattr(known, name) == getattr(outcome, name) for name in ("verdict", "by", "note", "is_person"))
