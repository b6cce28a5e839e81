"""What cannot be remembered is counted and named, and its incident ends when it does."""

from pipeline.core.overflow import MOST_KNOWN
from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from schemas import Alerts, Control, Incident, Outcome, Reason, Tick, Verdict
from tests.scene import alert, at, decided, ms, play, reasons, resolved

POLICY = Policy.model_validate({"group_by": ["cluster"], "max_live_alerts": 1, "resolve_after": "10s"})
OVER = resolved("Disk", cluster="us")


def full() -> list[Alerts | Tick]:
    return [*at(0, alert("Disk", cluster="eu")), *at(1, alert("Disk", cluster="us"))]


def of_overflow(facts: Facts) -> Incident:
    """The last that was told of the incident that pages for what cannot be remembered."""
    return [incident for incident in facts.incidents if "overflow" in incident.group][-1]


def flood(count: int, severity: str = "warning") -> list[list[Alerts | Tick]]:
    return [at(2 + n / 1000, alert("Down", cluster=f"c{n}", severity=severity)) for n in range(count)]


def test_a_page_and_its_incident_count_what_cannot_be_remembered() -> None:
    facts = play(
        full(), at(2, alert("a", cluster="1")), at(3, alert("b", cluster="2", severity="critical")), policy=POLICY
    )
    incident, details = of_overflow(facts), facts.pages[-1].payload.custom_details
    assert (incident.alerts, incident.firing, incident.events, incident.unlisted) == (3, 3, 3, 2)
    assert (details.alert_count, details.firing, len(details.alerts), details.unlisted) == (3, 3, 1, 2)
    assert facts.pages[-1].payload.summary.startswith("b in cluster 2 and 2 more alerts than can be remembered, since")


def test_what_ends_is_not_counted_as_firing_any_more() -> None:
    facts = play(full(), at(2, alert("a", cluster="1")), at(3, resolved("a", cluster="1")), policy=POLICY)
    assert decided(facts)[-1].reason is Reason.RESOLVED
    assert (of_overflow(facts).alerts, of_overflow(facts).firing) == (2, 1)
    again = play(
        full(),
        at(2, alert("a", cluster="1")),
        at(3, resolved("a", cluster="1")),
        at(4, alert("a", cluster="1")),
        policy=POLICY,
    )
    assert (of_overflow(again).alerts, of_overflow(again).firing) == (2, 2)


def test_so_many_are_counted_one_by_one_and_of_more_at_least_that_is_said() -> None:
    triage = Triage(POLICY)
    facts = triage.step([*full(), *(record for several in flood(MOST_KNOWN + 100) for record in several)])
    incident = of_overflow(facts)
    assert incident.alerts == 1 + MOST_KNOWN
    assert f" and at least {MOST_KNOWN} more alerts than can be remembered" in incident.summary
    assert len(facts.pages) == 2
    [end] = decided(triage.step(at(5, resolved("Down", cluster=f"c{MOST_KNOWN + 50}"))))
    assert (end.reason, end.incident_id) == (Reason.OVERFLOWED, incident.incident_id)
    ends = [record for n in range(MOST_KNOWN) for record in at(6, resolved("Down", cluster=f"c{n}"))]
    assert set(reasons(triage.step(ends))) == {Reason.RESOLVED}
    triage.step([*at(7, OVER), *at(8, resolved("Disk", cluster="eu"))])
    assert len(triage.step(at(80_000)).pages) == 1
    assert [page.payload.custom_details.reason for page in triage.step(at(86_400 + 20)).pages] == ["expired"]


def test_what_ended_makes_room_to_be_counted() -> None:
    triage = Triage(POLICY)
    triage.step([*full(), *(record for several in flood(MOST_KNOWN) for record in several)])
    triage.step([record for n in range(MOST_KNOWN) for record in at(100, resolved("Down", cluster=f"c{n}"))])
    facts = triage.step([*at(200, alert("New", cluster="n")), *at(201, resolved("New", cluster="n"))])
    assert reasons(facts) == [Reason.OVERFLOWED, Reason.RESOLVED]
    assert of_overflow(facts).firing == 1


def test_of_what_is_to_page_at_once_more_is_counted_than_of_the_rest() -> None:
    rules = POLICY.model_copy(update={"page_now": Policy(page_now=(('severity="critical"',),)).page_now})
    fires = [alert("Fire", cluster=where, severity="critical") for where in "wx"]
    fires = [fires[0], fires[1], fires[1]]
    facts = play(full(), *flood(MOST_KNOWN + 1), *(at(9 + n, fire) for n, fire in enumerate(fires)), policy=rules)
    assert reasons(facts)[-3:] == [Reason.RAISED, Reason.OVERFLOW, Reason.OVERFLOWED]


def test_what_somebody_silenced_pages_at_its_first_event_behind_that() -> None:
    rules = Policy.model_validate(
        POLICY.model_dump(by_alias=True)
        | {
            "page_now": ['severity="critical"'],
            "silences": [{"match": ['cluster="x"'], "ends_at": "2023-11-14T22:13:30Z"}],  # ten seconds later
        }
    )
    fire = alert("Fire", cluster="x", severity="critical")
    facts = play(full(), at(2, fire), at(20, fire), at(30, fire), policy=rules)
    assert reasons(facts)[2:] == [Reason.OVERFLOWED, Reason.RAISED, Reason.OVERFLOWED]


def test_a_record_with_several_that_overflow_is_one_page() -> None:
    body = [
        alert("a", cluster=f"c{n}", severity=severity) for n, severity in enumerate(("warning", "error", "critical"))
    ]
    facts = play(at(0, alert("Disk", cluster="eu")), at(1, *body), policy=POLICY)
    assert reasons(facts) == [Reason.OPENED, Reason.OVERFLOW, Reason.OVERFLOWED, Reason.OVERFLOWED]
    assert [page.payload.severity for page in facts.pages] == ["warning", "critical"]


def test_it_goes_on_from_a_snapshot_as_if_nothing_had_been() -> None:
    first = [*full(), *at(2, alert("a", cluster="1", severity="critical")), *at(3, OVER)]
    then = [*at(60), *at(61, resolved("a", cluster="1")), *at(62, resolved("Disk", cluster="eu")), *at(400)]
    triage = Triage(POLICY)
    triage.step(first)
    restored = Triage.restore(POLICY, triage.snapshot())
    assert restored.snapshot() == triage.snapshot()
    for record in then:
        assert restored.step([record]) == triage.step([record])
    assert restored.snapshot() == triage.snapshot()


def test_it_stays_open_while_there_is_no_room() -> None:
    triage = Triage(POLICY)
    triage.step([*full(), *at(3, OVER)])
    assert triage.step(at(3600)).pages == []
    triage.step(at(3601, resolved("Disk", cluster="eu")))
    assert len(triage.step(at(3700)).pages) == 2


def test_when_it_reopens_it_tells_of_nothing_that_was_before() -> None:
    facts = play(
        full(),
        at(2, alert("a", cluster="1", severity="critical")),
        at(3, resolved("a", cluster="1")),
        at(4, OVER),
        at(5, resolved("Disk", cluster="eu")),
        at(100),
        at(110, alert("Disk", cluster="us")),
        policy=POLICY,
    )
    assert reasons(facts)[-1] is Reason.REOPENED
    assert (of_overflow(facts).alerts, of_overflow(facts).summary[:18]) == (1, "Disk in cluster us")


def test_what_ends_twice_was_over_already() -> None:
    facts = play(
        full(), at(2, alert("a", cluster="1")), *(at(n, resolved("a", cluster="1")) for n in (3, 4)), policy=POLICY
    )
    assert reasons(facts)[-2:] == [Reason.RESOLVED, Reason.ALREADY_RESOLVED]
    assert len({decision.incident_id for decision in decided(facts)[1:]}) == 1


REPEATING = Policy.model_validate(POLICY.model_dump(by_alias=True) | {"repeat_after": "10m"})


def test_its_page_is_repeated_while_only_what_cannot_be_remembered_fires() -> None:
    triage = Triage(REPEATING)
    triage.step([*full(), *at(2, alert("a", cluster="1", severity="critical")), *at(3, OVER)])
    story = [at(601), at(602), at(1202), at(1500, resolved("a", cluster="1")), at(1802), at(2402)]
    told = [triage.step([record]) for records in story for record in records]
    found = [
        [page.payload.custom_details.reason for page in one.pages if "a in" in page.payload.summary] for one in told
    ]
    assert found == [[], [Reason.REPEATED], [Reason.REPEATED], [], [], []]


def test_it_is_not_repeated_once_somebody_has_acknowledged_it_or_for_what_is_silenced() -> None:
    quiet = REPEATING.model_copy(
        update={"silences": Policy.model_validate({"silences": [{"match": ["cluster=1"]}]}).silences}
    )
    worse = alert("a", cluster="1", severity="critical")
    triage = Triage(quiet)
    about = of_overflow(triage.step([*full(), *at(2, worse), *at(3, OVER)])).incident_id
    assert not [page for page in triage.step(at(3000)).pages if page.dedup_key == about]
    triage = Triage(REPEATING)
    facts = triage.step([*full(), *at(2, worse), *at(3, OVER)])
    about = of_overflow(facts).incident_id
    outcome = Outcome(incident_id=about, verdict=Verdict.ACKNOWLEDGED, by="ann", via="pagerduty", at_ms=ms(10))
    triage.step([Control(at_ms=ms(10), outcome=outcome)])
    assert not [page for page in triage.step(at(3000)).pages if page.dedup_key == about]
    back = outcome.model_copy(update={"verdict": Verdict.UNACKNOWLEDGED, "at_ms": ms(3100)})
    triage.step([Control(at_ms=ms(3100), outcome=back)])
    assert [page.payload.custom_details.reason for page in triage.step(at(3700)).pages if page.dedup_key == about] == [
        Reason.REPEATED
    ]


def test_what_has_paged_at_once_does_so_no_more_however_much_is_forgotten_in_between() -> None:
    rules = POLICY.model_copy(update={"page_now": Policy(page_now=(('severity="critical"',),)).page_now})
    fires = [alert("Fire", cluster=where, severity="critical") for where in "xyw"]
    story = [full(), at(3, *fires), at(5, *(resolved("Fire", cluster=where) for where in "xy"))]
    more = [at(100 + n / 1000, alert("Down", cluster=f"c{n}", severity="critical")) for n in range(2 * MOST_KNOWN - 2)]
    triage = Triage(rules)
    triage.step([record for records in (*story, *more) for record in records])
    assert reasons(triage.step(at(200, fires[0]))) == [Reason.OVERFLOWED]


def test_it_is_as_severe_as_the_worst_that_is_not_remembered() -> None:
    worst, worse = alert("a", cluster="1", severity="critical"), alert("Disk", cluster="us", severity="error")
    incident = of_overflow(play(full(), at(2, worst), at(3, worse), policy=POLICY))
    assert (incident.severity, incident.firing) == ("critical", 2)


def test_what_is_beyond_all_counting_keeps_it_open_until_its_time_has_passed() -> None:
    rules = Policy.model_validate({"group_by": ["cluster"], "max_live_alerts": 1, "event_window": "5m"})
    events = [alert("Down", cluster=f"c{n}", source="app") for n in range(MOST_KNOWN + 10)]
    triage = Triage(rules)
    triage.step([record for n, one in enumerate(events) for record in at(n / 1000, one)])
    assert triage.step(at(299)).incidents == []
    assert {page.payload.custom_details.reason for page in triage.step(at(500)).pages} == {Reason.EXPIRED}
    assert triage.step(at(5000)).pages == []
