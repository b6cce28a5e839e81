"""The worker's batches on a real Kafka: a failed send, a part that crashes, more than it takes, a name of its own."""

import json
import os
import random
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from pipeline.codec import decode, decode_alerts
from schemas import Alerts, Decisions
from schemas.topics import ALERTS, DECISIONS, MAX_RECORD_BYTES, PAGES, RAW
from tests.integration.broker import Broker
from tests.integration.test_worker import raw_places, webhook
from tests.integration.worker import Record, Topics, Worker, Workers

pytestmark = pytest.mark.integration

LARGE_BYTES = 700 * 1024
MB = 1024 * 1024
# A worker in which a timer of Faust fails, as one of ours could.
BROKEN = """
import sys
from pipeline.__main__ import main
from pipeline.stream import worker

make = worker.new_app

def new_app(*arguments):
    app = make(*arguments)

    @app.timer(1.0)
    async def broken():
        raise RuntimeError("this timer is broken")

    return app

worker.new_app = new_app
sys.exit(main())
"""


def told(name: str, summary: str) -> bytes:
    """A webhook of one alert with a summary of its own."""
    body = json.loads(webhook(name))
    body["alerts"][0]["annotations"]["summary"] = summary
    return json.dumps(body).encode()


def write(bootstrap: str, values: Iterable[bytes], partition: int | None = None) -> None:
    """Write to `alerts.raw` in batches, packed, and return once all of it stands."""
    producer = KafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        compression_type="zstd",
        linger_ms=50,
        batch_size=MB,
        max_request_size=MAX_RECORD_BYTES,
    )
    sent = [producer.send(RAW.name, value, partition=partition) for value in values]
    producer.flush(timeout=60)
    for one in sent:
        one.get(timeout=30)
    producer.close()


def limit(broker: Broker, topic: str, most_bytes: int) -> None:
    """Let the broker refuse larger batches of `topic`."""
    with broker.admin() as admin:
        configs = {"max.message.bytes": str(most_bytes)}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=configs)])


def places(records: list[Record]) -> Counter[tuple[int, int]]:
    """How often each raw record was decided."""
    decisions = [decode(Decisions, record.value) for record in records]
    return Counter((record.raw_partition, record.raw_offset) for record in decisions)


@pytest.mark.parametrize("before", [0, 50], ids=["in the first batch", "later"])
def test_a_send_that_fails_in_the_middle_loses_nothing(
    broker: Broker, topics: Topics, workers: Workers, before: int
) -> None:
    """What stands behind it in the same partition is in the producer's hands already, and must not arrive."""
    noise = random.Random(5).randbytes(LARGE_BYTES // 2).hex()  # noqa: S311  # nothing that a codec could make small
    first = [told(f"a{number}", "short") for number in range(before)]
    rest = [told(f"c{number}", "x" * 4000) for number in range(300)]  # three batches of the producer
    limit(broker, ALERTS.name, 100_000)
    write(broker.bootstrap, [*first, told("large", noise), *rest], partition=0)
    worker = workers.start(broker.bootstrap)
    assert worker.exit_code() == 70
    assert "the worker ends" in worker.said()
    arrived = [decode_alerts(record.value) for record in topics.read(ALERTS.name)]
    assert all(record.raw_offset < before for record in arrived if isinstance(record, Alerts)), "it was overtaken"
    limit(broker, ALERTS.name, MAX_RECORD_BYTES)
    workers.start(broker.bootstrap)
    expected = Counter(raw_places(topics))
    decided = topics.wait_for(DECISIONS.name, lambda found: places(found).keys() == expected.keys())
    assert places(decided) == expected


def test_a_worker_whose_timer_crashes_ends_with_a_code_that_says_so(
    broker: Broker, workers: Workers, tmp_path: Path
) -> None:
    script = tmp_path / "broken.py"
    script.write_text(BROKEN)
    worker = workers.start(broker.bootstrap, program=[str(script)], PYTHONPATH=os.getcwd())
    assert worker.exit_code() == 70
    assert "this timer is broken" in worker.said()


def test_only_its_own_pages_are_served_and_none_of_fausts(broker: Broker, workers: Workers) -> None:
    worker = workers.start(broker.bootstrap)
    worker.wait_ready()
    assert listening(worker.pid) == {worker.port}
    for page in ("/", "/table/", "/router/", "/stats/"):
        assert worker.ask(page)[0] == 404


def listening(pid: int) -> set[int]:
    """The TCP ports that the process accepts connections on."""
    links = {os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir() if one.is_symlink()}
    rows = [
        row.split()
        for table in ("tcp", "tcp6")
        for row in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    ]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in links}


def test_ten_times_more_than_it_can_take_waits_in_the_log_and_not_in_memory(
    broker: Broker, topics: Topics, workers: Workers
) -> None:
    names = [f"n{number}" for number in range(20)]
    body = webhook(*names)
    webhooks = 200 * MB // len(body)
    worker = workers.start(broker.bootstrap)
    worker.wait_ready()
    topics.send(RAW.name, body)
    topics.wait_for(PAGES.name, bool)
    before = worker.most_bytes()
    seen: set[str] = set()

    def has_lag() -> bool:
        seen.update(lagging(worker))
        return bool(seen)

    write(broker.bootstrap, (body for _ in range(webhooks)))
    worker.wait_until(has_lag, "no partition lags")
    decided = re.compile(r'^pagesieve_triage_decisions_total\{reason="duplicate"\} (\S+)$', re.MULTILINE)

    def has_all() -> bool:
        found = decided.search(worker.ask("/metrics")[1])
        return found is not None and float(found[1]) >= webhooks * len(names)

    worker.wait_until(has_all, "not all is decided")
    worker.wait_until(lambda: not lagging(worker), "it still lags")
    worker.wait_ready()
    assert worker.most_bytes() - before < 180 * MB, "of 200 MB, which would be here twice: raw and normalised"


def test_what_is_small_packed_and_large_unpacked_is_not_unpacked_all_at_once(
    broker: Broker, topics: Topics, workers: Workers
) -> None:
    bodies = 250
    worker = workers.start(broker.bootstrap)
    worker.wait_ready()
    before = worker.most_bytes()
    write(broker.bootstrap, (b"x" * (2 * MB) for _ in range(bodies)), partition=0)  # 100 bytes each, packed: one fetch
    rejected = re.compile(r'^pagesieve_rejected_total\{topic="alerts.raw"\} (\S+)$', re.MULTILINE)

    def has_all() -> bool:
        found = rejected.search(worker.ask("/metrics")[1])
        return found is not None and float(found[1]) >= bodies

    worker.wait_until(has_all, "not all is rejected")
    assert worker.most_bytes() - before < 250 * MB, "of 500 MB"


def lagging(worker: Worker) -> set[str]:
    """The partitions of `alerts.raw` and `alerts` that the worker says it is behind in."""
    text = worker.ask("/metrics")[1]
    lags = re.findall(r"^pagesieve_worker_partition_lag_records\{(.*)\} (\S+)$", text, re.MULTILINE)
    return {labels for labels, lag in lags if float(lag) > 0}


def test_a_worker_with_a_name_comes_back_as_the_same_member_and_leaves_when_it_is_told_to_stop(
    broker: Broker, topics: Topics, workers: Workers
) -> None:
    first = workers.start(broker.bootstrap, PAGESIEVE_WORKER_NAME="worker-0")
    first.wait_ready()
    assert members(broker) == ["worker-0"]
    first.kill()
    second = workers.start(broker.bootstrap, PAGESIEVE_WORKER_NAME="worker-0")
    topics.send(RAW.name, webhook("disk"))
    topics.wait_for(PAGES.name, bool)
    assert members(broker) == ["worker-0"], "the dead one would be another member"
    assert second.stop() == 0
    assert members(broker) == []


def members(broker: Broker) -> list[Any]:
    """The names of the members of the worker's group; None for one without."""
    with broker.admin() as admin:
        [group] = admin.describe_groups(["pagesieve"]).values()
    return [member["group_instance_id"] for member in group["members"]]
