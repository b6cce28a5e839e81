"""Labels whose value changes while the thing does not: each new value is a new alert, and pages anew."""

from typing import NamedTuple

from pipeline.core.firings import Firings
from pipeline.core.policy import Policy
from pipeline.core.volatile import Proposal, policy_line, proposals
from pipeline.report.facts import Period
from pipeline.report.past import turns
from pipeline.report.query import Archive

MOST_TURNS = 10_000  # begins and ends that are looked at, the latest: half a second, of which half to read them


class Volatile(NamedTuple):
    """What was found, the line of the policy that drops them, and of how many begins and ends that was learned."""

    labels: list[Proposal]
    line: str | None
    learned_of: int


def volatile_labels(archive: Archive, period: Period, policy: Policy) -> Volatile:
    """As `pagesieve policy suggest` finds them in recorded events, in those of the archive."""
    history, learned_of = Firings(policy), 0
    for record in turns(archive, period, MOST_TURNS):
        for alert in record.alerts:
            history.hear(alert)
            learned_of += 1
    found = proposals(history.state)
    return Volatile(found, policy_line(found, policy.drop_labels) if found else None, learned_of)
