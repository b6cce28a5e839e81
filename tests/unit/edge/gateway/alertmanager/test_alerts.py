"""Open incidents as an Alertmanager would show them."""

import pytest
from starlette.datastructures import QueryParams

from pipeline.edge.gateway.alertmanager.alerts import Wanted, alerts, groups, receivers
from pipeline.edge.gateway.alertmanager.shapes import AlertGroup
from pipeline.errors import Rejected
from schemas import Incident, Reason, Silence, Status
from tests.unit.edge.gateway.alertmanager.scene import board, incident, member, now_ms, silence

DISK = incident("a", member("DiskFull", pod="p1"), member("DiskFull", pod="p2"), team="db")
PROBE = incident("b", member("ProbeDown"), group={"cluster": "us"})


def found(query: str, *records: Incident | Silence) -> list[AlertGroup]:
    asked = QueryParams(query)
    known = board(*(records or (DISK, PROBE)))
    wanted = Wanted.of(asked, asked.getlist("filter"))
    return groups(known.incidents(), known.silences(now_ms()), wanted, now_ms())


def names(query: str, *records: Incident | Silence) -> list[str]:
    return sorted(alert.labels["alertname"] for alert in alerts(found(query, *records)))


def test_an_incident_is_a_group_and_its_firing_members_are_alerts() -> None:
    disk, probe = found("")
    assert (disk.labels, disk.receiver.name, len(disk.alerts)) == ({"cluster": "eu"}, "db", 2)
    assert (probe.labels, probe.receiver.name) == ({"cluster": "us"}, "default")
    # What the source sent, and what matchers see beside it.
    assert disk.alerts[0].labels == {"alertname": "DiskFull", "severity": "error", "pod": "p1"}
    assert disk.alerts[0].annotations == {"summary": "DiskFull is bad"}
    assert disk.alerts[0].ends_at == "0001-01-01T00:00:00.000Z"


def test_what_has_resolved_is_not_shown_nor_a_group_without_alerts() -> None:
    over = member("Over", Status.RESOLVED)
    assert names("", incident("a", over, member("Fires")), incident("b", over)) == ["Fires"]
    assert len(found("", incident("a", over, member("Fires")), incident("b", over))) == 1


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("filter=alertname%3DDiskFull", ["DiskFull", "DiskFull"]),
        ("filter=alertname%3DDiskFull&filter=pod%3D~%22.1%22", ["DiskFull"]),
        ("filter=pod%3D%22%22", ["ProbeDown"]),
        ("receiver=d.", ["DiskFull", "DiskFull"]),
        ("receiver=d", []),
        ("receiver=db%7Cdefault", ["DiskFull", "DiskFull", "ProbeDown"]),
        ("active=false", []),
        ("active=true&silenced=false&inhibited=false", ["DiskFull", "DiskFull", "ProbeDown"]),
    ],
)
def test_a_client_may_ask_for_some(query: str, shown: list[str]) -> None:
    assert names(query) == shown


@pytest.mark.parametrize(
    ("query", "complaint"),
    [("filter=a", "bad matcher format: position 2"), ("receiver=%28", "failed to parse receiver param: .*RE2 knows")],
)
def test_a_question_that_makes_no_sense_is_rejected_with_the_reason(query: str, complaint: str) -> None:
    with pytest.raises(Rejected, match=complaint):
        found(query)


def test_an_alert_names_the_silences_that_hold_for_it_now() -> None:
    holding = silence("holds", 'pod="p1"', 'alertname="DiskFull"')
    others = (silence("over", 'pod="p1"', end=-1000), silence("later", 'pod="p1"', start=60_000))
    records = (DISK, PROBE, holding, *others)
    by_pod = {alert.labels.get("pod"): alert.status for alert in alerts(found("", *records))}
    assert (by_pod["p1"].state, by_pod["p1"].silenced_by) == ("suppressed", ("holds",))
    assert (by_pod["p2"].state, by_pod["p2"].silenced_by) == ("active", ())
    assert len(names("silenced=false", *records)) == 2
    assert len(names("active=false", *records)) == 1


@pytest.mark.parametrize("reason", [Reason.INHIBITED, Reason.MUTED, Reason.SILENCED])
def test_what_the_policy_keeps_quiet_is_suppressed_without_a_silence(reason: Reason) -> None:
    quiet = incident("q", member("Quiet"), is_paged=False, quiet=reason)
    (alert,) = alerts(found("", quiet))
    assert (alert.status.state, alert.status.silenced_by) == ("suppressed", ())
    assert names("inhibited=false", quiet, PROBE) == ["ProbeDown"]


def test_what_only_waits_is_active() -> None:
    (alert,) = alerts(found("", incident("q", is_paged=False, quiet=Reason.HELD)))
    assert alert.status.state == "active"


def test_receivers_are_the_teams_of_what_is_open_and_default() -> None:
    assert [one.name for one in receivers([DISK, PROBE, DISK])] == ["db", "default"]
    assert [one.name for one in receivers([])] == ["default"]
