"""The report as data: all that is shown, in its order, before anybody thinks of how it looks. It is the JSON, too."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.core.policy import Policy
from pipeline.report import figures as told
from pipeline.report.effect import Effect, effect, told_of
from pipeline.report.facts import DAY_MS, WEEK_MS, Case, Counts, Facts, Paged, Period, Week
from pipeline.report.figures import Figure, Group
from pipeline.report.kpi import Ratio, actionable
from pipeline.report.misses import Missed, missed, to_grade
from pipeline.report.proposal import Proposal, applied, proposal_for
from pipeline.report.query import Archive, Silenced
from pipeline.report.schedule import Hours, Load, Schedule, loads
from pipeline.report.template import Noisy, first_seen, long_standing, noisiest
from schemas import Severity

MOST_TEMPLATES = 10
MOST_LISTED = 15
MOST_REPLAYED = 400_000  # events, in all replays of one report


class Advised(NamedTuple):
    """A noisy template, what to do about it, and what that would have done this week; None: it was not replayed."""

    noisy: Noisy
    proposal: Proposal | None
    effect: Effect | None


class Gap(NamedTuple):
    """Something that is not said of paged incidents, and where most of them come from."""

    what: str
    lacking: Ratio
    most: tuple[str, ...]


class Report(NamedTuple):
    """Everything."""

    week: str
    period: Period
    counts: Counts
    headline: str
    trend: list[tuple[str, Counts, Ratio]]  # week, counts, actionable; the week itself last
    figures: list[Figure]
    missed: Missed
    heat: list[list[int]]  # pages by weekday (Monday first) and hour, as the responders' clocks show them
    loads: list[Load]
    advised: list[Advised]
    groups: dict[str, list[Group]]
    first_seen: list[Case]
    long_standing: list[Case]
    silenced: list[Silenced]
    gaps: list[Gap]
    to_grade: list[Case]
    notes: list[str]


def make(archive: Archive, week: Week, schedule: Schedule, policy: Policy) -> Report:
    """The report of `week`."""
    facts = archive.facts(week.period)
    starts = [week.period.earlier(number) for number in (4, 3, 2, 1)]
    weeks = [archive.facts(period) for period in starts]
    earlier = archive.facts(Period(starts[0].from_ms, week.period.from_ms))
    mine = facts.mine
    advised, notes = _advised(archive, facts, policy)
    return Report(
        week=week.name,
        period=week.period,
        counts=facts.counts,
        headline=_headline(facts, weeks, loads(facts.pages, facts.cases, schedule, week.period)),
        trend=[(_name(one.period), one.counts, actionable(one.mine)) for one in (*weeks, facts)],
        figures=told.figures(facts, earlier),
        missed=missed(mine, week.period),
        heat=_heat(facts.pages, facts.cases, schedule),
        loads=loads(facts.pages, facts.cases, schedule, week.period),
        advised=advised,
        groups={kind: told.by(facts, kind)[:MOST_LISTED] for kind in ("team", "service", "tier")},
        first_seen=first_seen(facts)[:MOST_LISTED],
        long_standing=long_standing(facts, WEEK_MS)[:MOST_LISTED],
        silenced=archive.silenced(7),
        gaps=_gaps([case for case in mine if case.is_paged]),
        to_grade=to_grade(mine, week.period)[:MOST_LISTED],
        notes=notes,
    )


def _headline(facts: Facts, weeks: Sequence[Facts], load: Sequence[Load]) -> str:
    pages, nights = facts.counts.pages, sum(one.hours[Hours.SLEEP] for one in load)
    said = f"{_count(pages, 'page')}, {nights} of them at night"
    worth = actionable(facts.mine)
    if worth.share is not None:
        said += f"; {worth.part} of {worth.whole} incidents needed somebody ({100 * worth.share:.0f} %)"
    seen = [one.counts.pages for one in weeks if one.counts.events]
    if seen:
        usual = sum(seen) / len(seen)
        said += f". The {_count(len(seen), 'week')} before had {usual:.0f} on average" if len(seen) > 1 else ""
        said += f". The week before had {seen[0]}" if len(seen) == 1 else ""
    return said + "."


def _advised(archive: Archive, facts: Facts, policy: Policy) -> tuple[list[Advised], list[str]]:
    """What to do about the noisiest, each replayed for as long as that does not take too long."""
    found = [(noisy, proposal_for(noisy)) for noisy in noisiest(facts, MOST_TEMPLATES)]
    replays = 1 + sum(proposal is not None and proposal.route is not None for _, proposal in found)
    if facts.counts.events * replays > MOST_REPLAYED:
        why = f"Effects were not replayed: {facts.counts.events:,} events in {replays} replays would take too long."
        return [Advised(noisy, proposal, None) for noisy, proposal in found], [why]
    warm = Period(facts.period.earlier(1).from_ms, facts.period.until_ms)
    records = archive.events_between(warm) if replays > 1 else []
    if not records:
        return [Advised(noisy, proposal, None) for noisy, proposal in found], []
    before, cases, made = told_of(records, policy, facts.period), facts.mine, list[Advised]()
    for noisy, proposal in found:
        if proposal is None or proposal.route is None:
            made.append(Advised(noisy, proposal, None))
            continue
        after = told_of(records, applied(policy, noisy, proposal.route), facts.period)
        made.append(Advised(noisy, proposal, effect(before, after, cases)))
    note = (
        "Effects: this week's events decided again with the policy given and with the change, after a week to"
        f" learn what is usual, without silences and acknowledgements ({before.pages} pages then;"
        f" {facts.counts.pages} were sent)."
    )
    return made, [note]


def _heat(pages: Sequence[Paged], cases: Sequence[Case], schedule: Schedule) -> list[list[int]]:
    by_id, heat = {case.incident_id: case for case in cases}, [[0] * 24 for _ in range(7)]
    for page in pages:
        local = schedule.local(page.at_ms, schedule.responder(page.at_ms, by_id.get(page.incident_id)))
        heat[local.weekday()][local.hour] += 1
    return heat


def _gaps(paged: Sequence[Case]) -> list[Gap]:
    lacking = {
        "no runbook": [case for case in paged if case.runbook is None],
        "no severity": [case for case in paged if case.severity == Severity.UNKNOWN],
        "no owner": [case for case in paged if case.team is None],
    }
    return [
        Gap(what, Ratio(len(some), len(paged)), tuple(name for name, _ in Counter(c.name for c in some).most_common(5)))
        for what, some in lacking.items()
    ]


def _name(period: Period) -> str:
    return Week.before(period.until_ms + DAY_MS).name


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
