"""Which incidents show a change, and that nothing else comes of it."""

import pytest

from pipeline.core.changes import MOST, MOST_SHOWN, Changes
from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from pipeline.sources.changes import read_change
from schemas import Alerts, Change, Control, Decision, Tick
from tests.scene import Told, alert, at, decided, ms, play

POLICY = Policy.model_validate(
    {
        "group_by": ["cluster"],
        "change_window": "10m",
        "routes": [{"name": "off", "match": 'team="x"', "change_window": 0}],
    }
)
Record = Alerts | Tick | Control


def change(at_s: float, summary: str = "Deploy", *, made_s: float | None = None, **labels: str) -> list[Record]:
    said = {"summary": summary, "labels": labels}
    made_ms = ms(at_s if made_s is None else made_s)
    return [Control(at_ms=ms(at_s), change=read_change(said, "", made_ms, None))]


def change_of(labels: dict[str, str]) -> list[Record]:
    return [Control(at_ms=ms(0), change=read_change({"summary": "Deploy", "labels": labels}, "", ms(0), None))]


def shown(*several: list[Record], policy: Policy = POLICY) -> list[str]:
    """What the incident that was told last shows."""
    facts = Triage(policy).step([record for records in several for record in records])
    return [one.summary for one in facts.incidents[-1].changes]


def fires(at_s: float, told: Told | None = None) -> list[Record]:
    return [*at(at_s, told or alert("Errors", cluster="eu", service="cart"))]


def test_an_incident_shows_the_change_of_its_service_just_before() -> None:
    assert shown(change(0, service="cart"), fires(60)) == ["Deploy"]


@pytest.mark.parametrize("label", ["service", "app", "job", "deployment", "component"])
def test_a_service_may_go_by_any_of_its_names(label: str) -> None:
    assert shown(change_of({label: "cart"}), fires(60)) == ["Deploy"]


@pytest.mark.parametrize(
    "labels",
    [
        {"service": "search"},
        {"service": "cart", "cluster": "us"},
        {"cluster": "us"},
        {"environment": "prod"},
        {"version": "1.2.3"},
        {"service": "search", "cluster": "eu"},
    ],
)
def test_other_services_and_places_and_whole_environments_are_no_news(labels: dict[str, str]) -> None:
    told = alert("Errors", cluster="eu", service="cart", environment="prod", version="1.2.3")
    assert shown(change_of(labels), fires(60, told)) == []


def test_a_change_of_a_place_is_shown_with_what_happens_there() -> None:
    assert shown(change(0, host="db-1"), fires(60, alert("Disk", host="db-1"))) == ["Deploy"]


def test_a_change_that_does_not_say_where_is_for_everywhere() -> None:
    assert shown(change(0, service="cart", region="west"), fires(60)) == ["Deploy"]


@pytest.mark.parametrize(("fires_s", "is_shown"), [(0, True), (600, True), (601, False)])
def test_only_soon_after(fires_s: float, is_shown: bool) -> None:
    assert bool(shown(change(0, service="cart"), fires(fires_s))) == is_shown


def test_what_is_done_after_an_incident_opened_is_not_shown() -> None:
    assert shown(fires(0), change(10, service="cart"), fires(20, alert("Slow", cluster="eu", service="cart"))) == []


def test_a_route_may_show_none() -> None:
    assert shown(change(0, service="cart"), fires(60, alert("Errors", service="cart", team="x"))) == []


def test_an_alert_that_joins_brings_the_changes_of_its_own_service() -> None:
    made, first = change(0, "Deploy search", service="search"), fires(60)
    assert shown(made, first, fires(70, alert("Slow", cluster="eu", service="search"))) == ["Deploy search"]


def test_one_that_comes_late_is_shown_by_a_new_revision_and_pages_nobody() -> None:
    facts = Triage(POLICY).step([*fires(60), *change(90, made_s=30, service="cart")])
    assert [(one.revision, len(one.changes)) for one in facts.incidents] == [(1, 0), (2, 1)]
    assert len(facts.pages) == 1


def test_one_that_comes_late_for_another_is_no_news() -> None:
    facts = Triage(POLICY).step([*fires(60), *change(90, made_s=30, service="search")])
    assert len(facts.incidents) == 1


def test_one_that_is_told_twice_is_one() -> None:
    assert shown(change(0, service="cart"), change(0, service="cart"), fires(60)) == ["Deploy"]
    late = change(90, made_s=30, service="cart")
    assert len(Triage(POLICY).step([*fires(60), *late, *late]).incidents) == 2


def test_the_last_ones_before_it_are_shown() -> None:
    several = [change(n, f"Deploy {n}", service="cart") for n in range(30)]
    assert shown(*several, fires(60)) == [f"Deploy {n}" for n in range(29, 29 - MOST_SHOWN, -1)]


def _unscored(decision: Decision) -> Decision:
    """Without its score, in which a change counts."""
    return decision.altered(score=None, scored=None)


def test_changes_alter_no_decision_and_no_page_but_what_is_shown() -> None:
    events = [fires(n, alert(f"a{n % 3}", cluster="eu", service=f"s{n % 5}")) for n in range(40)]
    told = [change(n, f"Deploy {n}", service=f"s{n % 5}") for n in range(40)]
    without = play(*events, policy=POLICY)  # type: ignore[arg-type]  # no controls among them
    with_them = Triage(POLICY).step(
        [record for pair in zip(told, events, strict=True) for several in pair for record in several]
    )
    assert [_unscored(one) for one in decided(with_them)] == [_unscored(one) for one in decided(without)]
    assert [_bare(with_them, n) for n in range(len(with_them.pages))] == [
        _bare(without, n) for n in range(len(without.pages))
    ]


def _bare(facts: Facts, number: int) -> tuple[object, ...]:
    page = facts.pages[number]
    details = page.payload.custom_details
    return page.dedup_key, page.event_action, details.kind, details.reason, details.alert_count


def test_a_page_shows_them_with_their_links() -> None:
    said = {"summary": "Deploy cart 2", "service": "cart", "kind": "deploy", "source": "ci", "link": "https://ci/1"}
    made = Control(at_ms=ms(0), change=read_change(said, "", ms(0), None))
    [page] = Triage(POLICY).step([made, *fires(60)]).pages
    [told] = page.payload.custom_details.changes
    assert (told.summary, told.kind, told.source, told.at) == (
        "Deploy cart 2",
        "deploy",
        "ci",
        "2023-11-14T22:13:20.000Z",
    )
    assert [(link.href, link.text) for link in page.links] == [("https://ci/1", "change")]
    assert page.payload.summary.endswith("; just before: Deploy cart 2")


def test_a_tenant_sees_no_change_of_another() -> None:
    for whose, expected in (("acme", 1), ("other", 0)):
        made = read_change({"summary": "Deploy", "service": "cart"}, "", ms(0), whose)
        [record] = at(60, alert("Errors", service="cart"))
        assert isinstance(record, Alerts)
        theirs = record.model_copy(update={"alerts": (record.alerts[0].model_copy(update={"tenant": "acme"}),)})
        [incident] = Triage(POLICY).step([Control(at_ms=ms(0), change=made), theirs]).incidents
        assert len(incident.changes) == expected


def test_they_survive_a_restart() -> None:
    triage = Triage(POLICY)
    triage.step([*change(0, "one", service="cart"), *fires(5), *change(6, "two", service="search")])
    restored = Triage.restore(POLICY, triage.snapshot())
    assert restored.snapshot() == triage.snapshot()
    joins = fires(20, alert("Slow", cluster="us", service="search"))
    assert [one.summary for one in restored.step(joins).incidents[-1].changes] == ["two"]


def test_memory_is_bounded_in_number_and_time() -> None:
    changes = Changes(POLICY)
    for number in range(MOST + 50):
        [control] = change(number / 10, f"{number}", service=f"s{number % 3}")
        assert isinstance(control, Control)
        assert control.change is not None
        changes.hear(control.change, control.at_ms)
    assert len(changes.records()) == MOST
    assert max(map(len, changes.named.values())) <= 20
    late = Change(id="chg1:x", at_ms=ms(5000), summary="", labels={"service": "a"})
    assert changes.hear(late, late.at_ms)
    assert changes.records() == [late]
    old = Change(id="chg1:y", at_ms=ms(0), summary="", labels={"service": "a"})
    assert changes.hear(old, ms(5000))  # there may be an incident that it belongs to
    assert changes.records() == [late]


def test_where_no_window_is_set_none_is_remembered() -> None:
    off = Policy.model_validate({"change_window": 0})
    assert shown(change(0, service="cart"), fires(0), policy=off) == []
