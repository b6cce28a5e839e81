"""Each figure of the small week is what a person gets who counts on their fingers; none comes without its whole."""

from datetime import UTC, datetime, timedelta

from pipeline.report import kpi
from pipeline.report.facts import Counts, Paged, Period, Week
from pipeline.report.figures import by, figures
from pipeline.report.kpi import Rate, Ratio, Spread
from pipeline.report.schedule import Schedule, Shift, loads
from tests.unit.report.week import BEFORE, CASES, FACTS, MINUTE_MS, PAGES, SCHEDULE, WEEK, after, case

MINE = FACTS.mine


def test_the_funnel_is_shares_of_what_went_in() -> None:
    assert kpi.compression(FACTS.counts) == Ratio(80, 100)
    assert kpi.reduction(FACTS.counts) == Ratio(14, 20)
    assert kpi.noise_reduction(FACTS.counts) == Ratio(96, 100)
    assert kpi.compression(Counts(0, 0, 0, 0)).share is None


def test_actionable_is_as_judged_else_as_acted_and_what_is_unknown_is_in_no_whole() -> None:
    assert kpi.actionable(MINE) == Ratio(1, 3)  # disk-1; not ping-1 (untouched), not ping-2 (judged)
    assert kpi.actionable([case("new", 1, resolved_ms=None)]) == Ratio(0, 0)
    assert kpi.actionable([case("poor", 1, mark="poor_details", acted_ms=after(1, 1))]) == Ratio(1, 1)


def test_transient_is_over_within_ten_minutes_of_its_page_untouched() -> None:
    assert kpi.transient(MINE, PAGES) == Ratio(1, 3)
    touched = case("ping-1", 26, resolved_ms=after(26, 4), acted_ms=after(26, 3))
    assert kpi.transient([touched], PAGES) == Ratio(0, 1)
    assert kpi.flapping(MINE) == Ratio(1, 3)


def test_a_repeat_is_the_same_template_paged_so_many_days_before() -> None:
    assert kpi.repeats(FACTS, 7) == Ratio(2, 3)  # disk-1 after 110 h, ping-2 after 18 h
    assert kpi.repeats(FACTS, 4) == Ratio(1, 3)  # 110 h are more than four days


def test_times_are_median_mean_and_p99_of_those_that_have_one() -> None:
    assert kpi.time_to_detect([one for one in MINE if one.is_paged], PAGES) == Spread(
        MINUTE_MS, 5 * MINUTE_MS // 3, 3 * MINUTE_MS, 3, 3
    )
    assert kpi.time_to_acknowledge(MINE, PAGES) == Spread(5 * MINUTE_MS, 10 * MINUTE_MS, 15 * MINUTE_MS, 2, 3)
    assert kpi.time_to_resolve(MINE, PAGES) == Spread(2 * MINUTE_MS, 31 * MINUTE_MS, 60 * MINUTE_MS, 2, 3)
    assert kpi.added_delay(MINE, PAGES) == Spread(0, 2 * MINUTE_MS // 3, 2 * MINUTE_MS, 3, 3)
    assert kpi.time_to_acknowledge([], []) == Spread(None, None, None, 0, 0)


def test_runbooks_are_of_paged_incidents_and_of_tiers_where_asked() -> None:
    assert kpi.runbooks(MINE) == Ratio(1, 3)
    assert kpi.runbooks(MINE, ("0", "1")) == Ratio(1, 2)


def test_the_noisiest_templates_are_a_share_of_all_pages() -> None:
    assert kpi.top_share(CASES, PAGES, 1) == Ratio(2, 4)
    assert kpi.top_share(CASES, PAGES, 2) == Ratio(4, 4)


def test_pages_are_counted_by_the_clock_of_whoever_got_them_by_shift_and_by_hour_on_call() -> None:
    pages = SCHEDULE.timed(FACTS).pages  # Monday 10:00 and 10:30, Tuesday 02:02 and 20:00, all of Berlin
    assert kpi.after_hours(pages) == Ratio(1, 4)
    assert kpi.asleep(pages) == Ratio(1, 4)
    found = loads(FACTS.pages, FACTS.cases, SCHEDULE, WEEK.period)
    # Ada's shift has Monday alone, lin's the six days after it; nobody else is on call.
    assert kpi.pages_a_shift(found) == Rate(4, 2, "shift")
    assert kpi.pages_an_hour(found) == Rate(4, 168, "hour on call")
    assert kpi.pages_a_shift(loads(FACTS.pages, FACTS.cases, Schedule(), WEEK.period)).each is None


def test_a_shift_counts_for_as_much_of_it_as_lies_in_the_weeks() -> None:
    monday = datetime(2026, 10, 12, 8, tzinfo=UTC)
    rota = [
        Shift.model_validate(
            {
                "person": ("ada", "lin", "sam")[n % 3],
                "from": monday + timedelta(weeks=n),
                "until": monday + timedelta(weeks=n + 1),
            }
        )
        for n in range(7)
    ]
    schedule = Schedule(shifts=tuple(rota))
    pages = [Paged(after(168 * week + 15 * n, 0), "", "opened") for week in range(-4, 1) for n in range(10)]
    earlier = Period(WEEK.period.earlier(4).from_ms, WEEK.period.from_ms)
    for period, many in ((WEEK.period, 10), (earlier, 40)):
        mine = [page for page in pages if period.has(page.at_ms)]
        assert kpi.pages_a_shift(loads(mine, (), schedule, period)) == Rate(many, many / 10, "shift")


def test_a_team_a_service_and_a_tier_have_all_figures_of_their_own_beside_the_weeks_before() -> None:
    found = {group.name: group for group in by(FACTS, BEFORE, "tier")}
    assert (found["0"].pages, found["0"].incidents, found["0"].pages_before) == (2, 1, 0)
    assert found["0"].figure("actionable").value == Ratio(1, 1)
    assert (found["none named"].pages, found["none named"].incidents, found["none named"].pages_before) == (1, 4, 1)
    assert found["none named"].figure("actionable").before == Ratio(1, 1)  # disk-0
    assert sum(group.pages for group in found.values()) == 4
    assert sum(group.incidents for group in found.values()) == 6
    # All but what only a schedule can tell.
    everything = [figure.name for figure in figures(FACTS, BEFORE)]
    assert [figure.name for figure in found["0"].figures] == everything


def test_each_figure_stands_beside_the_four_weeks_before() -> None:
    load = loads(FACTS.pages, FACTS.cases, SCHEDULE, WEEK.period)
    found = {figure.name: figure for figure in figures(FACTS, BEFORE, (load, []))}
    assert (found["actionable"].value, found["actionable"].before) == (Ratio(1, 3), Ratio(1, 1))
    assert (found["noise reduction"].value, found["noise reduction"].before) == (Ratio(96, 100), Ratio(9, 10))
    assert found["pages a shift"].value == Rate(4, 2, "shift")
    assert {"after hours", "asleep", "transient", "flapping", "time to detect", "added delay", "missed"} < found.keys()


def test_a_week_is_that_of_iso_8601() -> None:
    assert Week.named("2026-W47") == WEEK
    assert Week.before(WEEK.period.until_ms + 1) == WEEK
    assert Week.before(WEEK.period.until_ms - 1) == Week.named("2026-W46")
