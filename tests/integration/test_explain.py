"""`pagesieve explain` over what the real commands wrote, on Kafka and on the embedded log, while they run."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration import plant as plants
from tests.integration.broker import Broker
from tests.integration.plant import COMMAND, Plant
from tests.integration.real import PATIENCE_S

pytestmark = pytest.mark.integration

NODE, DISK = ({"name": name, "labels": {"cluster": "why", "node": "n7"}} for name in ("NodeDown", "DiskFull"))


def explain(what: str, *arguments: str | Path, kafka: str | None = None) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PAGESIEVE_")}
    environment |= {"PAGESIEVE_KAFKA": kafka} if kafka else {}
    command = [COMMAND, "explain", what, *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S, encoding="utf-8"
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def tell_a_story(plant: Plant) -> str:
    """Two alerts of one incident, one of them twice, and what is no alert. The incident's id."""
    for events in ([NODE], [NODE, DISK, {"name": 7}]):
        httpx.post(f"{plant.gateway.url}/v1/events", json=events, timeout=30)
    plant.wait_for_calls("why", "trigger")
    plant.wait_until(lambda: len(plant.decisions("why")) == 3, lambda: plant.decisions("why"))
    return plant.told("why")[0][1]


def check(incident_id: str, plant: Plant, *arguments: str | Path, kafka: str | None = None) -> None:
    def told() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(explain(incident_id, *arguments, "--json", kafka=kafka)[1])
        return found

    plant.wait_until(lambda: all(call["delivered"] for call in told()["paged"]), told)
    found = told()
    assert [(one["alert"]["name"], one["reason"]) for one in found["alerts"]] == [
        ("NodeDown", "opened"),
        ("DiskFull", "joined"),
    ]
    assert [(one["kind"], one["decision"]["paged"]) for one in found["paged"]] == [("trigger", True)]
    assert found["other_events"] == {"duplicate": 1}
    code, said = explain(incident_id[:13], *arguments, kafka=kafka)
    assert code == 0
    assert said.startswith(f"{incident_id}, open, ")
    code, said = explain(found["alerts"][1]["place"], *arguments, kafka=kafka)
    assert code == 0
    assert "rejected, since it is no alert: [2].name" in said
    assert "DiskFull on n7 [fp1:" in said
    code, said = explain("inc1:00000000", *arguments, kafka=kafka)
    assert code == 1
    assert "looked through 3 decisions" in said


def test_an_incident_on_the_embedded_log_is_explained_while_up_runs(tmp_path: Path) -> None:
    with plants.on_the_embedded_log(tmp_path) as plant:
        check(tell_a_story(plant), plant, "--data-dir", tmp_path / "data")


def test_an_incident_on_kafka_is_explained_while_the_parts_run(session_broker: Broker, tmp_path: Path) -> None:
    with plants.on_kafka(session_broker, tmp_path) as plant:
        check(tell_a_story(plant), plant, kafka=session_broker.bootstrap)
