"""The worker on a real Kafka: nothing stops it, nothing is lost, and a killed one decides as one that never died."""

import json
import os
import random
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from pipeline.codec import decode, decode_alerts
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from schemas import Alerts, Decisions
from schemas.topics import ALERTS, DECISIONS, INCIDENTS, MAX_RECORD_BYTES, PAGES, RAW, REJECTED, TOPICS
from tests.integration.broker import Broker
from tests.integration.worker import Record, Topics, Worker, Workers

pytestmark = pytest.mark.integration

QUICK = {"resolve_after": 1, "group_by": ["cluster"]}
SPREAD = {**QUICK, "scope": ["cluster"]}  # over every partition
KILLS = 5
STALL_S = 9  # longer than the session time-out, 6 s


def webhook(*names: str, status: str = "firing", cluster: str = "eu") -> bytes:
    """What Alertmanager posts, with nothing of ours around it."""
    alerts = [
        {
            "status": status,
            "labels": {"alertname": name, "cluster": cluster, "severity": "critical"},
            "annotations": {"summary": f"{name} is broken"},
            "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-01-01T00:01:00Z",
            "generatorURL": "http://prometheus.example.com/graph",
            "fingerprint": "0123456789abcdef",
        }
        for name in names
    ]
    return json.dumps({"version": "4", "receiver": "pagesieve", "status": status, "alerts": alerts}).encode()


def kinds(records: list[Record]) -> list[str]:
    return [record.json()["payload"]["custom_details"]["kind"] for record in records]


def raw_places(topics: Topics) -> set[tuple[int, int]]:
    return {(record.partition, record.offset) for record in topics.read(RAW.name)}


def decided_places(records: list[Record]) -> set[tuple[int, int]]:
    decisions = [decode(Decisions, record.value) for record in records]
    return {(record.raw_partition, record.raw_offset) for record in decisions}


def revisions(records: list[Record]) -> set[tuple[str, int]]:
    details = [record.json()["payload"]["custom_details"] for record in records]
    return {(detail["incident_id"], detail["revision"]) for detail in details}


def offline(alerts: list[Record], policy: Policy) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
    """(incident id, revision) of every page and of every incident that the same log gives to a process of its own."""
    pages: set[tuple[str, int]] = set()
    incidents: set[tuple[str, int]] = set()
    for _, partition in groupby(alerts, key=lambda record: record.partition):
        facts = Triage(policy).step([decode_alerts(record.value) for record in partition])
        pages |= {(page.dedup_key, page.payload.custom_details.revision) for page in facts.pages}
        incidents |= {(incident.incident_id, incident.revision) for incident in facts.incidents}
    return pages, incidents


def test_a_webhook_body_written_straight_to_the_topic_becomes_a_page(
    broker: Broker, topics: Topics, workers: Workers
) -> None:
    worker = workers.start(broker.bootstrap)
    topics.send(RAW.name, webhook("disk", "cpu"))
    [page] = topics.wait_for(PAGES.name, bool)
    assert page.json()["event_action"] == "trigger"
    assert page.json()["payload"]["custom_details"]["alert_count"] == 2
    [alerts] = topics.read(ALERTS.name)
    assert page.headers == {"log_partition": str(alerts.partition), "log_offset": str(alerts.offset)}
    assert page.key == page.json()["dedup_key"].encode()
    assert decided_places(topics.read(DECISIONS.name)) == raw_places(topics)
    worker.wait_ready()
    assert worker.ask("/healthz")[0] == 200
    assert 'pagesieve_triage_pages_total{kind="trigger"} 1.0' in worker.ask("/metrics")[1]
    assert worker.stop() == 0


def test_poison_is_rejected_with_a_reason_and_the_next_alert_is_processed(
    broker: Broker, topics: Topics, workers: Workers
) -> None:
    poison: list[tuple[bytes | None, dict[str, Any]]] = [
        (b"\xff\xfe\x00poison", {}),
        (b"", {}),
        (None, {"key": b"\xff"}),
        (b"{}", {"headers": [("source", b"\xff\xfe"), ("received_at", b"yesterday")]}),
        (b"[" * 100_000, {"headers": [("source", b"alertmanager")]}),
        (b'{"alerts": [{"labels": {"alertname": "\\ud800"}}]}', {}),
        (b'{"alerts": 5}', {"timestamp_ms": 0}),
        (b"x" * (15 * 1024 * 1024), {}),
    ]
    for value, more in poison:
        topics.send(RAW.name, value, partition=0, **more)
    topics.send(ALERTS.name, b"not an alert of ours", partition=0)
    topics.send(RAW.name, webhook("disk"), partition=0)
    worker = workers.start(broker.bootstrap)
    topics.wait_for(PAGES.name, bool)
    rejected = [record.json() for record in topics.wait_for(REJECTED.name, lambda found: len(found) > len(poison))]
    assert {(one["topic"], one["offset"]) for one in rejected} == {
        *((RAW.name, offset) for offset in range(len(poison))),
        (ALERTS.name, 0),
    }
    assert all(one["reason"] for one in rejected)
    assert worker.stop() == 0


def test_workers_killed_at_any_moment_decide_as_one_that_never_died(
    broker: Broker, topics: Topics, workers: Workers
) -> None:
    chance = random.Random(7)  # noqa: S311  # a scene, not a secret
    crew: list[Worker] = [workers.start(broker.bootstrap, SPREAD) for _ in range(2)]
    with sending(broker.bootstrap):
        for _ in range(KILLS):
            topics.wait_for_more(DECISIONS.name)
            time.sleep(chance.random())
            victim = chance.randrange(2)
            crew[victim].kill()
            crew[victim] = workers.start(broker.bootstrap, SPREAD)
    assert_exact(topics, crew)
    restarted = "".join(worker.said() for worker in crew)
    assert re.search(r"snapshot_offset=[1-9]|\"snapshot_offset\": *[1-9]", restarted), "none started from a snapshot"


def assert_exact(topics: Topics, crew: list[Worker]) -> None:
    """Every alert is decided, and what was told is what the same log tells a process that never died."""
    expected = raw_places(topics)
    topics.wait_for(DECISIONS.name, lambda found: decided_places(found) == expected)
    for worker in crew:
        worker.wait_ready()
    wait_until_quiet(topics)
    for worker in crew:
        assert worker.stop() == 0
    pages, incidents = offline(topics.read(ALERTS.name), Policy.model_validate(SPREAD))
    assert revisions(topics.read(PAGES.name)) == pages
    told = [record.json() for record in topics.read(INCIDENTS.name)]
    assert {(one["incident_id"], one["revision"]) for one in told} == incidents


@contextmanager
def sending(bootstrap: str) -> Iterator[None]:
    """A producer that sends some thirty webhook bodies a second meanwhile, to every partition."""
    stop = threading.Event()

    def send() -> None:
        chance, topics = random.Random(11), Topics(bootstrap)  # noqa: S311  # a scene, not a secret
        while not stop.wait(0.03):
            name, cluster = f"alert-{chance.randrange(12)}", f"c{chance.randrange(5)}"
            status = chance.choice(["firing", "firing", "resolved"])
            key = str(chance.randrange(16)).encode()
            topics.send(RAW.name, webhook(name, f"{name}-b", status=status, cluster=cluster), key)
        topics.close()

    thread = threading.Thread(target=send, name="sender")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def wait_until_quiet(topics: Topics) -> None:
    """Return once nothing has been added to `alerts` for a while, so that no deadline is half way."""
    seen, since_s = -1, time.monotonic()
    while time.monotonic() - since_s < 3:
        if (there := len(topics.read(ALERTS.name))) != seen:
            seen, since_s = there, time.monotonic()
        time.sleep(0.5)


def test_a_lease_that_is_not_renewed_resolves_by_ticks_alone(broker: Broker, topics: Topics, workers: Workers) -> None:
    workers.start(broker.bootstrap, QUICK).wait_ready()
    ends = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    alert = {"labels": {"alertname": "disk", "cluster": "eu"}, "startsAt": "2026-01-01T00:00:00Z", "endsAt": ends}
    topics.send(RAW.name, json.dumps([alert]).encode(), headers=[("source", b"prometheus")])
    pages = topics.wait_for(PAGES.name, lambda found: len(found) == 2)
    assert kinds(pages) == ["trigger", "resolve"]
    ticks = [one for one in topics.read(ALERTS.name) if not isinstance(decode_alerts(one.value), Alerts)]
    assert 1 <= len(ticks) <= 6, "a tick only where something was due"


def test_a_deadline_that_passes_while_no_worker_lives_is_kept_after_the_restart(
    broker: Broker, topics: Topics, workers: Workers
) -> None:
    first = workers.start(broker.bootstrap, QUICK)
    topics.send(RAW.name, webhook("disk"))
    topics.wait_for(PAGES.name, bool)
    topics.send(RAW.name, webhook("disk", status="resolved"))
    topics.wait_for(DECISIONS.name, lambda found: len(found) == 2)
    assert first.stop() == 0
    time.sleep(1)
    workers.start(broker.bootstrap, QUICK)
    pages = topics.wait_for(PAGES.name, lambda found: "resolve" in kinds(found))
    assert revisions(pages) == offline(topics.read(ALERTS.name), Policy.model_validate(QUICK))[0]


def test_a_worker_started_without_a_broker_waits_and_one_that_loses_it_goes_on(
    broker: Broker, topics: Topics, workers: Workers
) -> None:
    broker.stop()
    worker = workers.start(broker.bootstrap, QUICK)
    worker.wait_until(lambda: "waiting for it" in worker.said(), "it does not say that it waits")
    assert worker.ask("/readyz")[0] == 503
    broker.start()
    worker.wait_ready()
    topics.send(RAW.name, webhook("disk"))
    topics.wait_for(PAGES.name, bool)
    broker.stop()
    worker.wait_until(lambda: not worker.is_ready(), "it claims to be ready")
    lines, cpu_s = len(worker.said().splitlines()), worker.cpu_s()
    time.sleep(8)
    assert len(worker.said().splitlines()) - lines < 100, "an outage must not flood the log"
    assert worker.cpu_s() - cpu_s < 3, "nor spin: aiokafka alone takes two thirds of a core"
    broker.start()
    topics.send(RAW.name, webhook("cpu", cluster="us"))
    topics.wait_for(PAGES.name, lambda found: len(found) == 2)
    worker.wait_ready()
    assert worker.stop() == 0


def test_a_send_that_fails_ends_the_worker_and_its_successor_repeats_what_was_not_durable(
    broker: Broker, topics: Topics, workers: Workers
) -> None:
    limit_pages(broker, "100")
    worker = workers.start(broker.bootstrap)
    topics.send(RAW.name, webhook("disk"))
    assert worker.exit_code() == 70
    assert "the worker ends" in worker.said()
    limit_pages(broker, str(MAX_RECORD_BYTES))
    workers.start(broker.bootstrap)
    assert kinds(topics.wait_for(PAGES.name, bool)) == ["trigger"]


def limit_pages(broker: Broker, limit_bytes: str) -> None:
    """Let the broker refuse larger records of `pages`."""
    with broker.admin() as admin:
        admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, PAGES.name, configs={"max.message.bytes": limit_bytes})]
        )


def test_a_stalled_worker_that_comes_back_disturbs_nothing(broker: Broker, topics: Topics, workers: Workers) -> None:
    crew = [workers.start(broker.bootstrap, SPREAD) for _ in range(2)]
    with sending(broker.bootstrap):
        topics.wait_for_more(DECISIONS.name)
        os.kill(crew[0].pid, signal.SIGSTOP)
        time.sleep(STALL_S)
        os.kill(crew[0].pid, signal.SIGCONT)
        topics.wait_for_more(DECISIONS.name)
    assert_exact(topics, crew)


def test_a_worker_that_waits_for_a_broker_stops_when_it_is_told_to(workers: Workers) -> None:
    worker = workers.start("127.0.0.1:1")
    worker.wait_until(lambda: "waiting for it" in worker.said(), "it does not say that it waits")
    assert worker.stop() == 0


def test_without_the_topics_it_says_which_command_makes_them(broker: Broker, workers: Workers) -> None:
    with broker.admin() as admin:
        admin.delete_topics([topic.name for topic in TOPICS])
    worker = workers.start(broker.bootstrap)
    assert worker.exit_code() == 3
    assert "pagesieve topics create" in worker.said()
