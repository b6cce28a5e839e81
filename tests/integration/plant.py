"""All of pagesieve, started by its real commands: the parts on Kafka, or `pagesieve up`. Both have one face here."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path

import httpx
import pytest

from pipeline.codec import decode
from pipeline.core.policy import Policy
from pipeline.log.embedded_file import FILE_NAME, OFFSET_BITS
from pipeline.log.embedded_tables import read_slice
from schemas import Decision, Decisions, Reason
from schemas.topics import DECISIONS, PAGES
from tests.integration.broker import Broker
from tests.integration.pagerduty import ROUTING_KEY, PagerDutyEndpoint
from tests.integration.pagerduty_rules import Event
from tests.integration.real import PATIENCE_S, Process, free_ports
from tests.integration.worker import Record, Topics

COMMAND = Path(sys.executable).with_name("pagesieve")
# Every scene has a cluster of its own, so that many can share a plant. Scenes tell in seconds what takes hours: two of
# them are how long the slower twin of a pair may still say that an alert fires, and no change is one too many.
POLICY = {
    "scope": ["cluster"],
    "group_by": ["cluster"],
    "resolve_after": "2s",
    "flapping": {"start": 100, "half_life": "1m", "longest": "10m"},
}
LAST_OFFSET = (1 << OFFSET_BITS) - 1

Read = Callable[[str], list[Record]]


class Part:
    """One command of pagesieve with an address of its own, which outlives `kill` and `start`."""

    def __init__(self, folder: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        [port] = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self._command = [str(COMMAND), *arguments, "--listen", f"127.0.0.1:{port}"]
        self._environment = environment
        self._output = folder / f"{arguments[0]}.log"
        self._process: Process | None = None

    def start(self) -> None:
        """Start; `wait_ready` says when it is. Does nothing if it runs."""
        if self._process is None or not self._process.is_alive():
            self._process = Process(self._command, self._output, environment=self._environment)

    def wait_ready(self) -> None:
        self.wait_until(lambda: self.readiness() == 200)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Return once it holds; fail with its last words if it ends or takes too long."""
        assert self._process is not None
        self._process.wait_until(holds)

    def most_bytes(self) -> int:
        """The most memory that it ever had, as the kernel counts it."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if "VmHWM" in line]
        return int(line.split()[1]) * 1024

    def readiness(self) -> int:
        """What `/readyz` answers; 0 while nobody listens."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10).status_code
        except httpx.TransportError:
            return 0

    def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        lines = httpx.get(f"{self.url}/metrics", timeout=10).text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    def kill(self) -> None:
        """Kill -9."""
        assert self._process is not None
        self._process.kill()

    def close(self) -> None:
        """Stop cleanly if it runs."""
        if self._process is not None and self._process.is_alive():
            assert self._process.stop() == 0, self.said()

    def said(self) -> str:
        return self._output.read_text(errors="replace")


class Plant:
    """Gateway, worker and pager, the topics between them, and the PagerDuty behind them. `up` is all three parts."""

    def __init__(self, gateway: Part, worker: Part, pager: Part, read: Read, pagerduty: PagerDutyEndpoint) -> None:
        self.gateway, self.worker, self.pager = gateway, worker, pager
        self.read = read
        self.pagerduty = pagerduty
        self.policy = Policy.model_validate(POLICY)

    @property
    def is_one_process(self) -> bool:
        return self.gateway is self.worker

    @property
    def page_partitions(self) -> int:
        return 1 if self.is_one_process else PAGES.partitions

    @property
    def parts(self) -> list[Part]:
        return [self.gateway] if self.is_one_process else [self.gateway, self.worker, self.pager]

    def heal(self) -> None:
        """Start whatever does not run, and return once everything is ready."""
        self.pagerduty.release()
        for part in self.parts:
            part.start()
        for part in self.parts:
            part.wait_ready()

    def close(self) -> None:
        for part in self.parts:
            part.close()

    def decisions(self, cluster: str) -> list[Decision]:
        """All that was decided about alerts of the cluster; twice what was written twice."""
        records = [decode(Decisions, record.value) for record in self.read(DECISIONS.name)]
        return [one for record in records if record.scope == _scope(cluster) for one in record.decisions]

    def reasons(self, cluster: str) -> Counter[Reason]:
        return Counter(decision.reason for decision in self.decisions(cluster))

    def told(self, cluster: str) -> list[tuple[str, str]]:
        """(action, incident) of every page of the cluster that PagerDuty has taken, in order."""
        taken = [request for request in self.pagerduty.accepted() if is_of(request.event, cluster)]
        return [(request.action, request.dedup_key) for request in taken]

    def actions(self, cluster: str) -> list[str]:
        return [action for action, _ in self.told(cluster)]

    def calls(self, cluster: str) -> list[str]:
        """The same as people see it: what repeats the last adds nothing, as it has the same key."""
        return [action for action, _ in groupby(self.actions(cluster))]

    def wait_for_calls(self, cluster: str, *actions: str) -> None:
        self.wait_until(lambda: self.calls(cluster) == list(actions), lambda: self.told(cluster))

    def wait_for_actions(self, cluster: str, *actions: str) -> None:
        """Return once PagerDuty has taken exactly these of the cluster."""
        self.wait_until(lambda: self.actions(cluster) == list(actions), lambda: self.told(cluster))

    def wait_for_reasons(self, cluster: str, reason: Reason, at_least: int = 1) -> None:
        self.wait_until(lambda: self.reasons(cluster)[reason] >= at_least, lambda: self.reasons(cluster))

    def wait_until(self, is_so: Callable[[], bool], seen: Callable[[], object]) -> None:
        """Return once `is_so`; fail with what is `seen` and what the parts said if it does not come to that."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not is_so():
            if time.monotonic() > deadline_s:
                said = "\n".join(part.said()[-2000:] for part in self.parts)
                pytest.fail(f"not within {PATIENCE_S} s; seen: {seen()}\n{said}", pytrace=False)
            time.sleep(0.1)


def is_of(event: Event, cluster: str) -> bool:
    """Whether a request to PagerDuty tells of the cluster."""
    return bool(event["payload"]["custom_details"]["scope"] == _scope(cluster))


@contextmanager
def on_kafka(broker: Broker, folder: Path, more: Mapping[str, str] | None = None) -> Iterator[Plant]:
    """The parts as processes of their own on `broker`, whose topics are made by the real command.

    `more` is added to their environment.
    """
    broker.no_topics()
    with PagerDutyEndpoint() as pagerduty, closing(Topics(broker.bootstrap)) as topics:
        environment = {**_environment(folder, pagerduty), "PAGESIEVE_KAFKA": broker.bootstrap, **(more or {})}
        subprocess.run([COMMAND, "topics", "create"], env=environment, check=True, capture_output=True)
        gateway, worker = (Part(folder, [name], environment) for name in ("gateway", "worker"))
        pager = Part(folder, ["pager", "--sink", "pagerduty"], environment)
        yield from _running(Plant(gateway, worker, pager, topics.read, pagerduty))


@contextmanager
def on_the_embedded_log(folder: Path, more: Mapping[str, str] | None = None) -> Iterator[Plant]:
    """One process on a log in `folder`."""
    with PagerDutyEndpoint() as pagerduty:
        environment = {**_environment(folder, pagerduty), **(more or {})}
        up = Part(folder, ["up", "--data-dir", str(folder / "data"), "--sink", "pagerduty"], environment)
        yield from _running(Plant(up, up, up, lambda topic: _read_file(folder / "data" / FILE_NAME, topic), pagerduty))


def _running(plant: Plant) -> Iterator[Plant]:
    try:
        plant.heal()
        yield plant
    finally:
        plant.close()


def _scope(cluster: str) -> str:
    return f"cluster={cluster}"


def _environment(folder: Path, pagerduty: PagerDutyEndpoint) -> dict[str, str]:
    policy = folder / "policy.yaml"
    policy.write_text(json.dumps(POLICY))  # JSON is YAML
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PAGESIEVE_")},
        "PAGESIEVE_PAGERDUTY_URL": pagerduty.url,
        "PAGESIEVE_ROUTING_KEY": ROUTING_KEY,
        "PAGESIEVE_POLICY": str(policy),
        "PAGESIEVE_APPEND_TIMEOUT_S": "2",
    }


def _read_file(file: Path, topic: str) -> list[Record]:
    """All that stands on a topic of the embedded log, whether or not a process is at work on it."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as connection:
        [[topic_id]] = connection.execute("SELECT id FROM topic WHERE name = ?", (topic,))
        entries = read_slice(connection, topic, topic_id, range(LAST_OFFSET), None).entries
    return [
        Record(one.partition, one.offset, one.key.encode(), one.value, one.headers, one.timestamp_ms) for one in entries
    ]
