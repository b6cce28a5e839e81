"""A worker is ready when it has the state of what it holds and is not behind; one too many is ready to take over."""

import json

import httpx
import pytest

from pipeline.stream.status import READY_LAG_RECORDS, Status, served
from tests.integration.real import free_ports


def answer(status: Status) -> tuple[int, dict[str, str]]:
    [port] = free_ports(1)
    with served(status, ("127.0.0.1", port)):
        said = httpx.get(f"http://127.0.0.1:{port}/readyz")
    return said.status_code, json.loads(said.text)


@pytest.mark.parametrize(
    ("held", "lag_records", "code", "words"),
    [
        (8, 0, 200, "ready"),
        (8, READY_LAG_RECORDS + 1, 503, "1001 records behind"),
        (0, 0, 200, "standby: it holds no partition"),
        (None, 0, 503, "the group has not dealt its partitions"),
    ],
)
def test_ready_is_who_could_do_what_the_group_asks_of_it(
    held: int | None, lag_records: int, code: int, words: str
) -> None:
    status = Status()
    status.turned(held, lag_records)
    found, body = answer(status)
    assert found == code
    assert words in " ".join(body.values())


def test_who_failed_is_no_standby() -> None:
    status = Status()
    assert answer(status)[0] == 503
    status.turned(0, 0)
    status.failed("Kafka does not answer")
    assert answer(status) == (503, {"status": "not ready", "reason": "Kafka does not answer"})
