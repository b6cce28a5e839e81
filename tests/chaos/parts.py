"""The parts as a supervisor runs them: whatever ends is started again, and what was stopped goes on after its time."""

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.chaos.diary import Diary
from tests.integration.plant import COMMAND
from tests.integration.real import free_ports

LOOK_S = 0.1
STOP_S = 60.0


@dataclass
class Part:
    """One command with an address and a log of its own; both outlive every process of it."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    port: int
    output: Path
    process: subprocess.Popen[bytes] | None = None
    start_at_s: float = 0.0  # not before
    wake_at_s: float | None = None  # it is stopped until then

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self) -> bool:
        """Whether it says that it is."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200
        except httpx.TransportError:
            return False


class Supervisor(threading.Thread):
    """Keeps every part alive, and takes orders to do them harm."""

    def __init__(self, folder: Path, diary: Diary) -> None:
        super().__init__(daemon=True)
        self.parts: dict[str, Part] = {}
        self.ended: Counter[int] = Counter()  # exit codes of parts that ended though nobody had killed them
        self._folder, self._diary = folder, diary
        self._lock = threading.RLock()
        self._is_over = threading.Event()

    def add(self, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Part:
        """A part that is started soon."""
        [port] = free_ports(1)
        command = [str(COMMAND), *arguments, "--listen", f"127.0.0.1:{port}"]
        part = Part(name, command, environment, port, self._folder / f"{name}.log")
        with self._lock:
            self.parts[name] = part
        return part

    def run(self) -> None:
        while not self._is_over.wait(LOOK_S):
            with self._lock:
                for part in self.parts.values():
                    self._see_to(part)

    def kill(self, name: str, down_s: float) -> None:
        """Kill -9; it is started again `down_s` later. Waits until there is something to kill."""
        part = self._alive(name)
        with self._lock:
            assert part.process is not None
            part.process.kill()
            part.process.wait()
            self._diary.note(f"kill -9 {name} pid {part.process.pid}, down for {down_s:.1f} s")
            part.process, part.wake_at_s = None, None
            part.start_at_s = time.monotonic() + down_s

    def stall(self, name: str, for_s: float) -> None:
        """SIGSTOP; SIGCONT comes `for_s` later. Waits until there is something to stop."""
        part = self._alive(name)
        with self._lock:
            assert part.process is not None
            part.process.send_signal(signal.SIGSTOP)
            part.wake_at_s = time.monotonic() + for_s
            self._diary.note(f"SIGSTOP {name} pid {part.process.pid} for {for_s:.1f} s")

    def is_whole(self) -> bool:
        """Whether every part runs and says that it is ready."""
        with self._lock:
            parts = list(self.parts.values())
            if any(part.process is None or part.wake_at_s is not None for part in parts):
                return False
        return all(part.is_ready() for part in parts)

    def stop(self) -> list[str]:
        """Stop all as an operator does, and say which did not end well."""
        self._end()
        processes = [(part, part.process) for part in self.parts.values() if part.process is not None]
        for _, process in processes:
            process.terminate()
        problems = []
        for part, process in processes:
            try:
                if code := process.wait(STOP_S):
                    problems.append(f"{part.name} was told to stop and ended with {code}")
            except subprocess.TimeoutExpired:
                problems.append(f"{part.name} was told to stop and still runs after {STOP_S:.0f} s")
        return problems

    def close(self) -> None:
        """End all that still runs, whatever state it is in."""
        self._end()
        for part in self.parts.values():
            if part.process is not None and part.process.poll() is None:
                part.process.kill()
                part.process.wait()

    def _end(self) -> None:
        self._is_over.set()
        if self.is_alive():
            self.join()
        for part in self.parts.values():
            if part.wake_at_s is not None and part.process is not None:
                part.process.send_signal(signal.SIGCONT)
                part.wake_at_s = None

    def _see_to(self, part: Part) -> None:
        now_s = time.monotonic()
        if part.wake_at_s is not None and now_s >= part.wake_at_s and part.process is not None:
            part.process.send_signal(signal.SIGCONT)
            part.wake_at_s = None
            self._diary.note(f"SIGCONT {part.name} pid {part.process.pid}")
        if part.process is not None and (code := part.process.poll()) is not None:
            self.ended[code] += 1
            self._diary.note(f"{part.name} pid {part.process.pid} ended by itself with {code}")
            part.process, part.start_at_s = None, now_s + 1.0
        if part.process is None and now_s >= part.start_at_s:
            with part.output.open("ab") as sink:
                # A session of its own: a Ctrl-C is for us, and we end it.
                part.process = subprocess.Popen(
                    part.arguments, stdout=sink, stderr=sink, env=part.environment, start_new_session=True
                )
            self._diary.note(f"start {part.name} pid {part.process.pid}")

    def _alive(self, name: str) -> Part:
        part = self.parts[name]
        while part.process is None or part.wake_at_s is not None:
            if not self.is_alive():
                raise RuntimeError("the supervisor is dead")
            time.sleep(LOOK_S)
        return part


def environment_of(**ours: str) -> dict[str, str]:
    """The environment without settings of the person who runs this, and with `ours`."""
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("PAGESIEVE_")}
    return {**theirs, **{f"PAGESIEVE_{name.upper()}": value for name, value in ours.items()}}


def wait_until(holds: Callable[[], bool], timeout_s: float, complaint: Callable[[], str]) -> None:
    """Return once `holds`. Raises TimeoutError with the complaint."""
    deadline_s = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"not within {timeout_s:.0f} s: {complaint()}")
        time.sleep(0.2)
