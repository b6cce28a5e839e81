"""Organisations and faults that must stay apart are counted when they do not, and faults get times from their graph."""

import pytest

from benchmarks.quality import itbench, upptime
from benchmarks.quality.judged import Told
from benchmarks.quality.scenes.alerts import Firing

FAULT = {
    "alerts": [
        {"id": "Slow", "group_id": "web"},
        {"id": "Down", "group_id": "db"},
        {"id": "Slow", "group_id": "web"},
        {"id": "Queue"},
    ],
    "groups": [
        {"id": "flag", "kind": "ConfigMap", "name": "flag", "namespace": "shop", "root_cause": True},
        {"id": "db", "kind": "Pod", "filter": ["db-main-.*"], "namespace": "shop"},
        {"id": "db-service", "kind": "Service", "filter": ["^db$"], "namespace": "shop"},
        {"id": "web", "kind": "Service", "filter": ["web\\b"], "namespace": "shop"},
    ],
    "aliases": [["db", "db-service"]],
    "propagations": [{"source": "db-service", "target": "web"}, {"source": "flag", "target": "db"}],
}


def down(site: str, at_s: float, organisation: str) -> Firing:
    return Firing(at_s, at_s + 600, "SiteDown", "critical", {"site": site}, "", organisation)


def test_an_outage_beside_another_organisations_is_wrong() -> None:
    scene = upptime.mixed([down("a", 0, "one"), down("b", 1, "two"), down("c", 2000, "one"), down("d", 2001, "one")])
    together = {"a": "x", "b": "x", "c": "y", "d": "y"}
    groups = [together[event.firing.labels["site"]] for event in scene]
    assert upptime.crossed(scene, groups) == (4, 0.5, 1, 2)


def test_an_outage_begins_once_while_its_site_is_down() -> None:
    scene = upptime.mixed([down("a", 0, "one"), down("a", 300, "one"), down("a", 900, "one")])
    assert [event.at_s for event in scene if event.is_resolved] == [600, 1500]


def test_alerts_of_a_fault_fire_as_far_from_it_as_they_are_from_its_cause() -> None:
    scene = itbench.played({"fault": FAULT}, seed=1)
    began = {(one.firing.name, one.firing.labels.get("pod"), int(one.at_s // itbench.HOP_S)) for one in scene[:3]}
    assert began == {("Down", "db-main", 1), ("Slow", None, 2), ("Queue", None, 2)}
    assert len([event for event in scene if event.is_resolved]) == 3  # what two entries name alike is one alert


def test_a_fault_in_two_incidents_and_an_incident_of_two_faults_count() -> None:
    scene = itbench.played({"one": FAULT, "two": FAULT}, seed=1)
    split = [f"{event.firing.storm}-{event.firing.name}" for event in scene]
    assert itbench.judged(scene, split) == (2, 6, 3, 3, 0, 0)
    assert itbench.judged(scene, ["all"] * len(scene)) == (2, 6, 1, 1, 1, 2)


@pytest.mark.parametrize(("first", "share"), [("Down", 1.0), ("Queue", 0.0)])
def test_the_likeliest_cause_is_right_if_no_alert_of_its_incident_is_nearer(first: str, share: float) -> None:
    scene = itbench.played({"fault": FAULT}, seed=1)
    incident = {"incident_id": "one", "merged_into": "two", "causes": [{"fingerprint": first}]}
    decisions = [{"fingerprint": event.firing.name} for event in scene]
    found = Told(["two"] * len(scene), {"one": "two"}, decisions, [incident], [])
    assert [row[1:] for row in itbench.ranked(scene, found)] == [(1, share), (1, 1.0), (1, pytest.approx(1 / 3))]
