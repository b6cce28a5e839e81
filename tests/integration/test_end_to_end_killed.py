"""Any process killed with -9 between monitor and PagerDuty: no alert is lost, and nobody is paged twice."""

from collections.abc import Sequence

import pytest

from pipeline.codec import decode
from schemas import Delivery, Page
from schemas.topics import DECISIONS, DELIVERIES, PAGES
from tests.integration.books import assert_balanced
from tests.integration.conftest import StartMonitor
from tests.integration.monitored import fire, impatient, resolve
from tests.integration.monitors import Monitor
from tests.integration.pagerduty import AcceptThenStall, Status
from tests.integration.plant import Plant, is_of
from tests.integration.worker import Record

pytestmark = pytest.mark.integration

CLUSTERS = tuple(f"worked-on-{number}" for number in range(6))
SKIPPED = "pagesieve_pager_pages_skipped_total"
ALERTS = ("NodeDown", "DiskFull")


def test_a_pager_killed_between_a_202_and_its_note_of_it_opens_no_second_incident(
    plant: Plant, alertmanager: StartMonitor
) -> None:
    monitor = alertmanager(impatient(plant))
    for say, action in ((fire, "trigger"), (resolve, "resolve")):
        plant.pagerduty.misbehave(AcceptThenStall(), when=lambda event: is_of(event, "stalled"))
        say([monitor], "stalled", "DiskFull")
        plant.wait_until(lambda action=action: action in plant.actions("stalled"), lambda: plant.told("stalled"))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        plant.pager.kill()
        plant.heal()
        if action == "trigger":
            plant.wait_for_actions("stalled", "trigger", "trigger")  # the second adds nothing: the same open incident
    assert_balanced(plant, is_once=plant.is_one_process)
    told = plant.told("stalled")
    assert plant.actions("stalled") == ["trigger", "trigger", "resolve", "resolve"]
    assert {plant.pagerduty.opened(incident) for _, incident in told} == {1}


def test_a_pager_killed_before_it_could_commit_what_was_triggered_and_resolved_repeats_neither(
    plant: Plant, alertmanager: StartMonitor
) -> None:
    monitor = alertmanager(impatient(plant))
    held = hold_every_partition(plant, monitor)
    fire([monitor], "done", "DiskFull")
    plant.wait_for_actions("done", "trigger")
    resolve([monitor], "done", "DiskFull")
    plant.wait_until(lambda: is_noted(plant, "done"), lambda: plant.told("done"))
    plant.pager.kill()
    plant.heal()
    plant.wait_until(lambda: plant.pager.metric(SKIPPED) >= 2, plant.pager.said)
    # Their resolves stand behind the pages of `done`, in every partition.
    for cluster in held:
        resolve([monitor], cluster, "DiskFull")
    for cluster in held:
        plant.wait_for_actions(cluster, "trigger", "resolve")
    assert_balanced(plant, is_once=plant.is_one_process)
    assert plant.actions("done") == ["trigger", "resolve"]


def test_a_worker_killed_in_the_middle_decides_as_one_that_never_died(plant: Plant, alertmanager: StartMonitor) -> None:
    monitor = alertmanager(impatient(plant))
    for cluster in CLUSTERS:
        fire([monitor], cluster, "NodeDown")
    wait_for_more_decisions(plant)
    plant.worker.kill()
    for cluster in CLUSTERS[:4]:
        fire([monitor], cluster, "DiskFull")
    plant.heal()
    wait_for_more_decisions(plant)
    plant.worker.kill()
    for cluster in CLUSTERS[:2]:
        resolve([monitor], cluster, *ALERTS)
    plant.heal()
    for cluster in CLUSTERS[2:]:
        resolve([monitor], cluster, *ALERTS)
    for cluster in CLUSTERS:
        plant.wait_for_calls(cluster, "trigger", "resolve")
    assert_balanced(plant, is_once=plant.is_one_process)
    assert [plant.calls(cluster) for cluster in CLUSTERS] == [["trigger", "resolve"]] * len(CLUSTERS)


def is_noted(plant: Plant, cluster: str) -> bool:
    """Whether the pager has written down that the cluster's incident was resolved at PagerDuty."""
    pages = [decode(Page, record.value) for record in plant.read(PAGES.name)]
    resolves = {
        (page.dedup_key, page.payload.custom_details.revision)
        for page in pages
        if page.event_action == "resolve" and page.payload.custom_details.scope == f"cluster={cluster}"
    }
    noted = [decode(Delivery, record.value) for record in plant.read(DELIVERIES.name)]
    return not resolves.isdisjoint({(one.incident_id, one.revision) for one in noted})


def hold_every_partition(plant: Plant, monitor: Monitor) -> Sequence[str]:
    """Clusters whose triggers PagerDuty does not take for now, one at least in each partition of `pages`.

    Nothing behind them can be committed.
    """
    plant.pagerduty.misbehave(Status(500), times=100_000, when=lambda event: "cluster=held" in str(event))
    held: list[str] = []
    while len({record.partition for record in held_pages(plant)}) < plant.page_partitions:
        held.append(f"held-{len(held)}")
        fire([monitor], held[-1], "DiskFull")
        plant.wait_until(lambda: len(held_pages(plant)) == len(held), lambda: held)
    return held


def held_pages(plant: Plant) -> list[Record]:
    return [record for record in plant.read(PAGES.name) if b"cluster=held" in record.value]


def wait_for_more_decisions(plant: Plant) -> None:
    """Return while the worker is at work."""
    before = len(plant.read(DECISIONS.name))
    plant.wait_until(lambda: len(plant.read(DECISIONS.name)) > before, lambda: before)
