"""The report as data: all that is shown, in its order, before anybody thinks of how it looks. It is the JSON, too."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.core.policy import Policy
from pipeline.report import figures as told
from pipeline.report.advice import Advised, Trial, advised
from pipeline.report.digest import QuietKind, digest
from pipeline.report.facts import DAY_MS, WEEK_MS, Case, Counts, Facts, Hours, Paged, Period, Week
from pipeline.report.figures import Figure, Group
from pipeline.report.fixes import Fix, fixes
from pipeline.report.kpi import Ratio, actionable
from pipeline.report.labels import Volatile, volatile_labels
from pipeline.report.misses import Missed, missed, to_grade
from pipeline.report.past import AskedQuiet, asked_quiet
from pipeline.report.query import Archive, Silenced
from pipeline.report.schedule import Load, Schedule, loads
from pipeline.report.template import first_seen, long_standing
from schemas import Severity

MOST_LISTED = 15
NOTHING = "Nothing is recorded of this week"
BEGINS = "The archive begins in this week: nothing is known to compare it with."
BEFORE = "The archive holds nothing of the four weeks before it either."
WEEKS_BEFORE = 4


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
    fixes: list[Fix]
    groups: dict[str, list[Group]]
    first_seen: list[Case]
    long_standing: list[Case]
    silenced: list[Silenced]
    long_silences: list[AskedQuiet]
    volatile: Volatile
    gaps: list[Gap]
    to_grade: list[Case]
    quieted: list[QuietKind]
    notes: list[str]


def make(archive: Archive, week: Week, schedule: Schedule, trial: Trial) -> Report:
    """The report of `week`; what is proposed is tried as `trial` says."""
    facts = schedule.timed(archive.facts(week.period))
    starts = [week.period.earlier(number) for number in range(WEEKS_BEFORE, 0, -1)]
    weeks = [archive.facts(period) for period in starts]
    earlier = schedule.timed(archive.facts(Period(starts[0].from_ms, week.period.from_ms)))
    had_any = sum(one.counts.events > 0 for one in weeks)
    mine, load = facts.mine, loads(facts.pages, facts.cases, schedule, week.period)
    then = loads(earlier.pages, earlier.cases, schedule, earlier.period)
    found, notes = advised(archive, facts, trial)
    return Report(
        week=week.name,
        period=week.period,
        counts=facts.counts,
        headline=_headline(facts, weeks, load),
        trend=[(_name(one.period), one.counts, actionable(one.mine)) for one in (*weeks, facts)],
        figures=told.figures(facts, earlier, (load, then)),
        missed=missed(mine, week.period),
        heat=_heat(facts.pages, facts.cases, schedule),
        loads=load,
        advised=found,
        fixes=fixes(archive, week.period, trial.policy),
        groups={kind: told.by(facts, earlier, kind, had_any, MOST_LISTED) for kind in ("team", "service", "tier")},
        first_seen=first_seen(facts)[:MOST_LISTED] if had_any else [],
        long_standing=long_standing(facts, WEEK_MS)[:MOST_LISTED],
        silenced=archive.silenced(7),
        long_silences=_long_silences(archive, week.period, trial.policy)[:MOST_LISTED],
        volatile=volatile_labels(archive, Period(starts[0].from_ms, week.period.until_ms), trial.policy),
        gaps=_gaps([case for case in mine if case.is_paged]),
        to_grade=to_grade(mine, week.period)[:MOST_LISTED],
        quieted=digest(mine)[:MOST_LISTED],
        notes=notes if had_any else [*notes, BEGINS if facts.counts.events else BEFORE],
    )


def _long_silences(archive: Archive, period: Period, policy: Policy) -> list[AskedQuiet]:
    """Those that held in the week and last for more than one in all, and those of the policy, which have no author."""
    ours = [
        AskedQuiet("", tuple(map(str, one.match)), one.starts_at_ms, one.ends_at_ms, "the policy", one.comment)
        for one in policy.silences
    ]
    return [
        one
        for one in (*ours, *asked_quiet(archive))
        if one.from_ms < period.until_ms and one.until_ms > period.from_ms and one.until_ms - one.from_ms > WEEK_MS
    ]


def _headline(facts: Facts, weeks: Sequence[Facts], load: Sequence[Load]) -> str:
    pages, nights = facts.counts.pages, sum(one.hours[Hours.SLEEP] for one in load)
    said = f"{_count(pages, 'page')}, {nights} of them at night" if facts.counts.events or pages else NOTHING
    worth = actionable(facts.mine)
    if worth.share is not None:
        said += f"; {worth.part} of {worth.whole} incidents needed somebody ({100 * worth.share:.0f} %)"
    seen = [one.counts.pages for one in weeks if one.counts.events]
    if seen:
        usual = sum(seen) / len(seen)
        said += f". The {_count(len(seen), 'week')} before had {usual:.0f} on average" if len(seen) > 1 else ""
        said += f". The week before had {seen[0]}" if len(seen) == 1 else ""
    return said + "."


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
