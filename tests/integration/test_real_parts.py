"""The real parts that other tests lean on keep what they promise: they start, lose nothing over a stop, and end."""

import signal
import sys
from pathlib import Path

import httpx
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from deploy.kafka.kafka import MESSAGE_MAX_BYTES
from pipeline.log.admin import check_topics
from schemas.topics import MAX_RECORD_BYTES, PAGES
from tests.integration.broker import Broker
from tests.integration.conftest import StartMonitor
from tests.integration.real import Process

pytestmark = pytest.mark.integration

ALERTMANAGER = "{route: {receiver: none}, receivers: [{name: none}]}"
PROMETHEUS = "{global: {evaluation_interval: 1s}, rule_files: [RULES]}"
RULES = "{groups: [{name: g, rules: [{alert: AlwaysFiring, expr: vector(1)}]}]}"


def acknowledged(broker: Broker, value: bytes) -> None:
    """Write one record to `pages` and return once the broker has acknowledged it."""
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all", max_request_size=MAX_RECORD_BYTES)
    try:
        producer.send("pages", value).get(timeout=30)
    finally:
        producer.close()


def values(broker: Broker) -> list[bytes]:
    """All that stands on `pages`."""
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
    try:
        partitions = [TopicPartition("pages", number) for number in range(PAGES.partitions)]
        consumer.assign(partitions)
        expected = sum(consumer.end_offsets(partitions).values())
        return [next(consumer).value for _ in range(expected)]
    finally:
        consumer.close()


def test_a_stopped_broker_comes_back_with_its_records_and_topics(broker: Broker) -> None:
    acknowledged(broker, b"before")
    broker.stop()
    broker.start()
    acknowledged(broker, b"after")
    assert sorted(values(broker)) == [b"after", b"before"]
    assert check_topics(broker.bootstrap) == []


def test_a_killed_broker_comes_back_with_its_records(broker: Broker) -> None:
    acknowledged(broker, b"before")
    broker.kill()
    broker.start()
    assert values(broker) == [b"before"]


def test_fresh_topics_are_empty(broker: Broker) -> None:
    acknowledged(broker, b"of another test")
    broker.fresh_topics()
    assert values(broker) == []


def test_a_member_that_was_killed_does_not_keep_the_next_test_waiting(broker: Broker) -> None:
    script = f"""
from kafka import KafkaConsumer
bootstrap = "{broker.bootstrap}"
# Who joins before it knows the topics is dealt nothing until it looks again: by default after five minutes.
consumer = KafkaConsumer("pages", bootstrap_servers=bootstrap, group_id="pagesieve-test", metadata_max_age_ms=1000)
while True:
    consumer.poll(100)
    print(len(consumer.assignment()), flush=True)
"""
    member = Process([sys.executable, "-W", "ignore", "-c", script], broker.folder / "member.log")
    try:
        member.wait_until(lambda: member.last_words().endswith(str(PAGES.partitions)))
    finally:
        member.kill()
    broker.fresh_topics()
    with broker.admin() as admin:
        assert "pagesieve-test" not in [group["group_id"] for group in admin.list_groups()]


def test_the_broker_takes_the_largest_record(broker: Broker) -> None:
    assert MESSAGE_MAX_BYTES >= MAX_RECORD_BYTES
    largest = b"x" * (MAX_RECORD_BYTES - 1024)  # room for the envelope
    acknowledged(broker, largest)
    assert values(broker) == [largest]


def test_an_alertmanager_takes_alerts(alertmanager: StartMonitor) -> None:
    one, twin = alertmanager(ALERTMANAGER), alertmanager(ALERTMANAGER)
    assert one.url != twin.url
    httpx.post(f"{one.url}/api/v2/alerts", json=[{"labels": {"alertname": "Disk"}}]).raise_for_status()
    assert [alert["labels"] for alert in httpx.get(f"{one.url}/api/v2/alerts").json()] == [{"alertname": "Disk"}]


def test_a_prometheus_reads_its_rules(prometheus: StartMonitor, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    monitor = prometheus(PROMETHEUS.replace("RULES", str(tmp_path / "rules.yml")))
    groups = httpx.get(f"{monitor.url}/api/v1/rules").json()["data"]["groups"]
    assert [rule["name"] for group in groups for rule in group["rules"]] == ["AlwaysFiring"]


def test_what_a_process_said_is_shown_when_it_ends_early(tmp_path: Path) -> None:
    process = Process(["sh", "-c", "echo no disk; exit 7"], tmp_path / "output")
    with pytest.raises(pytest.fail.Exception, match=r"(?s)sh ended with 7.*no disk"):
        process.wait_until(lambda: False, timeout_s=10)


def test_stopping_is_a_sigterm(tmp_path: Path) -> None:
    process = Process(["sleep", "60"], tmp_path / "output")
    assert process.stop() == -signal.SIGTERM
