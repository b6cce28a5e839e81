"""Workers as an operator runs them: `pagesieve worker` as a process, and what stands on the topics around it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from tests.integration.real import PATIENCE_S, free_ports


class Record(NamedTuple):
    """A record as it stands on a topic."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Mapping[str, str]
    timestamp_ms: int

    def json(self) -> Any:
        return json.loads(self.value)


class Worker:
    """`pagesieve worker` with its output in a file."""

    def __init__(
        self,
        bootstrap: str,
        folder: Path,
        name: str,
        policy: Mapping[str, Any] | None = None,
        program: Sequence[str] = ("-m", "pipeline"),
        **settings: str,
    ) -> None:
        [self.port] = free_ports(1)
        self.output = folder / f"{name}.log"
        command = [sys.executable, *program, "worker", "--listen", f"127.0.0.1:{self.port}"]
        if policy is not None:
            file = folder / f"{name}.yaml"
            file.write_text(json.dumps(policy))  # JSON is YAML
            command += ["--policy", str(file)]
        environment = {**os.environ, "PAGESIEVE_KAFKA": bootstrap, "PAGESIEVE_LOG_LEVEL": "info", **settings}
        environment["PAGESIEVE_SNAPSHOT_EVERY_S"] = "1"  # so that a restart in a scene of seconds starts from one
        with self.output.open("ab") as sink:
            self._process = subprocess.Popen(command, stdout=sink, stderr=sink, env=environment, start_new_session=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def cpu_s(self) -> float:
        """User and system time of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:13]) / os.sysconf("SC_CLK_TCK")

    def most_bytes(self) -> int:
        """The most memory that it ever had, as the kernel counts it."""
        [line] = [line for line in Path(f"/proc/{self.pid}/status").read_text().splitlines() if "VmHWM" in line]
        return int(line.split()[1]) * 1024

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def ask(self, path: str) -> tuple[int, str]:
        """The status and body that it answers; 0 while it does not listen."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as exc:
            with exc:
                return exc.code, exc.read().decode()
        except OSError:
            return 0, ""

    def is_ready(self) -> bool:
        return self.ask("/readyz")[0] == 200

    def wait_ready(self) -> None:
        self.wait_until(self.is_ready, "it is not ready")

    def wait_until(self, holds: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            if not self.is_alive() or time.monotonic() > deadline:
                pytest.fail(f"{complaint}; exit code {self._process.poll()}:\n{self.said()[-4000:]}", pytrace=False)
            time.sleep(0.1)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it, and the exit code."""
        if self.is_alive():
            self._process.send_signal(number)
        try:
            return self._process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"it did not stop:\n{self.said()[-4000:]}", pytrace=False)

    def exit_code(self) -> int:
        """The exit code once it has ended by itself."""
        return self._process.wait(timeout=PATIENCE_S)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Workers:
    """Starts workers and ends them all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Worker] = []

    def start(self, bootstrap: str, policy: Mapping[str, Any] | None = None, **more: Any) -> Worker:
        worker = Worker(bootstrap, self._folder, f"worker-{len(self._started)}", policy, **more)
        self._started.append(worker)
        return worker

    def close(self) -> None:
        for worker in self._started:
            if worker.is_alive():
                worker.kill()


class Topics:
    """Writes to topics as any producer would, and reads them whole."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=32 * 1024 * 1024)

    def send(self, topic: str, value: bytes | None, key: bytes | None = None, **more: Any) -> None:
        """Write one record and wait until it stands."""
        self._producer.send(topic, value, key=key, **more).get(timeout=PATIENCE_S)

    def read(self, topic: str) -> list[Record]:
        """All that stands on `topic` now."""
        with reading(self._bootstrap) as consumer:
            places = [TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic) or ()]
            consumer.assign(places)
            consumer.seek_to_beginning()
            ends = consumer.end_offsets(places)
            found: list[Record] = []
            while any(consumer.position(place) < ends[place] for place in places):
                for records in consumer.poll(timeout_ms=500).values():
                    found += [
                        Record(
                            one.partition,
                            one.offset,
                            one.key,
                            one.value,
                            {name: text.decode(errors="replace") for name, text in one.headers},
                            one.timestamp,
                        )
                        for one in records
                    ]
        return sorted(found, key=lambda record: (record.partition, record.offset))

    def wait_for(self, topic: str, holds: Callable[[list[Record]], bool]) -> list[Record]:
        """What stands on `topic` once `holds` for it; fails if it does not come to that."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds(found := self.read(topic)):
            if time.monotonic() > deadline:
                pytest.fail(f"it did not arrive within {PATIENCE_S} s; on {topic}: {found[-20:]}", pytrace=False)
            time.sleep(0.3)
        return found

    def wait_for_more(self, topic: str) -> None:
        """Return once something new stands on `topic`."""
        before = len(self.read(topic))
        self.wait_for(topic, lambda found: len(found) > before)

    def close(self) -> None:
        self._producer.close()


@contextmanager
def reading(bootstrap: str) -> Iterator[Any]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    try:
        yield consumer
    finally:
        consumer.close()
