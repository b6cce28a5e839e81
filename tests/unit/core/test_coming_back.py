"""What keeps coming back, as scenes: it would have come anyway, and so says nothing of what begins beside it."""

from random import Random

import pytest

from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from schemas import Reason, Severity, Status
from tests.scene import Told, alert, at, decided, play
from tests.unit.core.rack import NAMES, morning, on_rack

POLICY = Policy()


def coming_back(one: Told, until_s: float, times: int = 4) -> list[tuple[float, Told]]:
    """It fires for two minutes each half hour; once more at `until_s`, and from there on."""
    over = one._replace(status=Status.RESOLVED)
    before = [until_s - 1800.0 * n for n in range(times, 0, -1)]
    return [*((at_s, one) for at_s in before), *((at_s + 120, over) for at_s in before), (until_s, one)]


def told_in_order(*told: tuple[float, Told]) -> tuple[list[tuple[float, Told]], list[str]]:
    """What was told, and the incident in which each of it ended up."""
    ordered = sorted(told, key=lambda one: one[0])
    facts = play(*(at(seconds, one, policy=POLICY) for seconds, one in ordered), policy=POLICY)
    into = {one.incident_id: one.merged_into for one in facts.incidents if one.merged_into}
    found = []
    for one in decided(facts):
        incident_id = one.incident_id or ""
        while incident_id in into:
            incident_id = into[incident_id] or ""
        found.append(incident_id)
    return ordered, found


@pytest.mark.parametrize("until_s", [-20.0, 150.0])
def test_what_keeps_coming_back_is_no_part_of_a_surge_of_other_kinds(until_s: float) -> None:
    """The fan of the rack fails each half hour: that it does so just before the outage or amid it says nothing."""
    fan = on_rack("Fan")
    rack = [(12.0 * n, on_rack(name)) for n, name in enumerate(NAMES)]
    told, ids = told_in_order(*morning(), *coming_back(fan, until_s), *rack)
    outage = {key for (at_s, one), key in zip(told, ids, strict=True) if at_s >= 0 and one.name in NAMES}
    assert len(outage) == 1
    assert ids[told.index((until_s, fan))] not in outage


def test_what_keeps_coming_back_goes_along_with_a_surge_of_its_kind_and_its_way_when_it_comes_again() -> None:
    echo = on_rack("Echo")
    disc = echo._replace(labels={"rack": "r1", "disc": "d7"})
    rack = [(12.0 * n, on_rack(name)) for n, name in enumerate(NAMES)]
    again = [(200.0, disc._replace(status=Status.RESOLVED)), (500.0, disc)]
    told, ids = told_in_order(*morning(), *coming_back(disc, 100.0), *rack, *again)
    assert ids[told.index((100.0, disc))] == ids[told.index((0.0, on_rack(NAMES[0])))]
    assert ids[-1] != ids[told.index((100.0, disc))], "the outage is still open, and no reason for this"


def test_a_guest_that_comes_again_in_a_storm_stays_where_it_is() -> None:
    """Else each of them would open an incident, and page, in the very hour of which one page says all."""
    disc = on_rack("Echo")._replace(labels={"rack": "r1", "disc": "d7"})
    rack = [(12.0 * n, on_rack(name)) for n, name in enumerate(NAMES)]
    storm = [(140.0 + n / 100, alert(f"Strange{n}", host=f"h{n}", rack=f"s{n}")) for n in range(400)]
    again = [(150.0, disc._replace(status=Status.RESOLVED)), (160.0, disc)]
    told = sorted([*morning(), *coming_back(disc, 130.0), *rack, *storm, *again], key=lambda one: one[0])
    facts = play(*(at(seconds, one, policy=POLICY) for seconds, one in told), policy=POLICY)
    found = decided(facts)
    assert Reason.STORM in {one.reason for one in found}
    guest, again_there = found[told.index((130.0, disc))], found[told.index((160.0, disc))]
    assert not again_there.paged
    assert again_there.incident_id == guest.incident_id


def recurring(times: int = 6) -> list[tuple[float, Told]]:
    """The same outage each half hour; in between all is over."""
    told = morning()
    for n, name in enumerate(NAMES):
        told += coming_back(on_rack(name), 1800.0 * (times - 1) + 5 * n, times - 1)
    return sorted(told, key=lambda one: one[0])


def test_an_outage_that_keeps_coming_back_is_one_incident_each_time() -> None:
    told, ids = told_in_order(*recurring())
    each = [
        {key for (at_s, one), key in zip(told, ids, strict=True) if one.status is Status.FIRING and at_s // 1800 == n}
        for n in range(6)
    ]
    assert [len(keys) for keys in each] == [1] * 6
    assert len(set[str]().union(*each)) == 6


def strangers_to_each_other(states: int, hours: int) -> list[tuple[float, Told]]:
    """Each fires for a minute about every fifty, at a time of its own; all they share is where they run."""
    told = []
    chance = Random(2)  # noqa: S311  # a fixed order, no secret
    for n in range(states):
        labels = {"host": f"host{n}", "service": f"service{n}", "env": "production"}
        one = alert(f"Name{n}", severity="critical" if n % 10 == 0 else "warning")._replace(labels=labels)
        at_s = chance.random() * 3000
        while at_s < 3600 * hours:
            told += [(at_s, one), (at_s + 60, one._replace(status=Status.RESOLVED))]
            at_s += 3000 * chance.uniform(0.9, 1.1)
    return sorted(told, key=lambda one: one[0])


def test_many_that_keep_coming_back_each_for_itself_are_no_surge_of_what_all_of_them_share() -> None:
    told = strangers_to_each_other(states=120, hours=8)
    facts = play(*(at(seconds, one, policy=POLICY) for seconds, one in told), policy=POLICY)
    by_incident, fired, paged = dict[str, set[str]](), 0, 0
    for (at_s, one), found in zip(told, decided(facts), strict=True):
        if one.status is Status.FIRING and at_s >= 3600:
            by_incident.setdefault(found.incident_id or "", set()).add(one.name)
            fired += one.severity is Severity.CRITICAL
            paged += one.severity is Severity.CRITICAL and found.paged
    assert max(map(len, by_incident.values())) <= 5, "in one that nearly all join, nobody is called for the next"
    assert paged >= 0.9 * fired, "the rest came back to an incident that had not resolved yet, or fit one by chance"


def test_what_keeps_coming_back_goes_on_from_a_snapshot() -> None:
    disc = on_rack("KindEcho")._replace(labels={"rack": "r1", "disc": "d7"})
    told = [*recurring(), *((9100.0 + n, on_rack(f"Kind{name}")) for n, name in enumerate([*NAMES, "Mike", "Nectar"]))]
    told += [*coming_back(disc, 9130.0), (9200.0, disc._replace(status=Status.RESOLVED)), (9400.0, disc)]
    told.sort(key=lambda one: one[0])
    records = [record for seconds, one in told for record in at(seconds, one, policy=POLICY)]
    whole = Triage(POLICY)
    for cut in range(0, len(records), 3):
        rest = Triage.restore(POLICY, whole.snapshot())
        assert rest.step(records[cut : cut + 3]) == whole.step(records[cut : cut + 3])
        assert rest.snapshot() == whole.snapshot()


def test_what_fails_for_the_first_time_amid_a_surge_is_part_of_it() -> None:
    _, ids = told_in_order(
        *morning(), *((12.0 * n, on_rack(name)) for n, name in enumerate(NAMES)), (150.0, on_rack("Fan"))
    )
    assert ids[-1] == ids[-2]


def test_what_begins_to_flap_in_an_outage_stays_in_it() -> None:
    mike = on_rack("Mike")
    over = mike._replace(status=Status.RESOLVED)
    flaps = [(150.0 + 300 * n + late, one) for n in range(6) for late, one in ((0.0, mike), (120.0, over))]
    told, ids = told_in_order(*morning(), *((12.0 * n, on_rack(name)) for n, name in enumerate(NAMES)), *flaps)
    assert len({key for (at_s, _), key in zip(told, ids, strict=True) if at_s >= 0}) == 1
