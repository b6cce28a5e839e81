"""Scenes that once went wrong, each found by reading the core to explain it; the name says what happens now."""

from collections.abc import Sequence

from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from schemas import Alerts, Control, Reason, Silence, Tick
from tests.scene import alert, at, decided, ms, pages, play, reasons, resolved

DISK = alert("disk", cluster="eu")
OVER = resolved("disk", cluster="eu")


def policy(**fields: object) -> Policy:
    return Policy.model_validate({"group_by": ["cluster"], **fields})


def silence(s: float, until: float) -> list[Control]:
    return [
        Control(
            at_ms=ms(s),
            silence=Silence(
                id="s",
                matchers=('cluster="eu"',),
                starts_at_ms=ms(s),
                ends_at_ms=ms(until),
                created_by="ann",
                comment="",
                updated_at_ms=ms(s),
            ),
        )
    ]


def why(facts: Facts) -> list[tuple[str, str]]:
    return [(p.payload.custom_details.kind.value, p.payload.custom_details.reason.value) for p in facts.pages]


def run(rules: Policy, *steps: Sequence[Alerts | Tick | Control]) -> Facts:
    return Triage(rules).step([r for s in steps for r in s])


def test_a_silenced_alert_that_reopens_its_incident_repeats_nothing() -> None:
    facts = run(
        policy(repeat_after="10m"),
        at(0, DISK),
        at(60, OVER),
        at(130),
        silence(180, 9000),
        at(300, DISK),
        at(700),
        at(1500),
    )
    assert why(facts) == [("trigger", "opened"), ("resolve", "resolved")]


def test_a_page_that_was_silenced_after_it_went_out_does_not_repeat() -> None:
    facts = run(policy(repeat_after="10m"), at(0, DISK), silence(60, 9000), at(700))
    assert why(facts) == [("trigger", "opened")]


def test_a_page_does_not_repeat_in_hours_in_which_nobody_is_paged() -> None:
    night = {
        "name": "night",
        "time_intervals": [{"times": [{"start_time": "22:15", "end_time": "23:59"}]}],
    }  # from s 100
    facts = run(policy(repeat_after="10m", time_intervals=[night], mute_during=["night"]), at(0, DISK), at(700))
    assert why(facts) == [("trigger", "opened")]


def test_what_flaps_faster_than_its_hold_pages() -> None:
    told = [s for n in range(0, 7200, 120) for s in (at(n, DISK), at(n + 60, OVER))]
    facts = play(*told, policy=policy(hold="3m"))
    assert pages(facts)


def test_the_shorter_lease_of_a_twin_does_not_end_an_alert_whose_longer_lease_holds() -> None:
    # prometheus/alertmanager types/types.go, Merge: of two unresolved alerts the later EndsAt rules.
    a = alert("disk", cluster="eu", source="prometheus", lease_s=1200, began_s=0)
    b = alert("disk", cluster="eu", source="prometheus", lease_s=240, began_s=0)
    facts = play(at(0, a), at(1, b), at(305), at(310, a), at(400))
    assert why(facts) == [("trigger", "opened")]


def test_a_source_in_the_same_record_inhibits_whatever_the_order() -> None:
    rules = policy(
        group_by=["name"], inhibit=[{"source": ['kind="node"'], "target": ['kind="pod"'], "equal": ["node"]}]
    )
    facts = play(
        at(0, alert("PodDown", kind="pod", node="n1"), alert("NodeDown", kind="node", node="n1")), policy=rules
    )
    assert pages(facts) == [("trigger", "NodeDown")]


def test_an_event_whose_hold_outlasts_its_window_pages() -> None:
    facts = play(at(0, alert("BackupFailed", source="cron", cluster="eu")), at(9999), policy=policy(hold="5m"))
    assert pages(facts)[:1] == [("trigger", "BackupFailed")]


def test_a_notice_does_not_put_off_the_repeat() -> None:
    told = [s for n in range(0, 500, 100) for s in (at(n, DISK), at(n + 50, OVER))]
    facts = play(*told, at(500, DISK), at(610), policy=policy(repeat_after="10m", flapping={"half_life": "10m"}))
    assert ("update", "repeated") in why(facts)


def test_alerts_that_are_over_do_not_fill_the_memory_for_live_ones() -> None:
    rules = policy(group_by=["host"], max_live_alerts=2)
    steps = [at(n * 5000, alert("x", host=h)) + at(n * 5000 + 10, resolved("x", host=h)) for n, h in enumerate("abc")]
    assert reasons(play(*steps, policy=rules))[4] is Reason.OPENED


def test_silenced_alerts_make_no_storm() -> None:
    rules = policy(group_by=["host"], storm={"floor": 10}, silences=[{"match": ['cluster="old"']}])
    flood = [at(n * 0.1, alert("down", cluster="old", host=f"h{n}")) for n in range(40)]
    real = [
        at(10, alert("DiskFull", cluster="eu", host="db", severity="error")),
        at(11, alert("PaymentsDown", cluster="us", host="pay", severity="error")),
    ]
    assert reasons(play(*flood, *real, policy=rules))[-2:] == [Reason.OPENED, Reason.OPENED]


def test_next_at_knows_when_the_page_repeats() -> None:
    assert decided(play(at(0, DISK), policy=policy(repeat_after="10m")))[0].next_at_ms == ms(600)


def test_matchers_see_the_name_and_severity_of_an_event_that_has_no_such_labels() -> None:
    rules = policy(hold="1m", page_now=['severity="critical"'], silences=[{"match": 'alertname="noise"'}])
    assert reasons(
        play(at(0, alert("disk", severity="critical", cluster="eu")), at(1, alert("noise", cluster="us")), policy=rules)
    ) == [Reason.OPENED, Reason.SILENCED]


def test_a_page_of_a_reopening_that_begins_to_flap_says_reopened() -> None:
    told = at(0, DISK) + at(10, OVER) + at(100, DISK)
    facts = play(told, policy=policy(resolve_after="1m", flapping={"start": 2.5, "half_life": "30m", "longest": "90m"}))
    assert decided(facts)[-1].reason is Reason.REOPENED
    assert why(facts)[-1] == ("trigger", "reopened"), why(facts)


def test_a_policy_loads_from_its_own_dump() -> None:
    rules = policy(silences=[{"match": ['a="b"'], "ends_at": "2026-01-01T00:00:00Z"}])
    assert Policy.model_validate(rules.model_dump(by_alias=True)) == rules


def test_the_first_overflowed_alert_that_nobody_silenced_pages() -> None:
    rules = policy(group_by=["host"], max_live_alerts=1, silences=[{"match": ['cluster="old"']}])
    told = [alert("a", host="1"), alert("b", host="2", cluster="old"), alert("c", host="3"), alert("d", host="4")]
    facts = play(*(at(n, one) for n, one in enumerate(told)), policy=rules)
    assert reasons(facts) == [Reason.OPENED, Reason.SILENCED, Reason.OVERFLOW, Reason.OVERFLOWED]
    assert [page.payload.custom_details.reason for page in facts.pages] == ["opened", "overflow"]


def test_an_alert_that_turns_worse_obeys_the_route_of_its_new_severity() -> None:
    rules = policy(routes=[{"name": "mild", "match": ['severity="warning"'], "hold": "10m"}])
    facts = play(at(0, DISK), at(5, alert("disk", severity="critical", cluster="eu")), policy=rules)
    assert reasons(facts) == [Reason.HELD, Reason.SURFACED]


def test_what_was_due_before_a_record_is_not_judged_by_what_the_record_brings() -> None:
    rules = policy(group_by=["name"], hold="1m", inhibit=[{"source": ['kind="node"'], "target": ['kind="pod"']}])
    pod, node = alert("PodDown", kind="pod"), alert("NodeDown", kind="node")
    other = alert("x", kind="y")
    with_tick = play(at(0, pod), at(61), at(120, node, other), policy=rules)
    without = play(at(0, pod), at(120, node, other), policy=rules)
    assert pages(with_tick)[0] == pages(without)[0] == ("trigger", "PodDown")


def test_a_silence_that_cannot_be_read_silences_nothing_and_stops_nothing() -> None:
    broken = Silence(
        id="s", matchers=("{{{",), starts_at_ms=0, ends_at_ms=10**14, created_by="", comment="", updated_at_ms=0
    )
    triage = Triage(policy())
    facts = triage.step([Control(at_ms=ms(0), silence=broken), *at(1, DISK)])
    assert pages(facts) == [("trigger", "disk")]
    assert Triage.restore(policy(), triage.snapshot()).snapshot() == triage.snapshot()


def test_a_group_label_may_be_called_overflow() -> None:
    facts = play(
        at(0, alert("disk", overflow="1")), at(1, alert("cpu", overflow="1")), policy=policy(group_by=["overflow"])
    )
    assert reasons(facts) == [Reason.OPENED, Reason.JOINED]


def test_a_state_that_goes_on_under_another_policy_obeys_the_routes_of_that_one() -> None:
    mild = {"name": "mild", "match": ['severity="warning"'], "expire_after": "1h"}
    other = {"name": "other", "match": ['cluster="us"'], "expire_after": "3h"}
    before, after = policy(routes=[other, mild]), policy(routes=[mild | {"expire_after": "2h"}])
    triage = Triage(before)
    triage.step(at(0, DISK))
    later = Triage.restore(after, triage.snapshot())
    later.step(at(1, DISK))  # waited for from now on by the route that it has now
    assert later.step(at(3600 + 5)).incidents == []
    assert [incident.state for incident in later.step(at(7200 + 5 + 61)).incidents][-1] == "resolved"
    assert Triage.restore(policy(), triage.snapshot()).step(at(1, DISK)).decisions


def test_what_a_record_lists_twice_is_judged_as_what_it_opened_with() -> None:
    rules = policy(
        group_by=["name"],
        drop_labels=["severity"],
        inhibit=[{"source": ['kind="node"'], "target": ['severity="warning"']}],
    )
    node = alert("NodeDown", kind="node", severity="critical")
    worse, milder = (alert("DiskFull", severity=severity) for severity in ("critical", "warning"))
    facts = play(at(0, worse, milder, node), policy=rules)
    assert reasons(facts) == [Reason.OPENED, Reason.DUPLICATE, Reason.OPENED]
    assert [page[1] for page in pages(facts)] == ["DiskFull", "NodeDown"]
