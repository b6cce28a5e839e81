"""What people do in PagerDuty is heard: who acknowledges is not called again, and what they say is kept."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.codec import decode
from pipeline.core.policy import Policy
from schemas import Incident, IncidentState, Outcome, Verdict
from schemas.topics import INCIDENTS, OUTCOMES
from tests.integration.books import assert_balanced
from tests.integration.plant import COMMAND, POLICY, Plant, on_kafka, on_the_embedded_log
from tests.webhooks import signature, webhook

pytestmark = pytest.mark.integration
SECRET = "of-the-subscription"  # noqa: S105 - of a loopback webhook
REPEAT_S = 2


@pytest.fixture(params=["embedded", "kafka"])
def calling(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Plant]:
    """A plant whose pages repeat every two seconds until somebody acknowledges, and that knows PagerDuty's secret."""
    rules = tmp_path / "repeating.yaml"
    policy = {**POLICY, "repeat_after": f"{REPEAT_S}s"}
    rules.write_text(json.dumps(policy))
    more = {"PAGESIEVE_POLICY": str(rules), "PAGESIEVE_PAGERDUTY_WEBHOOK_SECRETS": f"retired,{SECRET}"}
    if request.param == "embedded":
        with on_the_embedded_log(tmp_path, more) as plant:
            plant.policy = Policy.model_validate(policy)
            yield plant
    else:
        with on_kafka(request.getfixturevalue("session_broker"), tmp_path, more) as plant:
            plant.policy = Policy.model_validate(policy)
            yield plant


def test_who_acknowledges_in_pagerduty_is_not_called_again_and_a_mark_and_a_note_are_kept(calling: Plant) -> None:
    send(calling, "firing")
    calling.wait_until(lambda: calling.actions("acked")[:2] == ["trigger"] * 2, lambda: calling.told("acked"))
    key = calling.told("acked")[0][1]
    tell(calling, "incident.acknowledged", key)
    wait_for_state(calling, key, IncidentState.ACKNOWLEDGED)
    calls = settled(calling)
    for part in {calling.gateway, calling.worker}:
        part.kill()
    calling.heal()
    time.sleep(2 * REPEAT_S)
    assert calling.actions("acked") == calls
    tell(calling, "incident.annotated", key, content="a backup")  # a gateway that started since knows whose it is
    mark(calling, key)
    wait_for_state(calling, key, IncidentState.ACKNOWLEDGED, verdict=Verdict.NOT_ACTIONABLE)
    send(calling, "resolved")
    wait_for_state(calling, key, IncidentState.RESOLVED, verdict=Verdict.NOT_ACTIONABLE)
    calling.wait_for_actions("acked", *calls, "resolve")
    assert calling.pagerduty.opened(key) == 1
    last = newest(calling, key)
    assert last is not None
    assert last.outcome is not None
    assert (last.acknowledged_by, last.outcome.verdict, last.outcome.note) == (
        "Ada Lovelace",
        Verdict.ANNOTATED,
        "a backup",
    )
    said = [decode(Outcome, record.value) for record in calling.read(OUTCOMES.name)]
    assert sorted(one.verdict for one in said) == sorted(
        [Verdict.ACKNOWLEDGED, Verdict.ANNOTATED, Verdict.NOT_ACTIONABLE]
    )
    assert_balanced(calling)


def send(plant: Plant, status: str) -> None:
    event = {"source": "probe", "name": "DiskFull", "labels": {"cluster": "acked"}, "severity": "critical"}
    httpx.post(f"{plant.gateway.url}/v1/events", json={**event, "status": status}).raise_for_status()


def tell(plant: Plant, kind: str, key: str, **more: Any) -> None:
    """PagerDuty tells of the incident that it opened for `key`, as long as it takes until it is believed."""
    body = webhook(kind, key, event_id=f"event of {kind}", **more)
    headers = {"X-PagerDuty-Signature": signature(body, "another's", SECRET)}
    answers: list[httpx.Response] = []

    def is_recorded() -> bool:
        answers.append(httpx.post(f"{plant.gateway.url}/v1/pagerduty/webhook", content=body, headers=headers))
        return answers[-1].status_code == 202 and answers[-1].json()["status"] == "recorded"

    plant.wait_until(is_recorded, lambda: answers[-1].text)


def mark(plant: Plant, key: str) -> None:
    said = ["--as", "not_actionable", "--note", "every night", "--by", "ada"]
    command = [str(COMMAND), "mark", key, *said, "--gateway", plant.gateway.url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{key}  not_actionable by ada\n"), done.stderr


def newest(plant: Plant, key: str) -> Incident | None:
    told = [decode(Incident, record.value) for record in plant.read(INCIDENTS.name)]
    return max((one for one in told if one.incident_id == key), key=lambda one: one.revision, default=None)


def wait_for_state(plant: Plant, key: str, state: IncidentState, verdict: Verdict | None = None) -> None:
    def is_so() -> bool:
        last = newest(plant, key)
        is_marked = last is not None and last.mark is not None and last.mark.verdict is verdict
        return last is not None and last.state is state and (verdict is None or is_marked)

    plant.wait_until(is_so, lambda: newest(plant, key))


def settled(plant: Plant) -> list[str]:
    """What PagerDuty was told, once what was on its way has arrived: nothing more comes for two repeats."""
    calls = plant.actions("acked")
    for _ in range(3):
        time.sleep(2 * REPEAT_S)
        before, calls = calls, plant.actions("acked")
        if before == calls:
            return calls
    return pytest.fail(f"it is called again and again: {calls}", pytrace=False)
