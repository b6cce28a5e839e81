"""`pagesieve up` as its user meets it: a process that takes alerts, prints pages, and survives anything."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import httpx
import pytest

from tests.integration.real import PATIENCE_S

pytestmark = pytest.mark.integration

POLICY = "resolve_after: 0.5\ngroup_by: [host]\n"


class Up:
    """One data folder, and the process that works on it now."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self.policy = folder / "policy.yaml"
        self.policy.write_text(POLICY)
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.printed: list[str] = []  # of every process on this folder
        self.stderr = folder / "stderr.txt"
        self._log = self.stderr.open("ab")
        self._collecting = threading.Thread()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, **settings: str) -> None:
        self.begin(**settings)
        until(self.is_ready)

    def begin(self, **settings: str) -> None:
        self._process = subprocess.Popen(
            [Path(sys.executable).with_name("pagesieve"), "up", *self.options()],
            env={name: value for name, value in os.environ.items() if not name.startswith("PAGESIEVE_")} | settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        self._collecting = threading.Thread(target=self._collect, args=(self._process.stdout,), daemon=True)
        self._collecting.start()

    def options(self) -> list[str]:
        return ["--data-dir", str(self.data_dir), "--listen", f"127.0.0.1:{self.port}", "--policy", str(self.policy)]

    def is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the process has ended"
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def post(self, name: str, host: str, status: str = "firing") -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        event = {"source": "probe", "name": name, "labels": {"host": host}, "severity": "critical", "status": status}
        event |= {"starts_at": "2026-01-05T10:00:00Z"} | ({"ends_at": now} if status == "resolved" else {})
        assert httpx.post(f"{self.url}/v1/events", json=event).status_code == 200

    def change(self, summary: str, host: str) -> None:
        said = {"summary": summary, "labels": {"host": host}, "kind": "deploy"}
        assert httpx.post(f"{self.url}/v1/changes", json=said).status_code == 202

    def pages(self, words: str) -> int:
        """How many printed pages begin with `words`, over all processes."""
        return sum(line.startswith(words) for line in self.printed)

    def end(self, number: signal.Signals) -> int:
        """Send the signal and wait for the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        code = self._process.wait(PATIENCE_S)
        self._collecting.join()
        return code

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.end(signal.SIGKILL)
        self._log.close()

    def _collect(self, stdout: IO[bytes]) -> None:
        with stdout:
            for line in stdout:
                self.printed.append(line.decode().rstrip())


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    up = Up(tmp_path)
    try:
        yield up
    finally:
        up.close()


def until(claim: Callable[[], bool]) -> None:
    """Wait for a claim to become true."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < deadline_s, "it did not come true in time"
        time.sleep(0.05)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_whoever_asks_while_it_still_compiles_is_refused_and_not_kept_waiting(up: Up, tmp_path: Path) -> None:
    def answers() -> bool:
        try:
            return httpx.get(f"{up.url}/readyz", timeout=6.0).status_code == 200
        except httpx.ConnectError:
            return False  # and ReadTimeout fails: the port is open, and nobody answers there

    up.begin(NUMBA_CACHE_DIR=str(tmp_path / "cold"))
    until(answers)
    for _ in range(20):
        assert answers()
        time.sleep(0.05)


def test_an_alert_becomes_a_page_and_its_resolve_ends_it(up: Up) -> None:
    up.start()
    up.post("DiskFull", "a")
    until(lambda: up.pages("PAGE CRITICAL DiskFull") == 1)
    up.post("DiskFull", "a")
    up.post("DiskFull", "a", status="resolved")
    until(lambda: up.pages("OVER CRITICAL") == 1)
    assert up.end(signal.SIGTERM) == 0
    assert up.pages("PAGE") == 1


def test_a_change_is_shown_with_the_page_that_follows_it_also_after_a_kill(up: Up) -> None:
    up.start()
    up.change("Deploy a 1.2.3", "a")
    up.end(signal.SIGKILL)
    up.start()
    up.post("DiskFull", "b")
    up.post("DiskFull", "a")
    until(lambda: up.pages("PAGE") == 2)
    assert sum("just before: Deploy a 1.2.3" in line for line in up.printed) == 1
    assert up.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_and_a_second_start_continues(up: Up, number: signal.Signals) -> None:
    up.start()
    up.post("DiskFull", "a")
    until(lambda: up.pages("PAGE") == 1)
    assert up.end(number) == 0
    up.start()
    up.post("DiskFull", "a")
    up.post("DiskFull", "a", status="resolved")
    until(lambda: up.pages("OVER") == 1)
    assert up.pages("PAGE") == 1


def test_a_kill_loses_no_alert_and_repeats_no_page(up: Up) -> None:
    up.start()
    up.post("DiskFull", "a")
    until(lambda: "page delivered" in up.stderr.read_text())
    for number in range(5):
        # Taken, so it is in the log; killed before anything can be expected to have come of it.
        up.post("NodeDown", f"b{number}")
        assert up.end(signal.SIGKILL) == -signal.SIGKILL
        up.start()
    up.post("DiskFull", "a", status="resolved")
    until(lambda: up.pages("OVER CRITICAL") == 1)
    until(lambda: up.pages("PAGE CRITICAL NodeDown") >= 5)
    assert up.end(signal.SIGTERM) == 0
    # The pager may die between the print and its note of it: that one page can repeat, and nothing else.
    assert len({line for line in up.printed if line.startswith("PAGE CRITICAL NodeDown")}) == 5
    assert up.pages("PAGE CRITICAL DiskFull") == 1


def test_a_second_process_on_the_same_folder_is_refused(up: Up) -> None:
    up.start()
    options = [f"127.0.0.1:{_free_port()}" if "127.0.0.1" in option else option for option in up.options()]
    second = subprocess.run(
        [Path(sys.executable).with_name("pagesieve"), "up", *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode in {2, 3}
    assert str(up.data_dir) in second.stderr.splitlines()[-1]
    assert up.is_ready()


def test_a_port_that_is_taken_is_wrong_use(up: Up) -> None:
    with socket.create_server(("127.0.0.1", up.port)):
        done = subprocess.run(
            [Path(sys.executable).with_name("pagesieve"), "up", *up.options()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(f"pagesieve: cannot listen on 127.0.0.1:{up.port}: Address already in use")


def test_it_pages_about_itself_once_when_nothing_is_sent_any_more_and_it_is_over_when_something_is(up: Up) -> None:
    for _ in range(2):  # a restart knows of the page
        up.start(PAGESIEVE_WATCHDOG_SILENCE_S="2", PAGESIEVE_WATCHDOG_LAG_S="4")
        until(lambda: up.pages("PAGE CRITICAL Pagesieve itself: no alert has been sent for") > 0)
        until(lambda: "page delivered" in up.stderr.read_text())  # before, a kill may repeat the page
        assert up.end(signal.SIGKILL) == -signal.SIGKILL
    up.start(PAGESIEVE_WATCHDOG_SILENCE_S="2", PAGESIEVE_WATCHDOG_LAG_S="4")

    def is_over() -> bool:
        up.post("DiskFull", "a")
        return up.pages("OVER CRITICAL Pagesieve itself") > 0

    until(is_over)
    # Where a post takes two seconds it is silent for so long once more: then a new page is right.
    ourselves = [line for line in up.printed if "CRITICAL Pagesieve itself" in line]
    assert [line.split()[0] for line in ourselves[:2]] == ["PAGE", "OVER"]


def test_logs_are_json_lines_on_stderr_when_nobody_watches(up: Up) -> None:
    up.start()
    assert up.end(signal.SIGTERM) == 0
    lines = [json.loads(line) for line in up.stderr.read_text().splitlines()]
    assert [line["event"] for line in lines if line["logger"] == "pagesieve"] == ["up", "stopped"]
    assert up.printed == []
