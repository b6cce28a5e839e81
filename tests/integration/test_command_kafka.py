"""The parts on Kafka as their operator starts them: each command wires a part that works with the others."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO

import httpx
import pytest

from schemas.topics import TOPICS
from tests.integration.broker import Broker
from tests.integration.real import PATIENCE_S, free_ports
from tests.integration.worker import Topics

pytestmark = pytest.mark.integration

COMMAND = Path(sys.executable).with_name("pagesieve")
EVENT = {"source": "probe", "name": "DiskFull", "labels": {"host": "a"}, "severity": "critical", "status": "firing"}


def answer(broker: Broker, *arguments: str) -> tuple[int, str]:
    """The exit code and what is on stdout."""
    done = subprocess.run(
        [COMMAND, *arguments], env=environment(broker), stdout=subprocess.PIPE, text=True, check=False
    )
    return done.returncode, done.stdout


def environment(broker: Broker) -> Mapping[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PAGESIEVE_")}
    return inherited | {"PAGESIEVE_KAFKA": broker.bootstrap}


class Part:
    """One command that runs until it is stopped, and answers /readyz."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"

    def wait_ready(self) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not self._is_ready():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}"
            assert time.monotonic() < deadline_s, "it did not become ready"
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
def parts(broker: Broker, tmp_path: Path) -> Iterator[dict[str, Part]]:
    """Gateway, worker and pager, ready; the pager's pages are in the file `pages`."""
    with ExitStack() as ended:
        pages = ended.enter_context((tmp_path / "pages").open("wb"))
        log = ended.enter_context((tmp_path / "stderr").open("wb"))

        def start(stdout: IO[bytes], *command: str) -> Part:
            [port] = free_ports(1)
            process = subprocess.Popen(
                [COMMAND, *command, "--listen", f"127.0.0.1:{port}"],
                env=environment(broker),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=log,
            )
            ended.callback(process.wait)
            ended.callback(process.kill)
            return Part(process, port)

        started = {
            "gateway": start(log, "gateway"),
            "worker": start(log, "worker"),
            "pager": start(pages, "pager", "--sink", "console"),
        }
        for part in started.values():
            part.wait_ready()
        yield started


def where_it_stands(broker: Broker, parts: dict[str, Part], folder: Path) -> str:
    """What there is to know when no page was printed: how far it came."""
    with closing(Topics(broker.bootstrap)) as topics:
        stand = {topic.name: [(one.partition, one.offset) for one in topics.read(topic.name)] for topic in TOPICS}
    with broker.admin() as admin:
        groups = {group["group_id"]: admin.list_group_offsets(group["group_id"]) for group in admin.list_groups()}
    ready = {name: httpx.get(f"{part.url}/readyz").text for name, part in parts.items()}
    said = [line[:300] for line in (folder / "stderr").read_text().splitlines() if "member_metadata" not in line]
    return f"no page was printed: {stand}\n{groups}\n{ready}\n{(folder / 'pages').read_text()}\n" + "\n".join(
        said[-40:]
    )


def test_an_alert_goes_through_every_part_and_each_stops_cleanly(
    broker: Broker, parts: dict[str, Part], tmp_path: Path
) -> None:
    event = EVENT | {"starts_at": "2026-01-05T10:00:00Z"}
    assert httpx.post(f"{parts['gateway'].url}/v1/events", json=event).status_code == 200
    deadline_s = time.monotonic() + PATIENCE_S
    while "PAGE CRITICAL DiskFull" not in (tmp_path / "pages").read_text():
        assert time.monotonic() < deadline_s, where_it_stands(broker, parts, tmp_path)
        time.sleep(0.1)
    for part in parts.values():
        part.process.terminate()
    assert {name: part.process.wait(PATIENCE_S) for name, part in parts.items()} == dict.fromkeys(parts, 0)


def test_topics_are_made_once_and_then_as_they_should_be(broker: Broker) -> None:
    broker.delete_topics([topic.name for topic in TOPICS])
    code, said = answer(broker, "topics", "check", "--json")
    assert code == 1
    assert "alerts.raw does not exist" in said
    code, said = answer(broker, "topics", "create")
    assert code == 0
    assert "made alerts.raw\n" in said
    assert answer(broker, "topics", "create") == (0, "every topic is there already\n")
    assert answer(broker, "topics", "check") == (0, "every topic is as it should be\n")
    assert answer(broker, "topics", "check", "--json") == (0, '{\n  "differences": []\n}\n')
