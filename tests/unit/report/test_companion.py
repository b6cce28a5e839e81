"""What always comes while something critical fires has a companion; what only happens beside it has none."""

from pipeline.report.companion import Companion, companions
from pipeline.report.facts import Case, Counts, Facts, Paged
from pipeline.report.kpi import Ratio
from tests.unit.report.week import WEEK, after, case


def labelled(**labels: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def uplink(number: int, at_h: float, **more: object) -> Case:
    found = case(f"uplink-{number}", at_h, labels=labelled(site="b", device="u"), **more)
    return found._replace(severity="critical")


def door(number: int, at_h: float, **more: object) -> Case:
    return case(f"door-{number}", at_h, **{"labels": labelled(site="b", job="doors")} | more)


def found(*cases: Case) -> dict[str, Companion]:
    told = tuple(Paged(one.opened_ms, one.incident_id, "opened") for one in cases)
    ordered = tuple(sorted(cases, key=lambda one: one.opened_ms))
    return companions(Facts(WEEK.period, Counts(9, 9, 9, 9), told, ordered), ["door"])


def together(times: int, **more: object) -> list[Case]:
    return [one for n in range(times) for one in (uplink(n, 10 * n + 1), door(n, 10 * n + 1.2, **more))]


def test_a_template_that_always_pages_while_it_fires_already_has_it_for_a_companion() -> None:
    cases = [one._replace(name=one.name[:-2]) for one in together(3)]
    assert found(*cases) == {"door": Companion("uplink", ("site",), Ratio(3, 3))}


def test_nine_of_ten_times_are_always_and_eight_are_not() -> None:
    cases = [one._replace(name=one.name[:-2]) for one in together(9)]
    once, again = door(10, 120)._replace(name="door"), door(11, 130)._replace(name="door")
    assert found(*cases, once)["door"].together == Ratio(9, 10)
    assert found(*cases, once, again) == {}


def test_twice_is_no_habit() -> None:
    assert found(*[one._replace(name=one.name[:-2]) for one in together(2)]) == {}


def test_without_a_label_in_which_both_agree_there_is_no_rule() -> None:
    cases = [one._replace(name=one.name[:-2]) for one in together(4, labels=labelled(site="elsewhere"))]
    assert found(*cases) == {}


def test_what_is_not_critical_comes_later_or_is_over_is_no_companion() -> None:
    for change in (
        {"severity": "warning"},
        {"opened_ms": after(200, 0)},
        {"resolved_ms": after(0, 1)},
    ):
        cases = [
            one._replace(name=one.name[:-2], **(change if one.name.startswith("up") else {})) for one in together(4)
        ]
        assert found(*cases) == {}


def test_what_is_critical_for_more_than_half_of_the_week_comes_with_everything() -> None:
    doors = [door(n, 30 + n)._replace(name="door") for n in range(4)]
    for hours, is_companion in ((80, True), (90, False)):
        long = uplink(0, 20, resolved_ms=after(20 + hours, 0))._replace(name="uplink")
        assert bool(found(long, *doors)) is is_companion
