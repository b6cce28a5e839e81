"""An alert that comes back to an incident that it had left stands there once, as it is now."""

from pipeline.core.incidents import Open
from pipeline.core.policy import Policy
from pipeline.core.tell import Facts
from pipeline.core.triage import Triage
from schemas import Status
from tests.scene import alert, at, decided, ms, resolved

POLICY = Policy()
DISK, DISK_OVER = alert("disk", host="a", rack="r1"), resolved("disk", host="a", rack="r1")
CPU, CPU_OVER = alert("cpu", host="a", rack="r1"), resolved("cpu", host="a", rack="r1")


def gone() -> tuple[Triage, Open, Open]:
    """A disk that was reported with a cpu, and long after that, while the cpu still is, again."""
    triage = Triage(POLICY)
    said = [at(0, CPU), at(1, DISK), at(10, DISK_OVER), at(4000, DISK)]
    facts = triage.step([record for records in said for record in records])
    first, _, _, later = (decision.incident_id or "" for decision in decided(facts))
    [scope] = triage._scopes.values()
    incidents = scope.state.incidents
    assert first != later
    return triage, incidents[first], incidents[later]


def merge(triage: Triage, *several: Open) -> Facts:
    [scope], facts = triage._scopes.values(), Facts([], [], [])
    scope._arrival.placement._surging._merging.merge(list(several), ms(4001))
    scope._teller.tell(facts)
    scope.alerts.put_back()
    return facts


def test_where_what_it_went_to_merges_into_what_it_left_it_counts_once() -> None:
    triage, old, new = gone()
    [told] = [one for one in merge(triage, old, new).incidents if one.incident_id == old.incident_id]
    assert (told.alerts, told.firing) == (2, 2)
    assert sorted(member.name for member in told.members) == ["cpu", "disk"]
    assert {member.status for member in told.members} == {Status.FIRING}


def test_it_may_leave_and_come_back_again() -> None:
    triage, old, new = gone()
    merge(triage, old, new)
    for start in (8000, 16000):
        triage.step([*at(start, DISK_OVER), *at(start + 4000, DISK)])
        assert len(set(old.members)) == len(old.members) == 2
        assert triage.snapshot() == Triage.restore(POLICY, triage.snapshot()).snapshot()
        [scope] = triage._scopes.values()
        [other] = [one for one in scope.state.incidents.values() if one.alive and one is not old]
        merge(triage, old, other)
        assert (len(set(old.members)), len(old.members), old.alive) == (2, 2, 2)


def test_what_went_on_elsewhere_is_named_as_ever_where_it_is_a_suspect() -> None:
    triage, old, _ = gone()
    [disk] = [decision.fingerprint for decision in decided(triage.step(at(4002, DISK)))]
    again = Triage.restore(POLICY, triage.snapshot())
    for told in (triage.step(at(4003, CPU_OVER)), again.step(at(4003, CPU_OVER))):
        [incident] = [one for one in told.incidents if one.incident_id == old.incident_id]
        assert disk in {cause.fingerprint for cause in incident.causes}
