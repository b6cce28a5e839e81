"""Every figure of the report, with what it means and who says so; none without the number that it is a share of.

Sources: *SRE book* is Google's "Site Reliability Engineering" (2016); *ITIL* has the meaning of MTTA and MTTR. Ours
where none is named; the goals are the project's own (issue 8). What was missed is figured out in `misses.py`.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import NamedTuple

from pipeline.report.facts import DAY_MS, Case, Counts, Facts, Hours, Paged
from pipeline.report.schedule import Load

QUICK_MS = 600_000  # what is over so soon after its page, untouched, was over before anybody could act


Told = Iterable[Paged] | Mapping[str, int]  # pages, or when a person was first told of each incident


class Ratio(NamedTuple):
    """A part of a whole; nothing of nothing has no share."""

    part: int
    whole: int

    @property
    def share(self) -> float | None:
        """In [0, 1]."""
        return self.part / self.whole if self.whole else None


class Rate(NamedTuple):
    """So many of something in so much of something else: pages in shifts, or in hours."""

    part: int
    whole: float
    per: str

    @property
    def each(self) -> float | None:
        """In one of them."""
        return self.part / self.whole if self.whole else None


class Spread(NamedTuple):
    """How long something took, of `measured` that did, among `whole`: the middle one, the mean, and nearly the worst.

    The mean is what MTTD, MTTA and MTTR mean by their M; one night that nobody acknowledged moves it and not the
    median, so both are given.
    """

    p50_ms: int | None
    mean_ms: int | None
    p99_ms: int | None
    measured: int
    whole: int


def compression(counts: Counts) -> Ratio:
    """1 - alerts/events: how many events told nothing new."""
    return Ratio(counts.events - counts.alerts, counts.events)


def reduction(counts: Counts) -> Ratio:
    """1 - incidents/alerts: how many alerts belonged to a problem that was known."""
    return Ratio(counts.alerts - counts.incidents, counts.alerts)


def noise_reduction(counts: Counts) -> Ratio:
    """1 - pages/events: how many events woke nobody."""
    return Ratio(counts.events - counts.pages, counts.events)


def paged_cases(facts: Facts) -> list[Case]:
    """The incidents of the period that a person was told of."""
    return [case for case in facts.mine if case.is_paged]


def actionable(cases: Iterable[Case]) -> Ratio:
    """Of the paged incidents that can be judged, those in which somebody had to act. Goal: 70 to 80 % or more.

    SRE book, chapter 6: "Every page should be actionable." See `Case.is_actionable`.
    """
    known = [case.is_actionable for case in cases if case.is_paged and case.is_actionable is not None]
    return Ratio(sum(known), len(known))


def transient(cases: Iterable[Case], pages: Told) -> Ratio:
    """Paged incidents that were over within ten minutes of the page, before anybody had touched them."""
    first = first_pages(pages)
    paged = [case for case in cases if case.incident_id in first]
    quick = [case for case in paged if _is_transient(case, first[case.incident_id])]
    return Ratio(len(quick), len(paged))


def flapping(cases: Iterable[Case]) -> Ratio:
    """Paged incidents in which an alert flapped (policy: `flapping`)."""
    paged = [case for case in cases if case.is_paged]
    return Ratio(sum(case.is_flapping for case in paged), len(paged))


def repeats(facts: Facts, days: int) -> Ratio:
    """Paged incidents whose template was paged before, in the `days` before them. Goal: below 10 to 15 %."""
    times: dict[str, list[int]] = {}
    for case in sorted(facts.cases, key=lambda one: one.opened_ms):
        if case.is_paged:
            times.setdefault(case.template, []).append(case.opened_ms)
    mine = paged_cases(facts)
    again = 0
    for case in mine:
        before = times[case.template]
        place = bisect_left(before, case.opened_ms)
        again += place > 0 and case.opened_ms - before[place - 1] <= days * DAY_MS
    return Ratio(again, len(mine))


def after_hours(pages: Iterable[Paged]) -> Ratio:
    """Pages from 18 to 22, and from 08 to 22 at weekends, by the clock of whoever got them, of all pages."""
    return _within(pages, Hours.OFF)


def asleep(pages: Iterable[Paged]) -> Ratio:
    """Pages from 22 to 08, by the clock of whoever got them, of all pages. They cost most."""
    return _within(pages, Hours.SLEEP)


def pages_a_shift(loads: Iterable[Load]) -> Rate:
    """Pages of those who had a shift, over their shifts, each as far as it lies in the period.

    SRE book, chapter 11: at most two incidents in a shift of twelve hours, or nobody has the time to learn from them.
    """
    had = [load for load in loads if load.shifts]
    return Rate(sum(load.pages for load in had), round(sum(load.shifts for load in had), 4), "shift")


def pages_an_hour(loads: Iterable[Load]) -> Rate:
    """Pages of those who had a shift, over the hours that they were on call."""
    had = [load for load in loads if load.shifts]
    return Rate(sum(load.pages for load in had), round(sum(load.on_call_hours for load in had), 1), "hour on call")


def time_to_detect(cases: Iterable[Case], pages: Told) -> Spread:
    """MTTD (ITIL): from when the first alert began to hold, by its source, to the first page."""
    first, known = first_pages(pages), list(cases)
    return _spread([first[c.incident_id] - c.began_ms for c in known if c.incident_id in first], len(known))


def time_to_acknowledge(cases: Iterable[Case], pages: Told) -> Spread:
    """MTTA (ITIL): from the first page to the first acknowledgement. Nobody acknowledged: counted in `whole` only."""
    first = first_pages(pages)
    paged = [case for case in cases if case.incident_id in first]
    found = [c.acknowledged_ms - first[c.incident_id] for c in paged if c.acknowledged_ms is not None]
    return _spread(found, len(paged))


def time_to_resolve(cases: Iterable[Case], pages: Told) -> Spread:
    """MTTR (ITIL): from the first page to the end. What still is open: counted in `whole` only."""
    first = first_pages(pages)
    paged = [case for case in cases if case.incident_id in first]
    return _spread([c.resolved_ms - first[c.incident_id] for c in paged if c.resolved_ms is not None], len(paged))


def added_delay(cases: Iterable[Case], pages: Told) -> Spread:
    """How much later than its first alert arrived a page went out: holds, silences and scores, in event time."""
    first = first_pages(pages)
    paged = [case for case in cases if case.incident_id in first]
    return _spread([max(0, first[c.incident_id] - c.opened_ms) for c in paged], len(paged))


def runbooks(cases: Iterable[Case], tiers: Iterable[str] | None = None) -> Ratio:
    """Paged incidents whose first alert names a runbook; of some tiers, where given. Goal: > 90 % for tiers 0 and 1.

    SRE book, chapter 1: to have written down what to do makes MTTR about three times shorter.
    """
    wanted = None if tiers is None else set(tiers)
    paged = [case for case in cases if case.is_paged and (wanted is None or case.tier in wanted)]
    return Ratio(sum(case.runbook is not None for case in paged), len(paged))


def top_share(cases: Iterable[Case], pages: Iterable[Paged], most: int) -> Ratio:
    """The share of all pages that the noisiest `most` templates made."""
    template = {case.incident_id: case.template for case in cases}
    counts = Counter(template.get(page.incident_id, "") for page in pages)
    return Ratio(sum(count for _, count in counts.most_common(most)), counts.total())


def first_pages(pages: Told) -> Mapping[str, int]:
    """When a person was first told of each incident; what that was made of already stays as it is."""
    if isinstance(pages, Mapping):
        return pages
    first: dict[str, int] = {}
    for page in pages:
        known = first.get(page.incident_id)
        if known is None or page.at_ms < known:
            first[page.incident_id] = page.at_ms
    return first


def _within(pages: Iterable[Paged], hours: Hours) -> Ratio:
    told = [page.hours is hours for page in pages]
    return Ratio(sum(told), len(told))


def _is_transient(case: Case, paged_ms: int) -> bool:
    if case.resolved_ms is None or case.resolved_ms - paged_ms > QUICK_MS:
        return False
    return case.acted_ms is None or case.acted_ms > case.resolved_ms


def _spread(found: Sequence[int], whole: int) -> Spread:
    """Nearest rank: the smallest that at least half (or 99 %) do not exceed."""
    ordered = sorted(found)
    if not ordered:
        return Spread(None, None, None, 0, whole)
    at = [ordered[max(0, ceil(share * len(ordered)) - 1)] for share in (0.5, 0.99)]
    return Spread(at[0], round(sum(ordered) / len(ordered)), at[1], len(ordered), whole)
