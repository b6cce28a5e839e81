"""The broker or PagerDuty away for a while, between monitor and PagerDuty: everything arrives, in order, once."""

import time

import httpx
import pytest

from schemas.topics import PAGES
from tests.integration.books import assert_balanced
from tests.integration.broker import Broker
from tests.integration.conftest import StartMonitor
from tests.integration.monitored import fire, impatient, resolve
from tests.integration.pagerduty import Drop, Hang, Status, Throttle
from tests.integration.pagerduty_rules import Event
from tests.integration.plant import Plant, is_of

pytestmark = pytest.mark.integration

AWAY_S = 20.0
EVENT = {
    "source": "probe",
    "name": "DiskFull",
    "labels": {"cluster": "told-503"},
    "severity": "critical",
    "status": "firing",
    "starts_at": "2026-01-01T00:00:00Z",
}
REFUSED = tuple(f"refused-{number}" for number in range(5))
HANGS = 2


def test_what_alertmanager_sends_while_the_broker_is_away_arrives_once_after_it_is_back(
    kafka_plant: Plant, session_broker: Broker, alertmanager: StartMonitor
) -> None:
    monitor = alertmanager(impatient(kafka_plant))
    before, during = "before-the-outage", [f"during-the-outage-{number}" for number in range(5)]
    fire([monitor], before, "NodeDown")
    kafka_plant.wait_for_calls(before, "trigger")
    session_broker.stop()
    stopped_s = time.monotonic()
    answer = httpx.post(f"{kafka_plant.gateway.url}/v1/events", json=EVENT, timeout=30)
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    kafka_plant.wait_until(
        lambda: [part.readiness() for part in kafka_plant.parts] == [503] * 3,
        lambda: [part.readiness() for part in kafka_plant.parts],
    )
    for cluster in during:
        fire([monitor], cluster, "NodeDown")
    time.sleep(max(0.0, AWAY_S - (time.monotonic() - stopped_s)))
    assert [kafka_plant.calls(cluster) for cluster in during] == [[]] * len(during)
    session_broker.start()
    kafka_plant.heal()
    for cluster in during:
        kafka_plant.wait_for_calls(cluster, "trigger")
    for cluster in (before, *during):
        resolve([monitor], cluster, "NodeDown")
    for cluster in (before, *during):
        kafka_plant.wait_for_calls(cluster, "trigger", "resolve")
    assert_balanced(kafka_plant, is_once=False)  # the group was dealt anew


def test_what_pagerduty_refuses_or_leaves_unanswered_for_a_while_arrives_once_and_in_order(
    plant: Plant, alertmanager: StartMonitor
) -> None:
    monitor = alertmanager(impatient(plant))
    pagerduty = plant.pagerduty
    for what, times in ((Throttle("1"), 2), (Drop(), 2), (Status(500), 100_000)):
        pagerduty.misbehave(what, times, when=lambda event: is_refused(event, "trigger"))
    for cluster in REFUSED:
        fire([monitor], cluster, "NodeDown")
    plant.wait_until(lambda: pages_of(plant, "trigger") == len(REFUSED), lambda: plant.read(PAGES.name))
    for cluster in REFUSED:
        resolve([monitor], cluster, "NodeDown")
    plant.wait_until(lambda: pages_of(plant, "resolve") == len(REFUSED), lambda: plant.read(PAGES.name))
    assert [plant.calls(cluster) for cluster in REFUSED] == [[]] * len(REFUSED), "a resolve waits for its trigger"
    pagerduty.release()
    pagerduty.misbehave(Hang(), HANGS, when=lambda event: is_refused(event, "resolve"))
    plant.wait_until(lambda: over(plant) >= len(REFUSED) - HANGS, lambda: pagerduty.requests)
    pagerduty.release()
    for cluster in REFUSED:
        plant.wait_for_calls(cluster, "trigger", "resolve")
    assert_balanced(plant, is_once=plant.is_one_process)  # in the scene before, the group was dealt anew


def is_refused(event: Event, action: str) -> bool:
    return event["event_action"] == action and any(is_of(event, cluster) for cluster in REFUSED)


def over(plant: Plant) -> int:
    """How many clusters of this scene PagerDuty has been told all about."""
    return sum(plant.calls(cluster) == ["trigger", "resolve"] for cluster in REFUSED)


def pages_of(plant: Plant, action: str) -> int:
    """How many pages of this scene say `action`."""
    pages = [record.json() for record in plant.read(PAGES.name) if b"cluster=refused" in record.value]
    return sum(page["event_action"] == action for page in pages)
