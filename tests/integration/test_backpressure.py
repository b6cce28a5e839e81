"""Ten times more than it may hold is answered 503 and not held; what was answered with success is decided, once."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from pipeline.audit import TOPICS_IN_ORDER, Balance, audit
from pipeline.log.embedded_recording import EmbeddedRecording
from pipeline.log.kafka_recording import KafkaRecording
from pipeline.stream.worker import GROUP
from schemas.topics import DECISIONS
from tests.integration.broker import Broker
from tests.integration.plant import Part
from tests.integration.worker import Topics, Workers

pytestmark = pytest.mark.integration

MB = 1024 * 1024
MOST_BYTES = MB  # in flight
ALERTS = 100
SENDERS, EACH = 40, 4
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PAGESIEVE_")} | {
    "PAGESIEVE_MAX_BYTES_IN_FLIGHT": str(MOST_BYTES)
}


# A webhook of 250 KB: all senders at once have ten times what may be in flight.
BODY = json.dumps(
    {
        "alerts": [
            {"status": "firing", "labels": {"alertname": f"a{number}"}, "annotations": {"summary": "x" * 2500}}
            for number in range(ALERTS)
        ]
    }
).encode()


async def flood(url: str) -> Counter[int]:
    """What all senders are answered, each sending at once when it was answered."""
    answers: Counter[int] = Counter()
    limits = httpx.Limits(max_connections=SENDERS)

    async def send(client: httpx.AsyncClient) -> None:
        for _ in range(EACH):
            answer = await client.post(f"{url}/v1/alertmanager", content=BODY)
            answers[answer.status_code] += 1
            assert answer.status_code == 200 or answer.headers["retry-after"]

    async with httpx.AsyncClient(limits=limits, timeout=60) as client:
        await asyncio.gather(*(send(client) for _ in range(SENDERS)))
    return answers


def flooded(gateway: Part) -> int:
    """Flood it, and see that it holds no more than it may and needs no help; how many were taken."""
    gateway.start()
    gateway.wait_ready()
    assert httpx.post(f"{gateway.url}/v1/alertmanager", content=BODY).status_code == 200
    before = gateway.most_bytes()
    answers = asyncio.run(flood(gateway.url))
    assert set(answers) == {200, 503}, "it refuses some and takes some"
    assert answers.total() == SENDERS * EACH
    assert gateway.most_bytes() - before < 100 * MB, f"of {SENDERS * EACH * len(BODY) // MB} MB"
    assert httpx.post(f"{gateway.url}/v1/alertmanager", content=BODY).status_code == 200
    assert gateway.readiness() == 200
    return answers[200] + 2


@pytest.fixture
def gateway(tmp_path: Path, broker: Broker) -> Iterator[Part]:
    part = Part(tmp_path, ["gateway"], ENVIRONMENT | {"PAGESIEVE_KAFKA": broker.bootstrap})
    yield part
    part.close()


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Part]:
    part = Part(tmp_path, ["up", "--data-dir", str(tmp_path / "data")], ENVIRONMENT)
    yield part
    part.close()


def test_a_flooded_gateway_refuses_what_it_cannot_hold_and_loses_nothing_that_it_took(
    gateway: Part, broker: Broker, topics: Topics, workers: Workers
) -> None:
    taken = flooded(gateway)
    workers.start(broker.bootstrap)
    topics.wait_for(DECISIONS.name, lambda found: len(found) == taken)
    with closing(KafkaRecording(broker.bootstrap, GROUP, TOPICS_IN_ORDER)) as recording:
        books = audit(recording)
    assert (books.is_even, books.decided) == (True, taken * ALERTS)


def test_pagesieve_up_likewise(up: Part, tmp_path: Path) -> None:
    taken = flooded(up)

    def books() -> Balance:
        with closing(EmbeddedRecording.open(tmp_path / "data", GROUP, TOPICS_IN_ORDER)) as recording:
            return audit(recording)

    up.wait_until(lambda: books().on_the_way == 0)
    assert (books().is_even, books().decided) == (True, taken * ALERTS)
