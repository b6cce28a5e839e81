"""`pagesieve audit` over what the real commands wrote, on Kafka and on the embedded log, whole and damaged."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.log.embedded_file import FILE_NAME
from schemas.topics import DECISIONS, PAGES, RAW
from tests.integration import plant as plants
from tests.integration.broker import Broker
from tests.integration.plant import COMMAND, Plant
from tests.integration.real import PATIENCE_S
from tests.integration.worker import Topics

pytestmark = pytest.mark.integration

EVENTS = [{"name": name, "labels": {"cluster": "books"}} for name in ("DiskFull", "NodeDown")]


@pytest.fixture
def on_kafka(session_broker: Broker, tmp_path: Path) -> Iterator[Plant]:
    with plants.on_kafka(session_broker, tmp_path) as plant:
        yield plant


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Plant]:
    with plants.on_the_embedded_log(tmp_path) as plant:
        yield plant


def audit(*arguments: str | Path, kafka: str | None = None) -> tuple[int, dict[str, Any]]:
    done = run("--json", *arguments, kafka=kafka)
    return done.returncode, json.loads(done.stdout)


def run(*arguments: str | Path, kafka: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PAGESIEVE_")}
    environment |= {"PAGESIEVE_KAFKA": kafka} if kafka else {}
    done = subprocess.run(
        [COMMAND, "audit", *arguments], env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.returncode in {0, 1}, done.stderr
    return done


def post(plant: Plant, *events: object) -> None:
    httpx.post(f"{plant.gateway.url}/v1/events", json=events, timeout=30)


def tell_a_story(plant: Plant) -> None:
    """Two alerts of one incident fire, one event is bad, and all resolve: three sent twice. One body is useless."""
    post(plant, *EVENTS, {"name": 7})
    post(plant, "nothing in it is an event")
    plant.wait_for_calls("books", "trigger")
    post(plant, *({**event, "status": "resolved"} for event in EVENTS), "no event")
    plant.wait_for_calls("books", "trigger", "resolve")


def sums(found: dict[str, Any]) -> dict[str, int]:
    names = ("sent", "rejected", "decided", "refused", "on_the_way", "pages_triggered", "pages_resolved", "pages_open")
    return {name: found[name] for name in names}


BALANCED = {
    "sent": 6,
    "rejected": 2,
    "decided": 4,
    "refused": 1,
    "on_the_way": 0,
    "pages_triggered": 1,
    "pages_resolved": 1,
    "pages_open": 0,
}


def wait_for_drained(plant: Plant, *arguments: str | Path, kafka: str | None = None) -> dict[str, Any]:
    """The audit, once everything is committed and delivered."""
    plant.wait_until(
        lambda: run("--drained", *arguments, kafka=kafka).returncode == 0,
        lambda: run("--drained", *arguments, kafka=kafka).stdout,
    )
    return audit("--drained", *arguments, kafka=kafka)[1]


def test_the_books_of_up_balance_while_it_runs_and_when_it_was_killed(embedded: Plant, tmp_path: Path) -> None:
    tell_a_story(embedded)
    data_dir = tmp_path / "data"
    assert sums(wait_for_drained(embedded, "--data-dir", data_dir)) == BALANCED
    embedded.worker.kill()
    code, found = audit("--data-dir", data_dir, "--drained")
    assert (code, sums(found)) == (0, BALANCED)
    delete(data_dir, DECISIONS.name)
    code, found = audit("--data-dir", data_dir)
    assert code == 1
    assert found["flaws"]["lost"]["count"] == 2
    [place] = found["flaws"]["lost"]["first"]
    assert (place["topic"], place["partition"], place["offset"]) == (RAW.name, 0, 1)
    said = run("--data-dir", data_dir).stdout
    assert "LOST: 2 events" in said
    assert f"{RAW.name}[0] at 1: 2 of its 3 events" in said
    assert said.endswith("THE BOOKS DO NOT BALANCE\n")


def test_the_books_on_kafka_balance_also_when_the_worker_was_killed(on_kafka: Plant, session_broker: Broker) -> None:
    kafka = session_broker.bootstrap
    tell_a_story(on_kafka)
    assert sums(wait_for_drained(on_kafka, kafka=kafka)) == BALANCED
    on_kafka.worker.kill()
    post(on_kafka, *EVENTS)
    code, found = audit(kafka=kafka)
    assert (code, found["on_the_way"], found["lag"][RAW.name]) == (0, 2, 1)
    code, found = audit("--drained", kafka=kafka)
    assert (code, found["flaws"]["not_drained"]["count"]) == (1, 2)
    said = run(kafka=kafka).stdout
    assert f"1 records of {RAW.name}" in said
    assert said.endswith("the books balance\n")
    on_kafka.heal()
    on_kafka.wait_for_calls("books", "trigger", "resolve", "trigger")
    after = BALANCED | {"sent": 8, "decided": 6, "pages_triggered": 2}
    found = wait_for_drained(on_kafka, kafka=kafka)
    assert sums(found) | {"pages_open": 0, "pages_resolved": 1} == after


def test_a_page_written_twice_on_kafka_is_named_by_its_place(on_kafka: Plant, session_broker: Broker) -> None:
    kafka = session_broker.bootstrap
    tell_a_story(on_kafka)
    wait_for_drained(on_kafka, kafka=kafka)
    trigger = on_kafka.read(PAGES.name)[0]
    with closing(Topics(kafka)) as topics:
        for offset in (trigger.headers["log_offset"], "4711"):
            headers = [(name, text.encode()) for name, text in {**trigger.headers, "log_offset": offset}.items()]
            topics.send(PAGES.name, trigger.value, trigger.key, partition=trigger.partition, headers=headers)
    code, found = audit(kafka=kafka)
    assert code == 1
    assert {name: flaw["count"] for name, flaw in found["flaws"].items() if flaw["count"]} == {"paged_twice": 1}
    [place] = found["flaws"]["paged_twice"]["first"]
    end = max(one.offset for one in on_kafka.read(PAGES.name) if one.partition == trigger.partition)
    assert (place["topic"], place["partition"], place["offset"]) == (PAGES.name, trigger.partition, end)
    assert found["repeated"] == 1


def delete(data_dir: Path, topic: str) -> None:
    """The last entry of a topic vanishes from the file, which no pagesieve would do."""
    with closing(sqlite3.connect(data_dir / FILE_NAME)) as connection, connection:
        connection.execute(
            "DELETE FROM entry WHERE position = (SELECT max(position) FROM entry WHERE position >> 40 ="
            " (SELECT id FROM topic WHERE name = ?))",
            (topic,),
        )
