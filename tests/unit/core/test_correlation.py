"""Correlation as scenes: what shares an incident without group_by, what does not, and what is remembered of it."""

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.correlation.correlation import Correlation
from pipeline.core.correlation.kept import keep, recall
from pipeline.core.incidents import Open
from pipeline.core.logarithm import ln
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from schemas import Alerts, Reason, Status, Tick
from tests.scene import Told, alert, at, decided, identity, ms, play, reasons, resolved

AT_ONCE = Policy()


def event(name: str, **labels: str) -> Told:
    return alert(name)._replace(source="ids", labels=labels)


def usual() -> list[list[Alerts | Tick]]:
    """A morning in which the words of later scenes become known, but for what makes them rare."""
    names = [f"Job{letter}" for letter in "abcdefghijkl"]
    return [
        at(-7200 + 400 * n, event(name, host=f"h{n % 5}", job=name), policy=AT_ONCE) for n, name in enumerate(names)
    ]


def ids(*told: tuple[float, Told]) -> list[str | None]:
    """The incident of each event behind the morning."""
    morning = usual()
    facts = play(*morning, *(at(seconds, one, policy=AT_ONCE) for seconds, one in told), policy=AT_ONCE)
    return [decision.incident_id for decision in decided(facts)][len(morning) :]


@given(st.floats(1e-300, 1e300))
def test_the_logarithm_is_that_of_the_library_but_for_the_last_bits(x: float) -> None:
    assert math.isclose(ln(x), math.log(x), rel_tol=1e-14, abs_tol=1e-15)


def test_alike_and_soon_after_one_another_share_an_incident() -> None:
    found = ids(
        (0, event("Scan", host="web", src="evil")),
        (1, event("Probe", host="web", src="evil")),
        (2, event("Backup", host="store", disk="d1")),
    )
    assert found[0] == found[1] != found[2]


def test_what_is_only_as_bad_has_nothing_to_do_with_it() -> None:
    facts = play(
        at(0, event("disk", cluster="eu", severity="critical"), policy=AT_ONCE),
        at(1, event("cpu", cluster="us", severity="critical"), policy=AT_ONCE),
        policy=AT_ONCE,
    )
    assert reasons(facts) == [Reason.OPENED, Reason.OPENED]


def test_a_name_that_all_have_is_no_reason_to_share_an_incident() -> None:
    """One monitor for the sites of many: all that it says is which is down."""
    sites = ["shop", "forum", "mirror", "wiki"]
    facts = play(
        *(at(20 * n, alert("SiteDown", site=site), policy=AT_ONCE) for n, site in enumerate(sites)), policy=AT_ONCE
    )
    assert reasons(facts) == [Reason.OPENED] * len(sites)


def test_the_same_after_a_long_silence_is_another_incident_and_over_in_the_first() -> None:
    scan, probe = event("Scan", host="web", src="evil"), event("Probe", host="web", src="evil")
    facts = play(
        at(0, scan, policy=AT_ONCE),
        at(1, probe, policy=AT_ONCE),
        at(600, scan, policy=AT_ONCE),
        at(601, probe, policy=AT_ONCE),
        policy=AT_ONCE,
    )
    assert reasons(facts) == [Reason.OPENED, Reason.JOINED, Reason.OPENED, Reason.JOINED]
    first, second = (decided(facts)[n].incident_id for n in (0, 2))
    last = {one.incident_id: one for one in facts.incidents}
    assert [(last[key].alerts, last[key].firing) for key in (first, second) if key is not None] == [(2, 0), (2, 2)]
    assert {member.name for member in last[first or ""].members} == {"Scan", "Probe"}
    shown = [member.fingerprint for member in last[first or ""].members]
    assert shown == [decided(facts)[n].fingerprint for n in (0, 1)]


def test_a_flood_keeps_its_incident_open() -> None:
    scan = event("Scan", host="web", src="evil")
    probe = event("Probe", host="web", src="evil")
    found = ids((0, scan), (0.1, probe), *((0.2 + 0.4 * n, scan) for n in range(200)), (80.2, probe))
    assert len(set(found)) == 1


def test_what_speaks_of_the_same_is_alike_whatever_the_label() -> None:
    facts = play(
        *usual(),
        at(0, alert("NodeDown", node="db1", zone="z7"), policy=AT_ONCE),
        at(5, alert("PostgresDown", instance="db1:9187", team="data"), policy=AT_ONCE),
        policy=AT_ONCE,
    )
    opened, joined = decided(facts)[-2:]
    assert (joined.reason, joined.incident_id) == (Reason.JOINED, opened.incident_id)
    assert joined.why is not None
    assert "instance=db1:9187" in [one.token for one in joined.why.shared]


def test_a_caller_shares_the_incident_of_what_it_needs() -> None:
    graph = {"topology": {"services": [{"name": "cart", "depends_on": ["orders-db"]}, {"name": "orders-db"}]}}
    told = [
        *usual(),
        at(0, alert("PostgresDown", service="orders-db", zone="z7"), policy=AT_ONCE),
        at(5, alert("HighLatency", service="cart", team="shop"), policy=AT_ONCE),
    ]
    assert reasons(play(*told, policy=AT_ONCE))[-2:] == [Reason.OPENED, Reason.OPENED]
    found = decided(play(*told, policy=Policy.model_validate(graph)))[-1]
    assert found.reason is Reason.JOINED
    assert found.why is not None
    assert [one.token for one in found.why.shared] == ["needs orders-db"]


def test_what_an_alert_needs_is_told_from_what_it_has_also_after_a_restart() -> None:
    policy = Policy.model_validate({"topology": {"services": [{"name": "cart", "depends_on": ["orders-db", "cache"]}]}})
    correlation = Correlation()
    known = correlation.meet(identity(alert("HighLatency", service="cart", peer="cache")), 1, ms(0), policy.graph)
    incidents: dict[str, Open] = {}
    [again] = recall(keep(correlation), incidents.__getitem__).known.values()
    assert (known.needs, again.needs, again.pairs) == (1, 1, known.pairs), "the cache is its peer by a label already"


def test_the_last_part_of_an_address_of_many_is_no_port() -> None:
    facts = play(
        *usual(),
        at(0, alert("LinkDown", mac="00:1b:44:11:3a:07"), policy=AT_ONCE),
        at(5, alert("Roaming", mac="00:1b:44:11:3a:08"), policy=AT_ONCE),
        policy=AT_ONCE,
    )
    assert reasons(facts)[-2:] == [Reason.OPENED, Reason.OPENED]


def test_a_number_in_two_labels_is_not_the_same() -> None:
    facts = play(
        *usual(),
        at(0, alert("QueueFull", shard="7"), policy=AT_ONCE),
        at(5, alert("Throttled", tier="7"), policy=AT_ONCE),
        policy=AT_ONCE,
    )
    assert reasons(facts)[-2:] == [Reason.OPENED, Reason.OPENED]


def test_an_everyday_state_goes_along_where_it_fits() -> None:
    slow = alert("SlowQuery", database="orders")
    days = [(7200 * n, slow) for n in range(12)] + [
        (7200 * n + 100, resolved("SlowQuery", database="orders")) for n in range(12)
    ]
    outage = [(90_000, alert("PostgresDown", database="orders", node="db1")), (90_010, slow)]
    facts = play(*usual(), *(at(at_s, one, policy=AT_ONCE) for at_s, one in sorted([*days, *outage])), policy=AT_ONCE)
    *_, opened, joined = decided(facts)
    assert (opened.reason, joined.reason) == (Reason.OPENED, Reason.JOINED)
    assert joined.incident_id == opened.incident_id


def flapping(one: Told, times: int) -> list[tuple[float, Told]]:
    """It fires each half hour, for a minute."""
    over = one._replace(status=Status.RESOLVED)
    return [told for n in range(times) for told in ((1800.0 * n, one), (1800.0 * n + 60, over))]


@pytest.mark.parametrize(("times", "is_drawn"), [(1, True), (2, True), (3, False), (8, False)])
def test_a_state_that_keeps_coming_back_draws_no_stranger(times: int, *, is_drawn: bool) -> None:
    """It would have come anyway: three times in the last hours are a rhythm."""
    slow, down = alert("SlowQuery", database="orders"), alert("PostgresDown", database="orders", node="db1")
    told = [*flapping(slow, times), (1800.0 * times, slow), (1800.0 * times + 10, down)]
    facts = play(*usual(), *(at(at_s, one, policy=AT_ONCE) for at_s, one in told), policy=AT_ONCE)
    *_, first, stranger = decided(facts)
    assert (first.incident_id == stranger.incident_id) is is_drawn
    assert stranger.reason is (Reason.JOINED if is_drawn else Reason.OPENED)


def test_states_that_keep_coming_back_share_an_incident_with_their_like() -> None:
    slow, busy = alert("SlowQuery", database="orders"), alert("BusyDisk", database="orders")
    told = sorted([*flapping(slow, 5), *((at_s + 900, one) for at_s, one in flapping(busy, 5))], key=lambda one: one[0])
    told += [(9000.0, slow), (9010.0, busy)]
    facts = play(*usual(), *(at(at_s, one, policy=AT_ONCE) for at_s, one in told), policy=AT_ONCE)
    *_, first, second = decided(facts)
    assert first.incident_id == second.incident_id


def test_after_hours_of_silence_what_kept_coming_back_is_news_again() -> None:
    slow, down = alert("SlowQuery", database="orders"), alert("PostgresDown", database="orders", node="db1")
    told = [*flapping(slow, 8), (30_000.0, slow), (30_010.0, down)]
    facts = play(*usual(), *(at(at_s, one, policy=AT_ONCE) for at_s, one in told), policy=AT_ONCE)
    *_, first, second = decided(facts)
    assert first.incident_id == second.incident_id


def test_what_comes_every_day_glues_nothing() -> None:
    daily = ((1000.0 * n, event("Clock", host="web", src="cron")) for n in range(12))
    found = ids(*daily, (11_001, event("Scan", host="web", src="cron")))
    assert found[-1] not in found[:-1]
    assert found[10] == found[11], "and is one incident of its own"


def test_an_event_that_repeats_each_minute_pages_once() -> None:
    told = [at(60 * n, event("Scan", host="web"), policy=AT_ONCE) for n in range(6)]
    facts = play(*told, policy=AT_ONCE)
    assert reasons(facts) == [Reason.OPENED, *[Reason.DUPLICATE] * 5]
    assert len(facts.pages) == 1


def test_an_event_that_repeats_each_minute_is_not_held_for_ever() -> None:
    policy = Policy(hold=240, event_window=300)
    told = [at(60 * n, event("Scan", host="web"), policy=policy) for n in range(6)]
    facts = play(*told, policy=policy)
    assert [page.payload.custom_details.reason for page in facts.pages] == [Reason.HOLD_ENDED]


@pytest.mark.parametrize("together", [1, 10])
@pytest.mark.parametrize("source", ["ids", "alertmanager"])
def test_a_storm_takes_what_would_open_incidents_of_its_own(source: str, together: int) -> None:
    policy = Policy.model_validate({"storm": {"floor": 5}})
    pairs = product("abcdefgh", "stuvwxyz")
    unlike = [alert(one * 5 + two * 5)._replace(labels={one + two: one * 3 + two}, source=source) for one, two in pairs]
    told = [at(0.01 * n, *unlike[n : n + together], policy=policy) for n in range(0, len(unlike), together)]
    facts = play(*told, policy=policy)
    assert reasons(facts).count(Reason.STORM_BEGAN) == 1
    assert len({decision.incident_id for decision in decided(facts)}) <= 5
    assert sum(page.payload.custom_details.reason.pages for page in facts.pages) <= 5


def test_what_is_placed_together_does_not_depend_on_what_was_decided_just_before() -> None:
    """A scan of duplicates must not run into a body whose events are placed together."""
    door, rare = event("Scan", host="web", src="evil"), event("Rare", host="web", user="root")
    job = event("Job", host="h1")
    told: list[tuple[float, list[Told]]] = [(0, [door]), *[(0.2 * n, [job]) for n in range(3)], (99.9, [job])]
    told += [(99.95, [job]), (100, [door, rare]), (100.2, [door])]
    records = [record for at_s, several in told for record in at(at_s, *several, policy=AT_ONCE)]
    one_by_one = Triage(AT_ONCE)
    apart = [decision for record in records for decision in decided(one_by_one.step([record]))]
    assert decided(Triage(AT_ONCE).step(records)) == apart
    assert apart[-1].incident_id == apart[-2].incident_id != apart[0].incident_id
