"""What was missed: each act counts at once, the lot speaks for the rest, and the interval holds what it promises."""

from random import Random

import pytest

from pipeline.report.facts import Case
from pipeline.report.kpi import Ratio
from pipeline.report.misses import LEAST, MOST, draw, missed, said, to_grade
from tests.unit.report.week import CASES, WEEK, after, case

PERIOD = WEEK.period
FOUR = PERIOD._replace(from_ms=PERIOD.earlier(3).from_ms)


def quiet(number: int, **more: object) -> Case:
    return case(f"quiet-{number}", 1 + number / 60, is_paged=False, quiet="suppressed", **more)


def graded(cases: list[Case], marks: list[str]) -> list[Case]:
    """The cases, of which the first that were drawn got these marks."""
    given = dict(zip([one.incident_id for one in draw(cases, PERIOD)], marks, strict=False))
    return [one._replace(mark=given.get(one.incident_id)) for one in cases]


def test_the_whole_is_what_was_suppressed_and_nothing_that_was_silenced() -> None:
    found = missed(CASES, PERIOD)  # of quiet-1 (marked actionable) and quiet-2
    assert (found.known, found.graded, found.drawn) == (Ratio(1, 2), Ratio(1, 1), 2)
    assert (found.rate, found.low, found.high) == (1.0, 0.5, 1.0)  # the other may be none, or one


def test_what_was_acted_upon_is_a_miss_at_once_and_is_not_drawn() -> None:
    cases = [quiet(number) for number in range(100)]
    cases[7] = quiet(7, acted_ms=after(2, 0))
    found = missed(cases, PERIOD)
    assert (found.known, found.acted) == (Ratio(1, 100), 1)
    assert found.rate is None  # nobody has graded any: the rest may be anything
    assert cases[7] not in draw(cases, PERIOD)


def test_a_person_may_say_that_what_was_acted_upon_was_nothing() -> None:
    found = missed([quiet(1, acted_ms=after(2, 0), mark="not_actionable")], PERIOD)
    assert (found.known, found.rate, found.low, found.high) == (Ratio(0, 1), 0.0, 0.0, 0.0)


def test_what_is_marked_outside_of_the_draw_is_known_and_moves_no_estimate() -> None:
    cases = [quiet(number) for number in range(200)]
    fair = graded(cases, ["not_actionable"] * 40)
    found = missed(fair, PERIOD)
    assert (found.known, found.graded, found.rate) == (Ratio(0, 200), Ratio(0, 40), 0.0)
    undrawn = [one for one in fair if one.mark is None][:3]
    sought = [one._replace(mark="actionable") if one in undrawn else one for one in fair]
    after_all = missed(sought, PERIOD)
    assert after_all.graded == found.graded
    assert after_all.known == Ratio(3, 200)
    assert after_all.low == after_all.rate == 3 / 200  # no less can be so; the lot alone would say 0
    assert after_all.high == found.high


@pytest.mark.parametrize("sought", [0, 3, 30, 80])
def test_no_rate_and_no_interval_is_below_what_is_known_nor_above_what_is_known_to_be_fine(sought: int) -> None:
    cases = [quiet(number) for number in range(100)]
    fine = {one.incident_id for one in draw(cases, PERIOD)}
    undrawn = [one.incident_id for one in cases if one.incident_id not in fine][:sought]
    marks = dict.fromkeys(fine, "not_actionable") | dict.fromkeys(undrawn, "actionable")
    found = missed([one._replace(mark=marks.get(one.incident_id)) for one in cases], PERIOD)
    assert found.low is not None
    assert found.rate is not None
    assert found.high is not None
    assert found.known.share == sought / 100
    assert sought / 100 <= found.low <= found.rate <= found.high <= 0.8


def test_poor_details_are_no_grade() -> None:
    cases = [quiet(1, mark="poor_details")]
    assert to_grade(cases, PERIOD) == cases
    assert missed(cases, PERIOD).graded == Ratio(0, 0)


def test_the_lot_draws_the_same_again_a_fifth_within_bounds_and_what_comes_later_changes_no_order() -> None:
    cases = [quiet(number) for number in range(250)]
    drawn = draw(cases, PERIOD)
    assert drawn == draw(list(reversed(cases)), PERIOD) != draw(cases, PERIOD, "another")
    assert len(drawn) == 50
    assert len(draw(cases[:30], PERIOD)) == LEAST
    assert len(draw([quiet(number) for number in range(900)], PERIOD)) == MOST
    earlier = [one for one in draw(cases[:200], PERIOD) if one in drawn]
    assert earlier == [one for one in drawn if one in cases[:200]]


def test_what_was_drawn_of_four_weeks_is_what_was_drawn_of_each() -> None:
    cases = [case(f"q-{n}", n / 1.2 - 504, is_paged=False, quiet="suppressed") for n in range(806)]
    each = {one for weeks in range(4) for one in draw(cases, PERIOD.earlier(weeks))}
    assert set(draw(cases, FOUR)) == each
    assert len(each) > 140


def of_weeks(story: int, several: list[tuple[int, int]]) -> tuple[list[Case], set[str]]:
    """So many incidents a week, the last week's first, of which so many are misses; and which those are."""
    chance, cases, misses = Random(story), list[Case](), set[str]()  # noqa: S311 - a law, no secret
    for week, (many, bad) in enumerate(several):
        mine = [
            case(f"{story}-{week}-{n}", 1 + 160 * n / many - 168 * week, is_paged=False, quiet="suppressed")
            for n in range(many)
        ]
        cases += mine
        misses |= {one.incident_id for one in chance.sample(mine, bad)}
    return cases, misses


def judged(cases: list[Case], drawn: list[Case], misses: set[str]) -> list[Case]:
    marks = {one.incident_id: "actionable" if one.incident_id in misses else "not_actionable" for one in drawn}
    return [one._replace(mark=marks.get(one.incident_id)) for one in cases]


def test_a_loud_week_that_drew_a_small_share_counts_for_as_many_as_it_had() -> None:
    cases, misses = of_weeks(1, [(1000, 0), (10, 5), (10, 5), (10, 5)])
    each = [one for weeks in range(4) for one in draw(cases, PERIOD.earlier(weeks))]  # graded week by week
    found = missed(judged(cases, each, misses), FOUR)
    assert (found.known, found.graded) == (Ratio(15, 1030), Ratio(15, 90))
    assert found.rate == found.low == pytest.approx(15 / 1030)
    assert found.high is not None
    assert 0.05 < found.high < 0.08


def test_over_weeks_of_other_rates_the_interval_holds_and_the_estimate_is_not_biased() -> None:
    held, rates, widths, truth = 0, [], [], 66 / 700
    for story in range(300):
        cases, misses = of_weeks(story, [(400, 8), (40, 12), (60, 30), (200, 16)])
        found = missed(judged(cases, draw(cases, FOUR), misses), FOUR)
        assert found.rate is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
        rates.append(found.rate)
        widths.append(found.high - found.low)
    assert held >= 0.95 * 300
    assert sum(rates) / 300 == pytest.approx(truth, abs=0.004)
    assert sum(widths) / 300 < 0.14


def test_four_weeks_alike_say_more_than_one() -> None:
    cases, misses = of_weeks(3, [(300, 15)] * 4)
    known = judged(cases, draw(cases, FOUR), misses)
    whole, last = missed(known, FOUR), missed(known, PERIOD)
    assert whole.high is not None
    assert last.high is not None
    assert whole.high < last.high


def test_a_week_of_which_nobody_graded_any_is_taken_for_the_others_and_leaves_the_interval_open() -> None:
    cases, misses = of_weeks(4, [(100, 10), (100, 0)])
    found = missed(judged(cases, draw(cases, PERIOD), misses), FOUR)
    assert found.rate == pytest.approx(found.graded.part / found.graded.whole)
    assert found.high is not None
    assert found.high > 0.5


def test_the_interval_holds_the_truth_at_least_so_often_as_it_says_and_the_estimate_is_not_biased() -> None:
    chance, held, rates = Random(7), 0, []  # noqa: S311 - a law, no secret
    for story in range(400):
        misses = set(chance.sample(range(300), 24))
        acted = set(chance.sample(sorted(misses), 6))  # whom nobody had to look for
        cases = [
            quiet(n, acted_ms=after(9, 0) if n in acted else None)._replace(incident_id=f"{story}-{n}")
            for n in range(300)
        ]
        truth = {cases[n].incident_id for n in misses}
        answers = ["actionable" if one.incident_id in truth else "not_actionable" for one in draw(cases, PERIOD)]
        found = missed(graded(cases, answers), PERIOD)
        assert found.rate is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 24 / 300 <= found.high
        rates.append(found.rate)
    assert held >= 0.95 * 400
    assert sum(rates) / 400 == pytest.approx(24 / 300, abs=0.004)


def test_it_is_said_with_its_whole_its_interval_and_what_is_known() -> None:
    cases = [quiet(number) for number in range(100)]
    assert said(missed([], PERIOD)) == "missed: nothing was kept quiet for its score"
    assert said(missed(cases, PERIOD)).startswith("missed: at least 0 of 100 kept quiet for their score, and nobody")
    some = graded(cases, ["actionable"] + ["not_actionable"] * 19)
    assert said(missed(some, PERIOD)) == (
        "missed: 5.0 % of 100 kept quiet for their score (95 %: 1.0 to 22.0 %; 1 of 20 graded by lot, 1 known)"
    )
    assert said(missed([quiet(1, acted_ms=after(2, 0))], PERIOD)) == (
        "missed: 100.0 % of 1 kept quiet for their score (95 %: 100.0 to 100.0 %; all of them acted upon, 1 known)"
    )
