"""What would have been kept quiet is counted of what paged, and turning a policy on or off turns nothing else."""

from pipeline.core.policy import Policy
from pipeline.report.kpi import Ratio
from pipeline.report.shadow import noted, turned_off, turned_on
from tests.unit.report.week import WEEK, after, case

ROUTES = [
    {"name": "a", "match": 'team="a"', "suppress": "on"},
    {"name": "b", "match": 'team="b"', "suppress": "shadow", "hold": "2m"},
    {"name": "c", "match": 'team="c"', "suppress": "off"},
    {"name": "d", "match": 'team="d"', "hold": "1m"},
]


def modes(policy: Policy) -> list[str]:
    return [rule.suppress.value for rule in policy.rules]


def test_a_policy_is_turned_route_by_route_and_what_a_route_leaves_open_it_obeys() -> None:
    policy = Policy.model_validate({"suppress": "shadow", "page_above": 0.5, "routes": ROUTES})
    assert modes(policy) == ["on", "shadow", "off", "shadow", "shadow"]
    assert modes(turned_on(policy)) == ["on", "on", "off", "on", "on"]
    assert modes(turned_off(policy)) == ["off", "shadow", "off", "shadow", "shadow"]
    assert modes(turned_off(turned_on(policy))) == ["off"] * 5
    for turned in (turned_on(policy), turned_off(policy)):
        assert [rule.model_copy(update={"suppress": "x"}) for rule in turned.rules] == [
            rule.model_copy(update={"suppress": "x"}) for rule in policy.rules
        ]


def test_what_shadow_mode_noted_is_told_with_what_people_did_about_it() -> None:
    cases = [
        case("loud-1", 1, acted_ms=after(1, 2)),
        case("noise-1", 2, is_suppressible=True),
        case("noise-2", 3, is_suppressible=True, acted_ms=after(3, 2)),
        case("noise-3", 4, is_suppressible=True, acted_ms=after(4, 2), mark="not_actionable"),
        case("before-1", -100, is_suppressible=True, acted_ms=after(-100, 2)),
    ]
    found = noted(cases, WEEK.period)
    assert (found.paged, found.would_be) == (4, 3)
    assert found.missed.known == Ratio(1, 3)  # who is woken acknowledges, unless they say that it was nothing
