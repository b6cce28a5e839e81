"""A real Kafka broker for tests: the one of `make kafka` on free ports, or the one that PAGESIEVE_KAFKA names."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import MemberToRemove
from kafka.errors import KafkaError

from pipeline.log.admin import create_topics
from schemas.topics import TOPICS
from tests.integration.real import Process, free_ports, listens, missing

SCRIPT = Path(__file__).parents[2] / "deploy" / "kafka" / "kafka.py"
MISSING_EXIT = 3  # kafka.py: something must be installed first
START_TIMEOUT_S = 120  # the first start on a machine copies 50 MB
FORGET_TIMEOUT_S = 60
LOAD_TIMEOUT_S = 20


class Broker:
    """One broker with the product's topics. Its address and its data outlive `stop` and `kill`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "kafka.log"
        self.given = os.environ.get("PAGESIEVE_KAFKA")
        self._port, self._controller_port = (0, 0) if self.given else free_ports(2)
        self._process: Process | None = None
        self._is_known_to_be_empty = False

    @property
    def bootstrap(self) -> str:
        return self.given or f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start, and return once the broker answers. Does nothing if it runs."""
        if self._process and self._process.is_alive():
            return
        if self.given:
            self._must_be_empty()
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
        self.no_topics()
        create_topics(self.bootstrap, replication=1)

    def no_topics(self) -> None:
        """A running broker with no topic of the product, and no consumer group remembered: as before the first use."""
        self.start()
        with self.admin() as admin:
            self._forget_groups(admin)
            self.delete_topics(self._ours(admin))

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
        """End what was started, whatever state it is in; leave a broker that is not ours as it was found."""
        if self._process:
            self._process.stop()
        elif self.given:
            with self.admin() as admin:
                self._forget_groups(admin)
                self.delete_topics(self._ours(admin))

    def _must_be_ours(self) -> None:
        if self.given:
            pytest.skip("this scene stops the broker, and PAGESIEVE_KAFKA names one that is not ours")

    def _must_be_empty(self) -> None:
        """Fail, once, if the given broker holds records of ours: the tests would delete them."""
        if self._is_known_to_be_empty:
            return
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap)
        try:
            names = {topic.name for topic in TOPICS} & consumer.topics()
            partitions = [
                TopicPartition(name, number) for name in names for number in consumer.partitions_for_topic(name) or ()
            ]
            first, end = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        finally:
            consumer.close()
        full = sorted({partition.topic for partition in partitions if first[partition] < end[partition]})
        if full:
            pytest.fail(f"PAGESIEVE_KAFKA={self.given} holds {', '.join(full)}; tests delete topics", pytrace=False)
        self._is_known_to_be_empty = True

    def _forget_groups(self, admin: Any) -> None:
        """Delete the groups, after putting out their members: one that was killed would be waited for.

        Again, until there is none: one with a member that came back meanwhile stays, and with it what it has committed.
        """
        deadline = time.monotonic() + FORGET_TIMEOUT_S
        while groups := [name for name in _listed_groups(admin) if not self.given or name.startswith("pagesieve")]:
            assert time.monotonic() < deadline, f"still there after {FORGET_TIMEOUT_S} s: {groups}"
            for name, group in admin.describe_groups(groups).items():
                admin.remove_group_members(name, [MemberToRemove(member["member_id"]) for member in group["members"]])
            admin.delete_groups(groups)

    @staticmethod
    def _ours(admin: Any) -> list[str]:
        return sorted({topic.name for topic in TOPICS} & set(admin.list_topics()))


def _listed_groups(admin: Any) -> list[str]:
    """The names of all groups; a broker that has just started reads them from its disk first."""
    deadline = time.monotonic() + LOAD_TIMEOUT_S
    while True:
        try:
            return [group["group_id"] for group in admin.list_groups()]
        except KafkaError as exc:
            if not exc.retriable or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
