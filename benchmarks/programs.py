"""A measured program is a real process with a log file: started, asked what CPU it used, and ended by its id."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from pipeline.errors import Fault, Missing

ROOT = Path(__file__).parents[1]
READY_S = 60.0
STOP_S = 20.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Program:
    """A running program; leaving its context ends it."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._log = log
        with log.open("wb") as out:
            # A session of its own: Ctrl-C reaches the benchmark alone, which then ends its programs in order.
            self._process = subprocess.Popen(
                command,
                env=environment_with(environment or {}),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """End it with kill -9, as a machine that fails would."""
        self._process.kill()
        self._process.wait()

    def said(self) -> str:
        """All that it has logged."""
        return self._log.read_text(errors="replace")

    def cpu_s(self) -> float:
        """User and system time of all its threads and of the children that it has waited for, from the kernel."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:15]) / _TICKS_PER_S

    def check(self) -> None:
        """Return if it runs. Raises, with its last words, Missing where it misses a part (exit 3), else Fault."""
        if (code := self._process.poll()) is not None:
            said = " | ".join(self._log.read_text(errors="replace").strip().splitlines()[-3:])
            raise Missing(said) if code == 3 else Fault(f"{self._log.stem} ended with exit code {code}: {said}")

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Return once `is_so`. Raises Missing or Fault where the program ends, or `is_so` takes too long."""
        deadline_s = time.monotonic() + READY_S
        while not is_so():
            self.check()
            if time.monotonic() > deadline_s:
                raise Fault(f"{self._log.stem} is not ready after {READY_S:.0f} s")
            await asyncio.sleep(0.05)


def pagesieve() -> str:
    """The command. Raises Missing."""
    command = Path(sys.executable).with_name("pagesieve")
    if not command.exists():
        raise Missing(f"{command} is not there: `make bench` installs it")
    return str(command)


def installed(name: str, remedy: str) -> str:
    """The path of a program of this machine. Raises Missing."""
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{name} is not here: {remedy}")
    return found


def done(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """What a command that is run to its end prints. Raises Fault with the last that it said."""
    ran = subprocess.run(
        command, env=environment_with(environment or {}), cwd=ROOT, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise Fault(f"{Path(command[0]).name} ended with exit code {ran.returncode}: {ran.stderr[-500:].strip()}")
    return ran.stdout


def answers(port: int, path: str) -> bool:
    """Whether a GET on the loopback `port` succeeds."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5).is_success
    except httpx.TransportError:
        return False


def listens(port: int) -> bool:
    """Whether something accepts connections on the loopback `port`."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


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


def environment_with(more: Mapping[str, str]) -> dict[str, str]:
    """The user's environment and `more`, but no settings of a real pagesieve: a benchmark must not page anyone."""
    ours = {name: value for name, value in os.environ.items() if not name.upper().startswith("PAGESIEVE_")}
    return ours | dict(more)
