"""The digest of what paged nobody: quiet is not gone, so each kind is listed, with why and what is known of it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from pipeline.report.facts import Case


class QuietKind(NamedTuple):
    """A template's incidents that nobody was told of for one reason; `held`: over before their page had to go out."""

    name: str
    template: str
    reason: str
    incidents: int
    events: int
    missed: int  # of the incidents, those known to have needed somebody
    last: str  # what the last of them said of itself,
    last_id: str  # and its id


def digest(cases: Iterable[Case]) -> list[QuietKind]:
    """Of the incidents of a period, those with most incidents first."""
    several = defaultdict[tuple[str, str], list[Case]](list)
    for case in cases:
        if not case.is_paged:
            several[case.template, str(case.quiet or "unknown")].append(case)
    found = [_quieted(template, reason, some) for (template, reason), some in several.items()]
    return sorted(found, key=lambda one: (-one.incidents, one.name, one.template, one.reason))


def _quieted(template: str, reason: str, some: list[Case]) -> QuietKind:
    last = max(some, key=lambda case: (case.opened_ms, case.incident_id))
    events, missed = sum(case.events for case in some), sum(case.is_actionable is True for case in some)
    return QuietKind(last.name, template, reason, len(some), events, missed, last.summary, last.incident_id)
