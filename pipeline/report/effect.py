"""What a change of the policy would have done in the very week: its events through the same core, with and without.

So are the silences, outcomes and changes of that week, where the archive has them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from pipeline.core.learned import NOTHING, Learned
from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from pipeline.report.facts import Case, Period
from schemas import Alerts, Control, Tick


class Effect(NamedTuple):
    """Pages more (or fewer, below 0) of all; of `acted` incidents that people had to act on, those nobody is told of.

    And those of which one is told later, by how much at the median.
    """

    pages: int
    of: int
    missed: int
    acted: int
    later: int
    later_ms: int


class Told(NamedTuple):
    """What a replay told people: how many pages, and when of each alert, in each incident first."""

    pages: int
    of_alert: dict[str, dict[str, int]]

    def of(self, case: Case) -> int | None:
        """When it told of the first alert of `case` while that lasted."""
        times = self.of_alert.get(case.fingerprint, {}).values()
        end_ms = case.resolved_ms
        return min((at for at in times if at >= case.opened_ms and (end_ms is None or at < end_ms)), default=None)


def told_of(
    records: Sequence[Alerts | Control],
    policy: Policy,
    period: Period,
    hear: Callable[[Facts], None] | None = None,
    learned: Learned = NOTHING,
) -> Told:
    """Replay `records`, which may begin before `period`, so that what is usual is known; count what is in it.

    `hear` is told of each step, for whoever counts more.
    """
    told = dict[str, dict[str, int]]()
    pages = 0
    for facts in _steps(Triage(policy, learned), records):
        if hear is not None:
            hear(facts)
        at_ms = {(one.incident_id, one.revision): one.updated_at_ms for one in facts.incidents}
        details = [page.payload.custom_details for page in facts.pages]
        pages += sum(one.reason.pages and period.has(at_ms.get((one.incident_id, one.revision), 0)) for one in details)
        for incident in facts.incidents:
            if incident.is_paged:
                for member in incident.members:
                    told.setdefault(member.fingerprint, {}).setdefault(incident.incident_id, incident.updated_at_ms)
    return Told(pages, told)


def effect(before: Told, after: Told, cases: Iterable[Case]) -> Effect:
    """The difference, for incidents in which people had to act."""
    known = [(case, was) for case in cases if case.is_actionable and (was := before.of(case)) is not None]
    now = [(was, after.of(case)) for case, was in known]
    later = sorted(at - was for was, at in now if at is not None and at > was)
    return Effect(
        pages=after.pages - before.pages,
        of=before.pages,
        missed=sum(at is None for _, at in now),
        acted=len(known),
        later=len(later),
        later_ms=later[len(later) // 2] if later else 0,
    )


def _steps(triage: Triage, records: Sequence[Alerts | Control]) -> Iterator[Facts]:
    for start in range(0, len(records), 500):
        yield triage.step(records[start : start + 500])
    while (due_ms := triage.next_deadline_ms()) is not None:
        yield triage.step([Tick(at_ms=due_ms + 1)])
