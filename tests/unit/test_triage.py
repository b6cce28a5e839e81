"""What triage decides, as scenes. `at(seconds, …)` is one raw record; without events it is a tick."""

from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from schemas import Alerts, Control, IncidentState, Outcome, Reason, Severity, Verdict
from tests.scene import POLICY, alert, at, decided, ms, pages, play, reasons, resolved

DISK = alert("disk", cluster="eu", host="a")
CPU = alert("cpu", cluster="eu", host="b")
DISK_OVER = resolved("disk", cluster="eu", host="a")
CPU_OVER = resolved("cpu", cluster="eu", host="b")


def test_second_alert_joins_the_open_incident() -> None:
    facts = play(at(0, DISK), at(5, CPU))
    assert reasons(facts) == [Reason.OPENED, Reason.JOINED]
    first, second = decided(facts)
    assert first.incident_id == second.incident_id
    assert pages(facts) == [("trigger", "disk")]


def test_alerts_of_one_record_are_told_in_one_page() -> None:
    facts = play(at(0, DISK, CPU))
    assert len(facts.pages) == 1
    assert facts.pages[0].payload.custom_details.alert_count == 2
    assert [decision.paged for decision in decided(facts)] == [True, False]
    assert [incident.revision for incident in facts.incidents] == [1]


def test_a_repeat_is_a_duplicate_however_old_its_start() -> None:
    facts = play(at(0, DISK), at(1, DISK), at(4 * 3600, alert("disk", cluster="eu", host="a", began_s=0)))
    assert reasons(facts) == [Reason.OPENED, Reason.DUPLICATE, Reason.DUPLICATE]
    assert len(facts.pages) == 1


def test_twins_of_a_pair_are_one_alert() -> None:
    one, two = (alert("disk", cluster="eu", replica=replica) for replica in "ab")
    assert reasons(play(at(0, one), at(3, two))) == [Reason.OPENED, Reason.DUPLICATE]


def test_alerts_that_differ_in_a_group_label_are_two_incidents() -> None:
    facts = play(at(0, DISK), at(1, alert("disk", cluster="us", host="a")))
    assert reasons(facts) == [Reason.OPENED, Reason.OPENED]
    assert len({decision.incident_id for decision in decided(facts)}) == 2


def test_alerts_without_any_group_label_group_by_name() -> None:
    facts = play(at(0, alert("disk", x="1")), at(1, alert("disk", x="2")), at(2, alert("cpu")))
    assert reasons(facts) == [Reason.OPENED, Reason.JOINED, Reason.OPENED]


def test_an_incident_that_stopped_growing_takes_no_new_alert() -> None:
    facts = play(at(0, DISK), at(299, CPU), at(600, alert("net", cluster="eu")))
    assert reasons(facts) == [Reason.OPENED, Reason.JOINED, Reason.OPENED]


def test_a_chain_ends_at_the_greatest_age() -> None:
    policy = Policy(group_by=("cluster",), gap=300, max_age=500)
    facts = play(*(at(200 * n, alert(f"a{n}", cluster="eu")) for n in range(5)), policy=policy)
    assert reasons(facts) == [Reason.OPENED, Reason.JOINED, Reason.JOINED, Reason.OPENED, Reason.JOINED]


def test_incident_resolves_when_all_stayed_over() -> None:
    facts = play(at(0, DISK, CPU), at(10, DISK_OVER), at(20, CPU_OVER), at(79), at(80))
    assert pages(facts) == [("trigger", "disk"), ("resolve", "disk")]
    last = facts.incidents[-1]
    assert (last.state, last.firing, last.resolved_at_ms) == (IncidentState.RESOLVED, 0, ms(80))


def test_incident_stays_open_while_one_alert_fires() -> None:
    facts = play(at(0, DISK, CPU), at(10, DISK_OVER), at(3600))
    assert pages(facts) == [("trigger", "disk")]


def test_refiring_within_the_quiet_time_neither_resolves_nor_pages() -> None:
    facts = play(at(0, DISK), at(10, DISK_OVER), at(30, DISK), at(3600))
    assert reasons(facts) == [Reason.OPENED, Reason.RESOLVED, Reason.REFIRED]
    assert pages(facts) == [("trigger", "disk")]


def test_refiring_soon_after_the_incident_resolved_reopens_it_under_the_same_id() -> None:
    facts = play(at(0, DISK), at(10, DISK_OVER), at(600, DISK), at(2000, DISK_OVER), at(2060))
    assert reasons(facts) == [Reason.OPENED, Reason.RESOLVED, Reason.REOPENED, Reason.RESOLVED]
    assert pages(facts) == [("trigger", "disk"), ("resolve", "disk"), ("trigger", "disk"), ("resolve", "disk")]
    assert len({decision.incident_id for decision in decided(facts)}) == 1
    assert facts.incidents[-1].reopened == 1


def test_refiring_long_after_the_incident_resolved_is_a_new_incident() -> None:
    facts = play(at(0, DISK), at(10, DISK_OVER), at(671, DISK))
    assert reasons(facts) == [Reason.OPENED, Reason.RESOLVED, Reason.OPENED]
    ids = [decision.incident_id for decision in decided(facts)]
    assert ids[0] == ids[1] != ids[2]


def test_a_stranger_never_joins_an_incident_that_resolved() -> None:
    facts = play(at(0, DISK), at(10, DISK_OVER), at(80, CPU))
    assert reasons(facts) == [Reason.OPENED, Reason.RESOLVED, Reason.OPENED]


def test_incidents_that_one_alert_opens_in_one_millisecond_have_two_ids() -> None:
    policy = Policy(resolve_after=0, reopen_within=0)
    facts = play(at(0, DISK), at(0, DISK_OVER), at(0.001), at(0.001, DISK), at(0.001, DISK_OVER), policy=policy)
    ids = [incident.incident_id for incident in facts.incidents if incident.revision == 1]
    assert len(ids) == len(set(ids)) == 2


def test_a_resolve_never_opens_an_incident() -> None:
    facts = play(at(0, DISK_OVER))
    assert reasons(facts) == [Reason.NEVER_FIRED]
    assert decided(facts)[0].incident_id is None
    assert not facts.incidents
    assert not facts.pages


def test_a_second_resolve_names_the_incident_and_changes_nothing() -> None:
    facts = play(at(0, DISK), at(10, DISK_OVER), at(12, DISK_OVER), at(600, DISK_OVER))
    assert reasons(facts)[2:] == [Reason.ALREADY_RESOLVED] * 2
    assert len({decision.incident_id for decision in decided(facts)}) == 1
    assert pages(facts) == [("trigger", "disk"), ("resolve", "disk")]


def test_a_late_resolve_of_an_earlier_firing_does_not_end_the_new_one() -> None:
    late = DISK_OVER  # says that it ended at 20, but the alert fires again since 30
    facts = play(at(0, DISK), at(20, DISK_OVER), at(30, DISK), at(20, late), at(3600))
    assert reasons(facts) == [Reason.OPENED, Reason.RESOLVED, Reason.REFIRED, Reason.ALREADY_RESOLVED]
    assert decided(facts)[3].is_late
    assert pages(facts) == [("trigger", "disk")]


def test_a_severity_above_all_before_pages_again_and_a_lower_one_does_not() -> None:
    worse = alert("cpu", severity="critical", cluster="eu")
    milder = alert("net", severity="info", cluster="eu")
    facts = play(at(0, DISK), at(5, milder), at(9, worse))
    assert reasons(facts) == [Reason.OPENED, Reason.JOINED, Reason.RAISED]
    assert pages(facts) == [("trigger", "disk"), ("update", "cpu")]
    assert facts.incidents[-1].severity is Severity.CRITICAL


def test_an_alert_that_turns_worse_itself_pages_again() -> None:
    worse = alert("disk", severity="critical", cluster="eu", host="a")
    facts = play(at(0, DISK), at(5, worse), at(6, worse), at(7, DISK_OVER), at(600))
    assert reasons(facts) == [Reason.OPENED, Reason.RAISED, Reason.DUPLICATE, Reason.RESOLVED]
    assert pages(facts) == [("trigger", "disk"), ("update", "disk"), ("resolve", "disk")]


def test_worse_alerts_in_one_record_are_one_page_with_the_worst() -> None:
    facts = play(at(0, DISK, alert("cpu", severity="critical", cluster="eu")))
    assert [page.payload.severity for page in facts.pages] == ["critical"]
    assert reasons(facts) == [Reason.OPENED, Reason.JOINED]


def test_a_lease_that_is_not_renewed_resolves() -> None:
    leased = alert("up", source="prometheus", lease_s=240, cluster="eu")
    facts = play(at(0, leased), at(60, leased), at(299), at(300), at(360))
    assert pages(facts) == [("trigger", "up"), ("resolve", "up")]
    assert facts.incidents[-1].resolved_at_ms == ms(360)


def test_the_end_of_what_was_never_heard_of_again_does_not_claim_that_its_source_said_so() -> None:
    facts = play(at(0, alert("backup", source="cron", cluster="eu")), at(9999))
    assert facts.pages[-1].payload.custom_details.reason is Reason.EXPIRED
    facts = play(at(0, alert("up", lease_s=240, cluster="eu")), at(100, resolved("up", cluster="eu")), at(9999))
    assert facts.pages[-1].payload.custom_details.reason is Reason.RESOLVED


def test_a_lease_that_ended_before_it_came_is_of_a_clock_behind_ours_and_says_nothing() -> None:
    behind = alert("up", source="prometheus", lease_s=-50, cluster="eu", began_s=-300)
    facts = play(at(0, behind), at(60, behind), at(359), at(360), at(420))
    assert [one.next_at_ms for one in decided(facts)] == [ms(300), ms(360)]
    assert pages(facts) == [("trigger", "up"), ("resolve", "up")]
    assert facts.incidents[-1].resolved_at_ms == ms(420)


def test_a_lease_that_ends_within_the_hold_pages_since_nobody_said_that_it_is_over() -> None:
    rules = Policy(group_by=("cluster",), hold=120)
    short = alert("up", source="prometheus", lease_s=10, cluster="eu", began_s=0)
    facts = play(at(0, short), at(60, short), at(119), at(120), at(600), policy=rules)
    assert reasons(facts) == [Reason.HELD, Reason.DUPLICATE]
    assert [page.payload.custom_details.reason for page in facts.pages] == [Reason.HOLD_ENDED, Reason.EXPIRED]
    over = resolved("up", source="prometheus", cluster="eu")
    assert not play(at(0, short), at(60, over), at(600), policy=rules).pages


def test_a_lease_that_ended_while_its_record_was_late_ends_with_the_next_moment() -> None:
    late = alert("up", source="prometheus", lease_s=240, cluster="eu")
    facts = play(at(1000, alert("disk", cluster="us")), at(100, late))
    assert decided(facts)[1].next_at_ms == ms(1000.001)


def test_an_event_source_that_never_resolves_starts_anew_after_its_window() -> None:
    scan = alert("port scan", source="ids", cluster="eu")
    facts = play(at(0, scan), at(200, scan), at(800, scan))
    assert reasons(facts) == [Reason.OPENED, Reason.DUPLICATE, Reason.REOPENED]


def test_a_source_that_has_said_resolved_is_waited_for() -> None:
    facts = play(
        at(0, resolved("other", source="zabbix", cluster="x")),
        at(1, alert("disk", source="zabbix", cluster="eu")),
        at(3600, alert("disk", source="zabbix", cluster="eu")),
    )
    assert reasons(facts)[1:] == [Reason.OPENED, Reason.DUPLICATE]


def test_late_is_a_flag_and_the_alert_still_pages() -> None:
    facts = play(at(100, DISK), at(40, alert("cpu", cluster="us")))
    assert [decision.is_late for decision in decided(facts)] == [False, True]
    assert len(facts.pages) == 2


def test_a_decision_says_when_something_happens_next() -> None:
    facts = play(at(0, DISK), at(10, DISK_OVER))
    firing, over = decided(facts)
    assert firing.next_at_ms == ms(0) + POLICY.expire_after_ms
    assert over.next_at_ms == ms(10) + POLICY.resolve_after_ms


def test_what_is_cut_from_an_incident_is_counted() -> None:
    policy = Policy(group_by=("cluster",), max_listed=3)
    facts = play(at(0, *(alert(f"a{n}", cluster="eu") for n in range(10)), policy=policy), policy=policy)
    (incident,) = facts.incidents
    assert (incident.alerts, len(incident.members), incident.unlisted) == (10, 3, 7)
    details = facts.pages[0].payload.custom_details
    assert (details.alert_count, len(details.alerts), details.unlisted) == (10, 3, 7)


def test_a_raw_record_that_is_written_again_is_not_decided_again() -> None:
    first, second = at(0, DISK), at(10, DISK_OVER)
    facts = play(first, second, at(100), first, second)
    assert reasons(facts) == [Reason.OPENED, Reason.RESOLVED]
    assert len(facts.pages) == 2


def test_team_is_fixed_when_the_incident_opens() -> None:
    facts = play(at(0, alert("disk", cluster="eu", team="db")), at(1, alert("cpu", cluster="eu", team="web")))
    assert {incident.team for incident in facts.incidents} == {"db"}


def test_over_alerts_are_forgotten() -> None:
    triage = Triage(POLICY)
    triage.step([*at(0, DISK), *at(10, DISK_OVER), *at(9 + 86400)])
    assert b"disk" in triage.snapshot()
    triage.step(at(10 + 86400))
    assert b'"host":"a"' not in triage.snapshot()
    assert triage.next_deadline_ms() is None


def test_next_is_the_repeat_of_the_last_page_and_none_once_somebody_is_on_it() -> None:
    rules = Policy(group_by=("cluster",), repeat_after=3600, expire_after=86_400)
    triage = Triage(rules)
    [opened] = decided(triage.step(at(0, alert("Disk", cluster="eu"), policy=rules)))
    assert opened.next_at_ms == ms(3600)
    [raised] = decided(triage.step(at(600, alert("Disk", cluster="eu", severity="error"), policy=rules)))
    assert (raised.reason, raised.next_at_ms) == (Reason.RAISED, ms(4200))
    key = opened.incident_id or ""
    seen = Outcome(incident_id=key, verdict=Verdict.ACKNOWLEDGED, by="ada", via="pagerduty", at_ms=ms(700))
    triage.step([Control(at_ms=ms(700), outcome=seen)])
    [worse] = decided(triage.step(at(800, alert("Disk", cluster="eu", severity="critical"), policy=rules)))
    assert (worse.reason, worse.next_at_ms) == (Reason.RAISED, ms(800) + 86_400_000)


def test_a_late_resolve_that_does_not_say_when_it_ended_leaves_what_began_since() -> None:
    firing = at(200_000, alert("Disk", cluster="eu", began_s=199_990))
    [late] = at(27_200, resolved("Disk", cluster="eu")._replace(began_s=10_000))
    assert isinstance(late, Alerts)
    late = late.altered(alerts=tuple(one.altered(ends_at_ms=None) for one in late.alerts))
    facts = play(firing, [late])
    assert reasons(facts) == [Reason.OPENED, Reason.ALREADY_RESOLVED]
    assert len(facts.pages) == 1


def test_a_firing_that_comes_behind_its_own_end_neither_pages_nor_stays() -> None:
    late = alert("disk", cluster="eu", host="a", began_s=0)
    facts = play(at(0, DISK), at(100, DISK_OVER), at(50, late), at(300), at(60, late), at(900))
    assert reasons(facts) == [Reason.OPENED, Reason.RESOLVED, Reason.ALREADY_RESOLVED, Reason.ALREADY_RESOLVED]
    assert pages(facts) == [("trigger", "disk"), ("resolve", "disk")]
    assert not any(one.paged for one in decided(facts)[1:])


def test_a_firing_that_comes_late_but_began_behind_the_end_fires_again() -> None:
    facts = play(at(0, DISK), at(100, DISK_OVER), at(140, DISK_OVER), at(120, DISK))
    assert reasons(facts)[-1] is Reason.REFIRED


def test_what_begins_in_the_very_millisecond_of_an_end_that_nobody_saw_begin_fires_on() -> None:
    facts = play(at(0, resolved("disk", cluster="eu"), alert("disk", cluster="eu")), at(900))
    assert reasons(facts) == [Reason.NEVER_FIRED, Reason.OPENED]
    assert pages(facts) == [("trigger", "disk")]
