"""What was kept quiet though somebody had to act: known of some, estimated of all from a draw by lot.

The whole is every incident that opened in the period and that nobody was told of, to its end, for its score alone; what
was silenced, held or muted is not in it, and what was paged late (`lasted`, `grown`) was paged. Two strata, so that
nothing is counted twice and nobody's attention distorts anything:

- *acted upon*: a person acknowledged, resolved or reassigned it all the same. That depends on no lot, so each counts
  as it is: a miss at once, unless a person judged it to be none.
- *the rest*, of which nobody can know. A seeded lot draws some of it for people to grade (`pagesieve mark`), and the
  share of misses among those graded stands for all of it. Whoever goes and looks for misses finds them where they are
  likely: what is marked outside of the draw moves no estimate, but is known, and bounds the interval.

Each week (of ISO 8601, whatever the period) has its own draw, and a quiet week's is a greater share of it than a loud
one's. So what was drawn of four weeks is what was drawn of each, and each is reckoned by itself: the estimate is the
sum of theirs. A week of which nobody graded any is taken to be like the others, while the interval leaves it open. What
the interval is, `confidence.py` says. It needs that those drawn and not graded yet are like those that were: grade from
the top of the list.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple

from pipeline.report.confidence import Drawn, interval
from pipeline.report.facts import DAY_MS, WEEK_MS, Case, Period
from pipeline.report.kpi import Ratio
from schemas import Reason, Verdict

SHARE = 0.2  # of the rest, drawn to be graded,
LEAST, MOST = 20, 60  # a week, where there are as many, and no more: a quarter of an hour for whoever grades
SEED = "1"
_MONDAY_MS = 4 * DAY_MS  # the first of 1970
_GRADES = frozenset({Verdict.ACTIONABLE, Verdict.NOT_ACTIONABLE, Verdict.FALSE_POSITIVE, Verdict.DUPLICATE})


class Missed(NamedTuple):
    """Of what was kept quiet, that which needed somebody. `rate`, `low`, `high`: of all; None where nothing is known.

    `known` is a lower bound. `graded` is of those drawn by lot that somebody judged, and `drawn` how many those are.
    """

    known: Ratio
    acted: int  # of `known.part`, those that somebody acted upon
    graded: Ratio
    drawn: int
    rate: float | None
    low: float | None
    high: float | None


def missed(cases: Iterable[Case], period: Period, seed: str = SEED) -> Missed:
    """Of those that opened in the period."""
    suppressed = _suppressed(cases, period)
    acted = sum(_is_miss(case) for case in suppressed if case.acted_ms is not None)
    rest = [case for case in suppressed if case.acted_ms is None]
    marked = Ratio(sum(_is_miss(case) for case in rest), sum(_is_graded(case) for case in rest))
    drawn = draw(rest, period, seed)
    answers = [_is_miss(case) for case in drawn if _is_graded(case)]
    graded, known = Ratio(sum(answers), len(answers)), Ratio(acted + marked.part, len(suppressed))
    if not suppressed or not (graded.whole or not rest):
        return Missed(known, acted, graded, len(drawn), None, None, None)
    weeks = _weeks(rest, drawn)
    low, high = interval(weeks)
    # What is known of those outside of the draw is certain, too.
    # And it wins where an unlucky draw contradicts it: 20 that were fine, and 30 of the others that were not.
    low = max(low, marked.part)
    high = max(low, min(high, len(rest) - (marked.whole - marked.part)))
    likely = _likely(weeks)
    bounds = [(acted + min(max(one, low), high)) / len(suppressed) for one in (likely, low, high)]
    return Missed(known, acted, graded, len(drawn), *bounds)


def draw(cases: Iterable[Case], period: Period, seed: str = SEED) -> list[Case]:
    """Those that the lot puts before people, in the order in which to grade them; the same seed draws the same.

    Each incident has a number from its id and the seed, and the smallest numbers are drawn: every set of so many is as
    likely, and what opens later changes the order of none that were there.
    """
    by_week = defaultdict[int, list[Case]](list)
    for case in _suppressed(cases, period):
        if case.acted_ms is None:
            by_week[_week(case)].append(case)
    drawn = list[Case]()
    for some in by_week.values():
        most = min(max(LEAST, ceil(SHARE * len(some))), MOST)
        drawn += sorted(some, key=lambda case: _lot(case.incident_id, seed))[:most]
    return sorted(drawn, key=lambda case: _lot(case.incident_id, seed))


def to_grade(cases: Iterable[Case], period: Period, seed: str = SEED) -> list[Case]:
    """Of those drawn the ones that nobody has judged yet."""
    return [case for case in draw(cases, period, seed) if not _is_graded(case)]


def known_of(cases: Iterable[Case], period: Period) -> list[Case]:
    """Those that are known to have needed somebody, however that became known."""
    return [case for case in _suppressed(cases, period) if _is_miss(case)]


def as_if_on(cases: Iterable[Case]) -> list[Case]:
    """The cases as they would be with `suppress: on`, where shadow mode wrote down which these are.

    All of them paged, so that whatever a person did about them is known; but who is woken acknowledges, whether there
    is anything to do or not. Each such deed counts as a miss here unless a person said otherwise: rather too many.
    """
    return [
        case._replace(is_paged=False, quiet=Reason.SUPPRESSED) if case.is_paged and case.is_suppressible else case
        for case in cases
    ]


def said(found: Missed) -> str:
    """The miss rate as it stands beside a reduction: with its whole, its interval and what is known for certain."""
    part, whole = found.known
    if not whole:
        return "missed: nothing was kept quiet for its score"
    if found.rate is None or found.low is None or found.high is None:
        return (
            f"missed: at least {part:,} of {whole:,} kept quiet for their score, and nobody has graded any drawn by lot"
        )
    lot = (
        f"{found.graded.part} of {found.graded.whole} graded by lot" if found.graded.whole else "all of them acted upon"
    )
    return (
        f"missed: {100 * found.rate:.1f} % of {whole:,} kept quiet for their score"
        f" (95 %: {100 * found.low:.1f} to {100 * found.high:.1f} %; {lot}, {part:,} known)"
    )


def briefly(found: Missed) -> str:
    """The same where there is little room: `missed 5.0 % (1.0 to 22.0 %)`."""
    part, whole = found.known
    if found.rate is None or found.low is None or found.high is None:
        return f"missed {part:,} of {whole:,}" + (" or more, none graded" if whole else "")
    return f"missed {100 * found.rate:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f} %)"


def _weeks(rest: Iterable[Case], drawn: Iterable[Case]) -> list[Drawn]:
    """What was graded of each week's draw, and how many it stands for."""
    graded = [case for case in drawn if _is_graded(case)]
    whole, of_drawn = Counter(map(_week, rest)), Counter(map(_week, graded))
    parts = Counter(_week(case) for case in graded if _is_miss(case))
    return [Drawn(parts[week], of_drawn[week], population) for week, population in sorted(whole.items())]


def _likely(weeks: Sequence[Drawn]) -> float:
    """How many misses there are, as the draws say."""
    known = [one for one in weeks if one.whole]
    stands = sum(one.population for one in known)
    found = sum(one.population * one.part / one.whole for one in known)
    return found * sum(one.population for one in weeks) / stands if stands else 0.0


def _week(case: Case) -> int:
    return (case.opened_ms - _MONDAY_MS) // WEEK_MS


def _suppressed(cases: Iterable[Case], period: Period) -> list[Case]:
    return [case for case in cases if case.is_suppressed and period.has(case.opened_ms)]


def _lot(incident_id: str, seed: str) -> bytes:
    return hashlib.blake2b(f"{seed}\0{incident_id}".encode(), digest_size=16).digest()


def _is_graded(case: Case) -> bool:
    """Whether somebody judged if it needed anybody. Poor details say nothing about that."""
    return case.mark in _GRADES


def _is_miss(case: Case) -> bool:
    return case.is_actionable is True
