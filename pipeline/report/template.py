"""The noisiest templates: how often each paged, and what that was worth."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipeline.report.facts import Case, Facts
from pipeline.report.kpi import QUICK_MS, Ratio, actionable, first_pages, flapping, transient


class Noisy(NamedTuple):
    """A template that paged. `quick_ms`: how long nine of ten of its transient pages lasted from their beginning."""

    template: str
    name: str
    pages: int
    incidents: int
    actionable: Ratio
    transient: Ratio
    flap: Ratio
    severity: str
    owner: str | None
    runbook: str | None
    example: str
    example_id: str
    quick_ms: int


def noisiest(facts: Facts, most: int) -> list[Noisy]:
    """The templates with most pages in the period, those with as many by name."""
    template = {case.incident_id: case.template for case in facts.cases}
    counts = Counter(template[page.incident_id] for page in facts.pages if page.incident_id in template)
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:most]
    told = first_pages(facts.pages)
    return [_noisy(facts, told, name, pages) for name, pages in ranked]


def first_seen(facts: Facts) -> list[Case]:
    """Of each template that began in the period and was never there in the weeks before, the first incident."""
    known = {case.template for case in facts.cases if case.opened_ms < facts.period.from_ms}
    found: dict[str, Case] = {}
    for case in facts.mine:
        if case.template not in known:
            found.setdefault(case.template, case)
    return list(found.values())


def long_standing(facts: Facts, longer_ms: int) -> list[Case]:
    """What is open at the end of the period, and has been for longer than that, the oldest first."""
    end = facts.period.until_ms
    open_ = [case for case in facts.cases if case.resolved_ms is None or case.resolved_ms >= end]
    return sorted((case for case in open_ if case.opened_ms < end - longer_ms), key=lambda case: case.opened_ms)


def _noisy(facts: Facts, told: Mapping[str, int], template: str, pages: int) -> Noisy:
    cases: Sequence[Case] = [one for one in facts.cases if one.template == template and one.incident_id in told]
    lives = sorted(
        one.resolved_ms - one.opened_ms
        for one in cases
        if one.resolved_ms is not None and one.resolved_ms - told[one.incident_id] <= QUICK_MS
    )
    last = cases[-1]
    return Noisy(
        template=template,
        name=last.name,
        pages=pages,
        incidents=len(cases),
        actionable=actionable(cases),
        transient=transient(cases, told),
        flap=flapping(cases),
        severity=last.severity,
        owner=last.team,
        runbook=next((one.runbook for one in reversed(cases) if one.runbook), None),
        example=last.summary,
        example_id=last.incident_id,
        quick_ms=lives[len(lives) * 9 // 10] if lives else 0,
    )
