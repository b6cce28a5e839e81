"""`pagesieve web` beside the other parts on a real Kafka: it shows what they decided, and its marks reach them."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from pipeline.log.kafka_recording import KafkaRecording
from tests.integration.broker import Broker
from tests.integration.real import PATIENCE_S, free_ports
from tests.integration.test_command_kafka import COMMAND, EVENT, Part, environment, parts
from tests.integration.worker import Topics

__all__ = ["parts"]  # a fixture, found by its name
pytestmark = pytest.mark.integration


def until(claim: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < deadline_s, "it did not come true in time"
        time.sleep(0.1)


def test_the_page_shows_what_the_worker_decided_and_a_mark_on_it_reaches_the_incident(
    broker: Broker, parts: dict[str, Part], tmp_path: Path
) -> None:
    event = EVENT | {"starts_at": "2026-01-05T10:00:00Z"}
    assert httpx.post(f"{parts['gateway'].url}/v1/events", json=event).status_code == 200
    with ExitStack() as ended:
        [port] = free_ports(1)
        log = ended.enter_context((tmp_path / "web").open("wb"))
        command = [str(COMMAND), "web", "--listen", f"127.0.0.1:{port}"]
        process = subprocess.Popen(command, env=environment(broker), stdout=log, stderr=log)
        ended.callback(process.wait)
        ended.callback(process.kill)
        page = Part(process, port)
        page.wait_ready()
        client = ended.enter_context(httpx.Client(base_url=page.url, timeout=PATIENCE_S))
        until(lambda: "DiskFull" in client.get("/ui/").text)
        [key] = re.findall(r'name="incident" value="(inc1:[0-9a-f]{20})"', client.get("/ui/").text)
        story = client.get(f"/ui/incidents/{key}").text
        assert story.count('<li class="m-alert') == 1
        assert "No open incident fits it, so it opens one and pages." in story
        form = {"incident": key, "verdict": "actionable", "by": "ada"}
        answer = client.post("/ui/mark", data=form, headers={"Origin": page.url})
        assert (answer.status_code, answer.headers["location"]) == (303, "/ui/?marked=1&as=actionable")
        explained = [COMMAND, "explain", key, "--json"]

        def is_marked() -> bool:
            said = subprocess.run(explained, env=environment(broker), stdout=subprocess.PIPE, check=True).stdout
            mark = json.loads(said)["incident"]["mark"]
            return mark is not None and (mark["verdict"], mark["by"], mark["via"]) == ("actionable", "ada", "web")

        until(is_marked)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def test_since_a_time_only_what_was_written_then_or_later_is_read(broker: Broker) -> None:
    with closing(Topics(broker.bootstrap)) as topics:
        for number in range(3):
            topics.send("pages", b"%d" % number)
            time.sleep(0.05)
        written = sorted(topics.read("pages"), key=lambda one: one.timestamp_ms)
    since_ms = written[1].timestamp_ms
    with closing(KafkaRecording(broker.bootstrap, "group", ["pages", "incidents"], since_ms)) as recording:
        assert sorted(one.value for one in recording.read("pages")) == [b"1", b"2"]
    with closing(KafkaRecording(broker.bootstrap, "group", ["pages"], written[2].timestamp_ms + 60_000)) as recording:
        assert list(recording.read("pages")) == []


def test_without_kafka_it_says_what_is_missing() -> None:
    done = subprocess.run(
        [COMMAND, "web"], check=False, env={"PATH": str(Path(sys.executable).parent)}, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "PAGESIEVE_KAFKA is not set" in done.stderr
