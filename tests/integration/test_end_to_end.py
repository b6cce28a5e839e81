"""From a real monitor to one page at PagerDuty: the whole path, each part started by its real command."""

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.codec import decode, decode_alerts
from schemas import Alerts, Incident, Reason
from schemas.topics import ALERTS, INCIDENTS, RAW, REJECTED
from tests.integration.books import assert_balanced
from tests.integration.broker import Broker
from tests.integration.conftest import StartMonitor
from tests.integration.monitored import fire, impatient, resolve
from tests.integration.plant import Plant
from tests.integration.worker import Topics

pytestmark = pytest.mark.integration

ALL = ("NodeDown", "DiskFull", "PodCrash")
RESEND_DELAY = "--rules.alert.resend-delay=2s"  # of which Prometheus makes a lease of 8 s


def test_one_group_its_repeats_a_refire_and_a_twin_are_one_trigger_and_one_resolve(
    plant: Plant, alertmanager: StartMonitor
) -> None:
    twins = [alertmanager(impatient(plant)), alertmanager(impatient(plant))]
    fire(twins, "group", *ALL)
    plant.wait_for_reasons("group", Reason.DUPLICATE, at_least=12)  # three of the twin, the rest repeats of both
    resolve(twins, "group", "DiskFull")
    plant.wait_for_reasons("group", Reason.RESOLVED)
    fire(twins, "group", "DiskFull")
    plant.wait_for_reasons("group", Reason.REFIRED)
    resolve(twins, "group", *ALL)
    plant.wait_for_actions("group", "trigger", "resolve")
    assert_balanced(plant)
    assert plant.actions("group") == ["trigger", "resolve"]
    assert len({incident for _, incident in plant.told("group")}) == 1
    assert plant.reasons("group")[Reason.OPENED] == 1


def test_a_rule_of_a_prometheus_that_fires_and_stops_is_one_trigger_and_one_resolve(
    kafka_plant: Plant, prometheus: StartMonitor, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(rule("stops", "vector(1)"))
    monitor = prometheus(pointed_at(kafka_plant, rules), RESEND_DELAY, "--web.enable-lifecycle")
    kafka_plant.wait_for_reasons("stops", Reason.DUPLICATE)
    rules.write_text(rule("stops", "vector(1) > 1"))
    httpx.post(f"{monitor.url}/-/reload").raise_for_status()
    kafka_plant.wait_for_actions("stops", "trigger", "resolve")
    monitor.kill()
    assert_balanced(kafka_plant)
    assert kafka_plant.actions("stops") == ["trigger", "resolve"]


def test_a_prometheus_that_dies_while_its_alert_fires_lets_the_lease_end_and_the_page_resolve(
    kafka_plant: Plant, prometheus: StartMonitor, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(rule("dies", "vector(1)"))
    monitor = prometheus(pointed_at(kafka_plant, rules), RESEND_DELAY)
    kafka_plant.wait_for_reasons("dies", Reason.DUPLICATE)
    monitor.kill()
    kafka_plant.wait_for_actions("dies", "trigger", "resolve")
    assert_balanced(kafka_plant)
    assert (
        resolved_at_ms(kafka_plant, "dies") == last_lease_ms(kafka_plant, "dies") + kafka_plant.policy.resolve_after_ms
    )


def test_poison_is_rejected_with_a_reason_and_the_next_alert_pages(
    kafka_plant: Plant, session_broker: Broker, alertmanager: StartMonitor
) -> None:
    poison: Sequence[tuple[bytes | None, dict[str, Any]]] = [
        (b"\xff\xfe\x00poison", {}),
        (None, {"key": b"\xff"}),
        (b"[" * 100_000, {"headers": [("source", b"alertmanager")]}),
        (b'{"alerts": 5}', {"headers": [("source", b"\xff"), ("received_at", b"yesterday")]}),
    ]
    with closing(Topics(session_broker.bootstrap)) as topics:
        for partition in range(RAW.partitions):
            for value, more in poison:
                topics.send(RAW.name, value, partition=partition, **more)
            topics.send(RAW.name, body(f"straight-{partition}"), partition=partition)
    for partition in range(RAW.partitions):
        kafka_plant.wait_for_actions(f"straight-{partition}", "trigger")
    monitor = alertmanager(impatient(kafka_plant))
    fire([monitor], "after-poison", "DiskFull")
    kafka_plant.wait_for_actions("after-poison", "trigger")
    resolve([monitor], "after-poison", "DiskFull")
    kafka_plant.wait_for_actions("after-poison", "trigger", "resolve")
    assert_balanced(kafka_plant)
    rejected = [record.json() for record in kafka_plant.read(REJECTED.name)]
    assert len(rejected) == len(poison) * RAW.partitions
    assert all(one["reason"] for one in rejected)


def pointed_at(plant: Plant, rules: Path) -> str:
    """A Prometheus with the gateway in the place of an Alertmanager."""
    return f"""
global: {{evaluation_interval: 1s}}
rule_files: ['{rules}']
alerting:
  alertmanagers:
  - static_configs: [{{targets: ['{plant.gateway.url.removeprefix("http://")}']}}]
"""


def rule(cluster: str, expression: str) -> str:
    one = {"alert": "Deadline", "expr": expression, "labels": {"cluster": cluster, "severity": "critical"}}
    return json.dumps({"groups": [{"name": "scene", "rules": [one]}]})  # JSON is YAML


def body(cluster: str) -> bytes:
    """What an Alertmanager posts, with nothing of ours around it."""
    alert = {"status": "firing", "labels": {"alertname": "DiskFull", "cluster": cluster}, "annotations": {}}
    times = {"startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z"}
    return json.dumps({"version": "4", "status": "firing", "receiver": "x", "alerts": [alert | times]}).encode()


def last_lease_ms(plant: Plant, cluster: str) -> int:
    """Until when the alert of the cluster was said to fire at least, when it was last heard of."""
    records = [decode_alerts(record.value) for record in plant.read(ALERTS.name)]
    leases = [
        alert.expires_at_ms or 0
        for record in records
        if isinstance(record, Alerts)
        for alert in record.alerts
        if alert.labels["cluster"] == cluster
    ]
    return leases[-1]


def resolved_at_ms(plant: Plant, cluster: str) -> int | None:
    """When the incident of the cluster was resolved."""
    incidents = [decode(Incident, record.value) for record in plant.read(INCIDENTS.name)]
    return max(
        (one for one in incidents if one.scope == f"cluster={cluster}"), key=lambda one: one.revision
    ).resolved_at_ms
