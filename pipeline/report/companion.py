"""A companion is the critical alert beside which a template always comes: who is paged for it need not hear of both."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipeline.report.facts import DAY_MS, Case, Facts
from pipeline.report.kpi import Ratio, first_pages
from schemas import Severity

ENOUGH = 3  # times that they came together
LOOKED_AT = 200  # the latest pages of a template, and for each those that began in the day before
_NEVER_EQUAL = frozenset({"alertname", "severity"})


class Companion(NamedTuple):
    """Its name, the labels in which both always agreed, and how often it fired before the template paged."""

    name: str
    equal: tuple[str, ...]
    together: Ratio


def companions(facts: Facts, templates: Sequence[str]) -> dict[str, Companion]:
    """Of those of `templates` that have one: nine of ten of its pages came while the companion fired already.

    What is critical for more than half of the time comes with everything, and is no companion of anything; without a
    label in which both agree, a rule would keep quiet what has nothing to do with it.
    """
    told = first_pages(facts.pages)
    critical = [case for case in facts.cases if case.severity == Severity.CRITICAL]  # by when they opened
    always = _too_long(facts, critical)
    critical = [case for case in critical if case.template not in always]
    found = {}
    for template in templates:
        paged = [case for case in facts.cases if case.template == template and case.incident_id in told][-LOOKED_AT:]
        companion = _companion(paged, critical, told) if len(paged) >= ENOUGH else None
        if companion:
            found[template] = companion
    return found


def _companion(paged: Sequence[Case], critical: Sequence[Case], told: Mapping[str, int]) -> Companion | None:
    opened = [case.opened_ms for case in critical]
    count, equal = Counter[str](), dict[str, set[str]]()
    for case in paged:
        at_ms, beside = told[case.incident_id], dict[str, set[str]]()
        for other in critical[bisect_right(opened, at_ms - DAY_MS) : bisect_right(opened, at_ms)]:
            if other.template != case.template and (other.resolved_ms is None or other.resolved_ms > at_ms):
                shared = {name for name, _ in set(case.labels) & set(other.labels)} - _NEVER_EQUAL
                beside[other.name] = max(beside.get(other.name, set()), shared, key=len)
        for name, shared in beside.items():
            if shared:
                count[name] += 1
                equal[name] = equal.get(name, shared) & shared
    ranked = sorted((-times, name) for name, times in count.items() if equal[name] and times * 10 >= len(paged) * 9)
    if not ranked or -ranked[0][0] < ENOUGH:
        return None
    times, name = ranked[0]
    return Companion(name, tuple(sorted(equal[name])), Ratio(-times, len(paged)))


def _too_long(facts: Facts, critical: Sequence[Case]) -> set[str]:
    period, lasted = facts.period, Counter[str]()
    for case in critical:
        until_ms = period.until_ms if case.resolved_ms is None else min(case.resolved_ms, period.until_ms)
        lasted[case.template] += max(0, until_ms - max(case.opened_ms, period.from_ms))
    return {name for name, ms in lasted.items() if ms * 2 > period.until_ms - period.from_ms}
