"""Real parts are started here by their command and ended by their process id; a missing one is said, not faked."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

READY_POLL_S = 0.05
# How long anything may take that has to come. What works takes seconds; a machine with other things to do takes its
# time, and must not fail a test by that.
PATIENCE_S = 150.0


def requires(path_or_command: str, install: str) -> str:
    """The path of a command; where it is missing, skip saying so, or fail under PAGESIEVE_REQUIRE_REAL=1."""
    found = shutil.which(path_or_command)
    if found is None:
        missing(f"{path_or_command} is not here: {install}")
    return str(found)


def missing(reason: str) -> None:
    """Skip the test with `reason`, or fail it where everything real must be there."""
    if os.environ.get("PAGESIEVE_REQUIRE_REAL") == "1":
        pytest.fail(f"PAGESIEVE_REQUIRE_REAL=1, but {reason}", pytrace=False)
    pytest.skip(reason)


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def listens(port: int) -> bool:
    """Whether something accepts connections on the loopback `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A real program with its output in a file, so that a failure can show what it said."""

    def __init__(
        self,
        command: Sequence[str],
        output: Path,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = Path(command[0]).name
        self.output = output
        with output.open("ab") as sink:
            # A session of its own: a Ctrl-C on pytest must not take the broker from under the tests that clean up.
            self._process = subprocess.Popen(
                command, stdout=sink, stderr=sink, cwd=cwd, env=environment, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def exit_code(self) -> int | None:
        """Null while it runs; negative: the signal that ended it."""
        return self._process.poll()

    def wait_until(self, is_ready: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        """Return when `is_ready`; fail with the program's last words if it ends or takes too long."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if not self.is_alive():
                pytest.fail(f"{self.name} ended with {self._process.returncode}:\n{self.last_words()}", pytrace=False)
            if time.monotonic() > deadline:
                pytest.fail(f"{self.name} is not ready after {timeout_s} s:\n{self.last_words()}", pytrace=False)
            time.sleep(READY_POLL_S)

    def stop(self, timeout_s: float = PATIENCE_S, by: signal.Signals = signal.SIGTERM) -> int:
        """The signal, and the exit code; SIGKILL and a failure if it does not listen."""
        if self.is_alive():
            self._process.send_signal(by)
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"{self.name} did not stop within {timeout_s} s:\n{self.last_words()}", pytrace=False)

    def kill(self) -> None:
        """SIGKILL: no farewell, no flush."""
        self._process.kill()
        self._process.wait()

    def last_words(self) -> str:
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-20:])
