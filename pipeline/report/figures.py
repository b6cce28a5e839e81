"""The figures of one period, by name, in the order in which they are read; each says what it is and what is good."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.report import kpi
from pipeline.report.facts import Case, Facts, Paged
from pipeline.report.kpi import Rate, Ratio, Spread
from pipeline.report.misses import Missed, missed
from pipeline.report.schedule import Load

Loads = tuple[Sequence[Load], Sequence[Load]]  # of the week, and of the four weeks before


Value = Ratio | Rate | Spread


class Figure(NamedTuple):
    """A figure: a share of something, or how long something took; and what it was in the four weeks before.

    `missed`: what stands beside a reduction, now and before, so that nobody reads the one without the other.
    """

    name: str
    means: str
    value: Value
    before: Value
    goal: str = ""
    missed: tuple[Missed, Missed] | None = None


def figures(facts: Facts, earlier: Facts, loads: Loads | None = None) -> list[Figure]:
    """Of the week, beside the four weeks before; `loads` of both: without them, nothing is said of shifts."""
    now, then = _all(facts), _all(earlier)
    if loads is not None:
        now, then = now | _of_shifts(loads[0]), then | _of_shifts(loads[1])
    lost = missed(facts.mine, facts.period), missed(earlier.mine, earlier.period)
    return [
        Figure(name, means, now[name], then[name], goal, lost if name in _REDUCTIONS else None)
        for name, means, goal in _NAMES
        if name in now
    ]


def _all(facts: Facts) -> dict[str, Value]:
    mine, pages = facts.mine, facts.pages
    told = kpi.first_pages(pages)
    return {
        "compression": kpi.compression(facts.counts),
        "reduction": kpi.reduction(facts.counts),
        "noise reduction": kpi.noise_reduction(facts.counts),
        "actionable": kpi.actionable(mine),
        "after hours": kpi.after_hours(pages),
        "asleep": kpi.asleep(pages),
        "transient": kpi.transient(mine, told),
        "flapping": kpi.flapping(mine),
        "repeats within 7 days": kpi.repeats(facts, 7),
        "repeats within 30 days": kpi.repeats(facts, 30),
        "runbooks": kpi.runbooks(mine),
        "runbooks, tiers 0 and 1": kpi.runbooks(mine, ("0", "1")),
        "top 3 templates": kpi.top_share(facts.cases, pages, 3),
        "missed": missed(mine, facts.period).known,
        "time to detect": kpi.time_to_detect([case for case in mine if case.is_paged], told),
        "time to acknowledge": kpi.time_to_acknowledge(mine, told),
        "time to resolve": kpi.time_to_resolve(mine, told),
        "added delay": kpi.added_delay(mine, told),
    }


def _of_shifts(loads: Sequence[Load]) -> dict[str, Value]:
    return {"pages a shift": kpi.pages_a_shift(loads), "pages an hour": kpi.pages_an_hour(loads)}


_REDUCTIONS = frozenset({"compression", "reduction", "noise reduction"})
_NAMES = (
    ("actionable", "of paged incidents that can be judged, somebody had to act", "70 to 80 % or more"),
    ("pages a shift", "of those who had a shift", "2 in 12 hours at most"),
    ("pages an hour", "likewise, of each hour on call", ""),
    ("after hours", "of all pages, 18 to 22 and weekends by the clock of whoever got them", "few"),
    ("asleep", "of all pages, 22 to 08 by the clock of whoever got them", "none that nobody needs"),
    ("transient", "of paged incidents, over within ten minutes, untouched", "few"),
    ("flapping", "of paged incidents, an alert flapped", "few"),
    ("repeats within 7 days", "of paged incidents, the same template paged before", "below 10 to 15 %"),
    ("repeats within 30 days", "likewise", "below 10 to 15 %"),
    ("runbooks", "of paged incidents, the first alert names one", ""),
    ("runbooks, tiers 0 and 1", "likewise, of the services that matter most", "above 90 %"),
    ("top 3 templates", "of all pages, made by the three noisiest", ""),
    ("missed", "of incidents kept quiet for their score, known to have needed somebody", "none"),
    ("compression", "1 - alerts/events", ""),
    ("reduction", "1 - incidents/alerts", ""),
    ("noise reduction", "1 - pages/events", ""),
    ("time to detect", "MTTD: from when the alert began to hold to the first page", ""),
    ("time to acknowledge", "MTTA: from the first page, where somebody did", ""),
    ("time to resolve", "MTTR: from the first page, where it is over", ""),
    ("added delay", "from the first alert's arrival to its page: holds, silences, scores", ""),
)


class Group(NamedTuple):
    """The figures of one team, service or tier; `pages_before` in those `weeks` of the four before that had any."""

    name: str
    incidents: int
    pages: int
    pages_before: int
    weeks: int
    figures: list[Figure]

    def figure(self, name: str) -> Figure:
        """The one of that name."""
        return next(one for one in self.figures if one.name == name)


def by(facts: Facts, earlier: Facts, kind: str, weeks: int = 4, most: int = 15) -> list[Group]:
    """By `team`, `service` or `tier`, the `most` with most pages, in that order."""
    now, then = _parts(facts, kind), _parts(earlier, kind)
    nothing = earlier.only((), ())
    there = [name for name, part in now.items() if part.counts.incidents or part.pages]
    found = []
    for name in sorted(there, key=lambda one: (-len(now[one].pages), one))[:most]:
        part, before = now[name], then.get(name, nothing)
        counts = part.counts.incidents, part.counts.pages, before.counts.pages
        found.append(Group(name or "none named", *counts, weeks, figures(part, before)))
    return found


def _parts(facts: Facts, kind: str) -> dict[str, Facts]:
    cases, pages = defaultdict[str, list[Case]](list), defaultdict[str, list[Paged]](list)
    name_of = {case.incident_id: getattr(case, kind) or "" for case in facts.cases}
    for case in facts.cases:
        cases[name_of[case.incident_id]].append(case)
    for page in facts.pages:
        pages[name_of.get(page.incident_id, "")].append(page)
    return {name: facts.only(cases[name], pages[name]) for name in {*cases, *pages}}
