"""What keeps an alert from paging, and what lets it page after all."""

from collections.abc import Sequence

from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from schemas import Alerts, Control, IncidentState, Outcome, Reason, Silence, Tick, Verdict
from tests.scene import alert, at, decided, ms, pages, play, reasons, resolved

DISK = alert("disk", cluster="eu")
DISK_OVER = resolved("disk", cluster="eu")


def policy(**fields: object) -> Policy:
    return Policy.model_validate({"group_by": ["cluster"], **fields})


def silence(seconds: float, match: str, until: float, name: str = "s1") -> list[Control]:
    record = Silence(
        id=name,
        matchers=(match,),
        starts_at_ms=ms(seconds),
        ends_at_ms=ms(until),
        created_by="ann",
        comment="",
        updated_at_ms=ms(seconds),
    )
    return [Control(at_ms=ms(seconds), silence=record)]


def acknowledged(seconds: float, incident_id: str | None) -> list[Control]:
    outcome = Outcome(
        incident_id=incident_id or "", verdict=Verdict.ACKNOWLEDGED, by="ann", via="pagerduty", at_ms=ms(seconds)
    )
    return [Control(at_ms=ms(seconds), outcome=outcome)]


def test_what_resolves_within_its_hold_is_transient_and_never_paged() -> None:
    facts = play(at(0, DISK), at(30, DISK_OVER), at(600), policy=policy(hold="1m"))
    assert reasons(facts) == [Reason.HELD, Reason.TRANSIENT]
    assert decided(facts)[0].next_at_ms == ms(60)
    assert not facts.pages
    last = facts.incidents[-1]
    assert (last.state, last.is_paged, last.quiet) == (IncidentState.RESOLVED, False, Reason.HELD)


def test_what_is_over_still_says_why_nobody_was_paged() -> None:
    def last(*records: Sequence[Alerts | Tick | Control], **rules: object) -> tuple[IncidentState, Reason | None]:
        facts = Triage(policy(**rules)).step([record for several in records for record in several])
        return facts.incidents[-1].state, facts.incidents[-1].quiet

    muted = silence(0, 'cluster="eu"', 9999)
    assert last(at(0, DISK), at(30, DISK_OVER), hold="1m") == (IncidentState.OPEN, Reason.HELD)
    assert last(at(0, DISK), at(30, DISK_OVER), at(900), at_least=2) == (IncidentState.RESOLVED, Reason.TOO_FEW)
    assert last(muted, at(0, DISK), at(30, DISK_OVER), at(900)) == (IncidentState.RESOLVED, Reason.SILENCED)
    assert last(at(0, DISK, DISK_OVER), at(900), hold="1m") == (IncidentState.RESOLVED, Reason.HELD)
    assert last(at(0, DISK), muted, at(30, DISK_OVER), at(900)) == (IncidentState.RESOLVED, None), "for it was paged"


def test_what_is_over_says_why_its_worst_was_quiet_last() -> None:
    worse, worse_over = alert("cpu", severity="critical", cluster="eu"), resolved("cpu", cluster="eu")
    worst_is_muted = silence(0, 'alertname="cpu"', 9999)
    steps = [*worst_is_muted, *at(1, worse), *at(2, DISK), *at(3, worse_over), *at(4, DISK_OVER), *at(900)]
    facts = Triage(policy(hold="1m")).step(steps)
    assert {one.quiet for one in facts.incidents} == {Reason.SILENCED}

    held_then_muted = [*at(0, DISK), *silence(30, 'cluster="eu"', 9999), *at(60), *at(70, DISK_OVER), *at(900)]
    facts = Triage(policy(hold="1m")).step(held_then_muted)
    assert [one.quiet for one in facts.incidents] == [Reason.HELD, *[Reason.SILENCED] * 3]


def test_a_reopened_incident_says_why_nobody_was_paged_this_time() -> None:
    first = [*at(0, DISK), *at(30, DISK_OVER), *at(100)]
    again = [*silence(130, 'cluster="eu"', 9999), *at(140, DISK), *at(150, DISK_OVER), *at(9000)]
    facts = Triage(policy(hold="1m", resolve_after="1m")).step([*first, *again])
    assert [one.quiet for one in facts.incidents if one.resolved_at_ms] == [Reason.HELD, Reason.SILENCED]
    facts = Triage(policy(resolve_after="1m")).step([*first, *again])
    assert [one.quiet for one in facts.incidents if one.resolved_at_ms] == [None, Reason.SILENCED]


def test_a_snapshot_keeps_why_nobody_was_paged() -> None:
    rules = policy(hold="1m")
    triage = Triage(rules)
    triage.step([*at(0, DISK), *at(30, DISK_OVER)])
    [last] = Triage.restore(rules, triage.snapshot()).step(at(900)).incidents
    assert (last.state, last.quiet) == (IncidentState.RESOLVED, Reason.HELD)


def test_what_outlasts_its_hold_pages_when_it_ends() -> None:
    facts = play(at(0, DISK), at(59), policy=policy(hold="1m"))
    assert (pages(facts), facts.incidents[-1].quiet) == ([], Reason.HELD)
    facts = play(at(0, DISK), at(60), at(90, DISK_OVER), at(150), policy=policy(hold="1m"))
    assert pages(facts) == [("trigger", "disk"), ("resolve", "disk")]
    assert facts.pages[0].payload.custom_details.reason is Reason.HOLD_ENDED
    assert reasons(facts) == [Reason.HELD, Reason.RESOLVED]


def test_page_now_is_never_held_nor_counted() -> None:
    rules = policy(hold="1m", at_least=3, page_now=[['severity="critical"']])
    worse = alert("disk", severity="critical", cluster="eu")._replace(labels={"cluster": "eu", "severity": "critical"})
    assert reasons(play(at(0, worse), policy=rules)) == [Reason.OPENED]


def test_an_alert_that_joins_a_held_incident_and_is_not_held_pages() -> None:
    rules = policy(routes=[{"name": "slow", "match": ['kind="slow"'], "hold": "5m"}])
    facts = play(at(0, alert("a", cluster="eu", kind="slow")), at(5, alert("b", cluster="eu")), policy=rules)
    assert reasons(facts) == [Reason.HELD, Reason.SURFACED]
    assert pages(facts) == [("trigger", "a")]


def test_the_first_route_that_matches_decides() -> None:
    rules = policy(
        routes=[
            {"name": "one", "match": ['team="db"'], "hold": "5m"},
            {"name": "two", "match": ['team=~".+"'], "hold": "1m"},
        ]
    )
    facts = play(at(0, alert("a", cluster="eu", team="db"), alert("b", cluster="us", team="web")), policy=rules)
    assert [decision.next_at_ms for decision in decided(facts)] == [ms(300), ms(60)]


def test_a_page_waits_until_enough_alerts_of_its_route_fire() -> None:
    rules = policy(routes=[{"name": "web", "match": ['job="web"'], "at_least": 3, "group_by": ["host"]}])
    hosts = [alert("down", job="web", host=name) for name in "abcd"]
    facts = play(*(at(n, told) for n, told in enumerate(hosts)), policy=rules)
    assert reasons(facts) == [Reason.TOO_FEW, Reason.TOO_FEW, Reason.OPENED, Reason.OPENED]
    assert sorted(page.payload.custom_details.reason for page in facts.pages) == [
        "enough",
        "enough",
        "opened",
        "opened",
    ]


def test_too_few_stay_quiet_when_one_resolves_in_between() -> None:
    rules = policy(at_least=2, group_by=["host"])
    told = [alert("down", host="a"), resolved("down", host="a"), alert("down", host="b")]
    assert not play(*(at(n, one) for n, one in enumerate(told)), policy=rules).pages


def test_a_silence_from_the_policy_keeps_quiet() -> None:
    facts = play(at(0, DISK), at(90, DISK_OVER), at(200), policy=policy(silences=[{"match": ['cluster="eu"']}]))
    assert reasons(facts) == [Reason.SILENCED, Reason.RESOLVED]
    assert not facts.pages


def run(rules: Policy, *steps: object) -> Facts:
    return Triage(rules).step([record for step in steps for record in step])  # type: ignore[attr-defined]  # lists


def test_a_silence_holds_from_its_control_on_and_pages_what_outlasts_it() -> None:
    facts = run(policy(), at(0, alert("x", cluster="us")), silence(1, 'cluster="eu"', 100), at(2, DISK), at(99))
    assert reasons(facts) == [Reason.OPENED, Reason.SILENCED]
    assert decided(facts)[1].next_at_ms == ms(100)
    facts = run(policy(), at(0, alert("x", cluster="us")), silence(1, 'cluster="eu"', 100), at(2, DISK), at(100))
    assert [page.payload.custom_details.reason for page in facts.pages] == [Reason.OPENED, Reason.QUIET_ENDED]


def test_a_silence_that_is_expired_early_pages_what_still_fires() -> None:
    facts = run(policy(), silence(0, 'cluster="eu"', 1000), at(2, DISK), silence(50, 'cluster="eu"', 50))
    assert pages(facts) == [("trigger", "disk")]


def test_a_page_that_was_triggered_resolves_also_if_it_is_silenced_meanwhile() -> None:
    facts = run(policy(), at(0, DISK), silence(5, 'cluster="eu"', 9999), at(10, DISK_OVER), at(70))
    assert pages(facts) == [("trigger", "disk"), ("resolve", "disk")]


def test_a_silenced_alert_that_turns_worse_stays_quiet_and_an_unsilenced_one_pages() -> None:
    worse = alert("disk", severity="critical", cluster="eu")
    other = alert("cpu", severity="critical", cluster="eu")
    facts = run(policy(), at(0, DISK), silence(5, 'alertname="disk"', 9999), at(6, worse), at(7, other))
    assert reasons(facts) == [Reason.OPENED, Reason.SILENCED, Reason.RAISED]
    facts = run(policy(), at(0, DISK), silence(5, 'cluster="eu"', 9999), at(6, worse))
    assert reasons(facts) == [Reason.OPENED, Reason.SILENCED]


def test_a_target_is_inhibited_while_its_source_fires_and_pages_when_that_ends() -> None:
    rules = policy(
        group_by=["name"], inhibit=[{"source": ['kind="node"'], "target": ['kind="pod"'], "equal": ["node"]}]
    )
    node, pod = alert("NodeDown", kind="node", node="n1"), alert("PodDown", kind="pod", node="n1")
    stranger = alert("OtherDown", kind="pod", node="n2")
    facts = play(
        at(0, node), at(1, pod), at(2, stranger), at(50, resolved("NodeDown", kind="node", node="n1")), policy=rules
    )
    assert reasons(facts) == [Reason.OPENED, Reason.INHIBITED, Reason.OPENED, Reason.RESOLVED]
    assert pages(facts) == [("trigger", "NodeDown"), ("trigger", "OtherDown"), ("trigger", "PodDown")]


def test_a_restored_state_knows_who_is_inhibited_by_whom() -> None:
    rules = policy(group_by=["name"], inhibit=[{"source": ['kind="node"'], "target": ['kind="pod"']}])
    before = Triage(rules)
    before.step([*at(0, alert("NodeDown", kind="node")), *at(1, alert("PodDown", kind="pod"))])
    after = Triage.restore(rules, before.snapshot()).step(at(50, resolved("NodeDown", kind="node")))
    assert pages(after) == [("trigger", "PodDown")]


def test_what_ends_in_the_millisecond_in_which_it_is_freed_pages_nobody() -> None:
    rules = policy(group_by=["name"], inhibit=[{"source": ['kind="node"'], "target": ['kind="pod"']}])
    node, pod = (alert(name, kind=kind, lease_s=100) for name, kind in (("NodeDown", "node"), ("PodDown", "pod")))
    facts = play(at(0, node, pod), at(500), policy=rules)
    assert [name for _, name in pages(facts)] == ["NodeDown", "NodeDown"]
    assert {one.quiet for one in facts.incidents if one.summary.startswith("PodDown")} == {Reason.INHIBITED}


def test_a_reopened_incident_that_is_silenced_does_not_repeat_a_page_of_its_former_life() -> None:
    rules = policy(repeat_after="5m")
    facts = run(
        rules, at(0, DISK), at(10, DISK_OVER), at(70), silence(80, 'cluster="eu"', 9000), at(90, DISK), at(8000)
    )
    assert pages(facts) == [("trigger", "disk"), ("resolve", "disk")]


def test_an_alert_does_not_inhibit_itself() -> None:
    rules = policy(inhibit=[{"source": ['cluster="eu"'], "target": ['cluster="eu"'], "equal": ["cluster"]}])
    assert reasons(play(at(0, DISK), at(1, alert("cpu", cluster="eu")), policy=rules)) == [Reason.OPENED, Reason.JOINED]


def test_a_muted_route_pages_when_the_interval_ends() -> None:
    # The scenes begin on 2023-11-14 at 22:13:20 UTC.
    night = {"name": "night", "time_intervals": [{"times": [{"start_time": "22:00", "end_time": "22:15"}]}]}
    rules = policy(time_intervals=[night], mute_during=["night"])
    facts = play(at(0, DISK), at(99), at(100), policy=rules)
    assert reasons(facts) == [Reason.MUTED]
    assert decided(facts)[0].next_at_ms == ms(100)
    assert [page.payload.custom_details.reason for page in facts.pages] == [Reason.QUIET_ENDED]


def test_a_route_with_hours_pages_within_them_only() -> None:
    later = {"name": "later", "time_intervals": [{"times": [{"start_time": "22:15", "end_time": "23:00"}]}]}
    facts = play(at(0, DISK), at(99), at(100), policy=policy(time_intervals=[later], page_during=["later"]))
    assert reasons(facts) == [Reason.MUTED]
    assert len(facts.pages) == 1


def test_maintenance_mutes_what_it_names() -> None:
    night = {"name": "night", "time_intervals": [{"times": [{"start_time": "22:00", "end_time": "23:00"}]}]}
    rules = policy(time_intervals=[night], maintenance=[{"match": ['cluster="eu"'], "during": ["night"]}])
    assert reasons(play(at(0, DISK, alert("cpu", cluster="us")), policy=rules)) == [Reason.MUTED, Reason.OPENED]


def test_a_page_repeats_until_somebody_acknowledges_it() -> None:
    rules = policy(repeat_after="10m")
    first = decided(run(rules, at(0, DISK)))[0].incident_id
    facts = run(
        rules, at(0, DISK), at(600), at(1199), acknowledged(1199, first), at(5000), at(5001, DISK_OVER), at(5061)
    )
    assert [page.payload.custom_details.reason for page in facts.pages] == ["opened", "repeated", "resolved"]
    assert IncidentState.ACKNOWLEDGED in [i.state for i in facts.incidents if i.acknowledged_by == "ann"]


def test_an_alert_that_flaps_is_told_once_and_its_incident_stays_open_until_it_stops() -> None:
    rules = policy(flapping={"half_life": "10m", "start": 3, "stop": 1})
    told = [step for n in range(0, 600, 100) for step in (at(n, DISK), at(n + 50, DISK_OVER))]
    facts = play(*told, at(5000), policy=rules)
    assert [kind for kind, _ in pages(facts)] == ["trigger", "update", "update", "resolve"]
    assert [p.payload.custom_details.reason for p in facts.pages] == ["opened", "flapping", "flap_ended", "resolved"]
    assert Reason.FLAPPING in reasons(facts)
    assert len({decision.incident_id for decision in decided(facts)}) == 1


def test_more_alerts_than_may_be_remembered_page_as_one_incident() -> None:
    rules = policy(max_live_alerts=2, group_by=["host"])
    told = [alert("a", host=str(n)) for n in range(5)] + [alert("b", host="9", severity="critical")]
    facts = play(*(at(n, one) for n, one in enumerate(told)), policy=rules)
    assert reasons(facts) == [
        Reason.OPENED,
        Reason.OPENED,
        Reason.OVERFLOW,
        Reason.OVERFLOWED,
        Reason.OVERFLOWED,
        Reason.RAISED,
    ]
    assert len(facts.pages) == 4


def test_a_storm_is_one_incident_and_what_is_critical_and_unlike_it_pages_alone() -> None:
    rules = policy(group_by=["host"], storm={"floor": 10})
    flood = [at(n * 0.1, alert("down", host=f"h{n}")) for n in range(40)]
    fire = at(10, alert("DataLoss", host="db", severity="critical"))
    facts = play(*flood, fire, at(2000), policy=rules)
    assert reasons(facts)[:9] == [Reason.OPENED] * 9
    assert reasons(facts)[9] is Reason.STORM_BEGAN
    assert reasons(facts)[10:] == [Reason.STORM] * 30 + [Reason.OPENED]
    assert len(facts.pages) == 9 + 1 + 1 + 1
    ended = facts.pages[-1].payload
    assert ended.custom_details.reason is Reason.STORM_ENDED
    assert ended.summary.startswith("Storm over: 41 new alerts")


def test_a_page_that_goes_out_while_time_leaps_is_repeated_in_time() -> None:
    rules = policy(hold="1m", repeat_after="10m", expire_after="30m")
    facts = play(at(0, DISK), at(9000), policy=rules)
    told = [page.payload.custom_details.reason for page in facts.pages]
    assert told == [Reason.HOLD_ENDED, Reason.REPEATED, Reason.REPEATED, Reason.EXPIRED]
