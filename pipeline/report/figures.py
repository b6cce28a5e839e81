"""The figures of one period, by name, in the order in which they are read; each says what it is and what is good."""

from collections import defaultdict
from typing import NamedTuple

from pipeline.report import kpi
from pipeline.report.facts import Case, Facts, Paged
from pipeline.report.kpi import Ratio, Spread
from pipeline.report.misses import Missed, missed


class Figure(NamedTuple):
    """A figure: a share of something, or how long something took; and what it was in the four weeks before.

    `missed`: what stands beside a reduction, now and before, so that nobody reads the one without the other.
    """

    name: str
    means: str
    value: Ratio | Spread
    before: Ratio | Spread
    goal: str = ""
    missed: tuple[Missed, Missed] | None = None


def figures(facts: Facts, earlier: Facts) -> list[Figure]:
    """Of the week, beside the four weeks before."""
    now, then = _all(facts), _all(earlier)
    lost = missed(facts.mine, facts.period), missed(earlier.mine, earlier.period)
    return [
        Figure(name, means, now[name], then[name], goal, lost if name in _REDUCTIONS else None)
        for name, means, goal in _NAMES
    ]


def _all(facts: Facts) -> dict[str, Ratio | Spread]:
    mine, pages = facts.mine, facts.pages
    return {
        "compression": kpi.compression(facts.counts),
        "reduction": kpi.reduction(facts.counts),
        "noise reduction": kpi.noise_reduction(facts.counts),
        "actionable": kpi.actionable(mine),
        "transient": kpi.transient(mine, pages),
        "flapping": kpi.flapping(mine),
        "repeats within 7 days": kpi.repeats(facts, 7),
        "repeats within 30 days": kpi.repeats(facts, 30),
        "runbooks": kpi.runbooks(mine),
        "runbooks, tiers 0 and 1": kpi.runbooks(mine, ("0", "1")),
        "top 3 templates": kpi.top_share(facts.cases, pages, 3),
        "missed": missed(mine, facts.period).known,
        "time to detect": kpi.time_to_detect([case for case in mine if case.is_paged], pages),
        "time to acknowledge": kpi.time_to_acknowledge(mine, pages),
        "time to resolve": kpi.time_to_resolve(mine, pages),
        "added delay": kpi.added_delay(mine, pages),
    }


_REDUCTIONS = frozenset({"compression", "reduction", "noise reduction"})
_NAMES = (
    ("actionable", "of paged incidents that can be judged, somebody had to act", "70 to 80 % or more"),
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
    ("time to detect", "from when the alert began to hold to the first page", ""),
    ("time to acknowledge", "from the first page, where somebody did", ""),
    ("time to resolve", "from the first page, where it is over", ""),
    ("added delay", "from the first alert's arrival to its page: holds, silences, scores", ""),
)


class Group(NamedTuple):
    """The figures that differ from team to team."""

    name: str
    incidents: int
    pages: int
    actionable: Ratio
    transient: Ratio
    repeats: Ratio
    runbooks: Ratio


def by(facts: Facts, kind: str) -> list[Group]:
    """By `team`, `service` or `tier`, the one with most pages first."""
    cases, pages = defaultdict[str, list[Case]](list), defaultdict[str, list[Paged]](list)
    name_of = {case.incident_id: getattr(case, kind) or "" for case in facts.cases}
    for case in facts.cases:
        cases[name_of[case.incident_id]].append(case)
    for page in facts.pages:
        if page.incident_id in name_of:
            pages[name_of[page.incident_id]].append(page)
    names = {name_of[case.incident_id] for case in facts.mine}
    found = [_group(name, facts.only(cases[name], pages[name])) for name in names]
    return sorted(found, key=lambda group: (-group.pages, group.name))


def _group(name: str, facts: Facts) -> Group:
    mine = facts.mine
    return Group(
        name or "none named",
        facts.counts.incidents,
        facts.counts.pages,
        kpi.actionable(mine),
        kpi.transient(mine, facts.pages),
        kpi.repeats(facts, 7),
        kpi.runbooks(mine),
    )
