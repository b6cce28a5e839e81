"""A real Kafka broker for tests: the one of `make kafka` on free ports, or the one that PAGESIEVE_KAFKA names."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient

from pipeline.log.admin import create_topics
from schemas.topics import TOPICS
from tests.integration.real import Process, free_ports, listens, missing

SCRIPT = Path(__file__).parents[2] / "deploy" / "kafka" / "kafka.py"
MISSING_EXIT = 3  # kafka.py: something must be installed first
START_TIMEOUT_S = 120  # the first start on a machine copies 50 MB
FORGET_TIMEOUT_S = 10


class Broker:
    """One broker with the product's topics. Its address and its data outlive `stop` and `kill`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "kafka.log"
        self.given = os.environ.get("PAGESIEVE_KAFKA")
        self._port, self._controller_port = (0, 0) if self.given else free_ports(2)
        self._process: Process | None = None

    @property
    def bootstrap(self) -> str:
        return self.given or f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start, and return once the broker answers. Does nothing if it runs."""
        if self.given or (self._process and self._process.is_alive()):
            return
        ports = ["--port", str(self._port), "--controller-port", str(self._controller_port)]
        command = [sys.executable, str(SCRIPT), "--data-dir", str(self.folder / "data"), *ports]
        self._process = Process(command, self.output)
        process = self._process
        process.wait_until(lambda: process.exit_code() == MISSING_EXIT or listens(self._port), START_TIMEOUT_S)
        if process.exit_code() == MISSING_EXIT:
            missing(f"no Kafka: {process.last_words()}")
        with self.admin() as admin:
            admin.wait_for_topics(self._ours(admin), timeout_ms=30_000)

    def stop(self) -> None:
        """Stop cleanly, as an operator does. Skips the test if the broker is not ours to stop."""
        self._must_be_ours()
        if self._process:
            self._process.stop()

    def kill(self) -> None:
        """Kill -9. Skips the test if the broker is not ours to kill."""
        self._must_be_ours()
        if self._process:
            self._process.kill()

    def fresh_topics(self) -> None:
        """Every topic of the product anew and empty, and no consumer group remembered."""
        self.start()
        with self.admin() as admin:
            self.delete_topics(self._ours(admin))
            groups = [group["group_id"] for group in admin.list_groups()]
            if groups:
                admin.delete_groups(groups)
        create_topics(self.bootstrap, replication=1)

    def delete_topics(self, names: Sequence[str]) -> None:
        """Delete, and return once the broker has forgotten them: it answers for a deleted topic a while longer."""
        if not names:
            return
        with self.admin() as admin:
            admin.delete_topics(list(names))
            deadline = time.monotonic() + FORGET_TIMEOUT_S
            while set(names) & set(admin.list_topics()):
                assert time.monotonic() < deadline, f"still there after {FORGET_TIMEOUT_S} s: {names}"
                time.sleep(0.02)

    def admin(self) -> Any:
        """An admin client; a context manager."""
        return KafkaAdminClient(bootstrap_servers=self.bootstrap, bootstrap_timeout_ms=30_000)

    def close(self) -> None:
        """End what was started, whatever state it is in."""
        if self._process:
            self._process.stop()

    def _must_be_ours(self) -> None:
        if self.given:
            pytest.skip("this scene stops the broker, and PAGESIEVE_KAFKA names one that is not ours")

    @staticmethod
    def _ours(admin: Any) -> list[str]:
        return sorted({topic.name for topic in TOPICS} & set(admin.list_topics()))
