"""The demo's own `pagesieve up`: on a free loopback port, in a folder that goes away, and never left behind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from pipeline.errors import Missing

START_S = 60.0  # the first start compiles: 10 s where both cores are busy
STOP_S = 10.0
ARCHIVE_EVERY_S = "5"  # so that the page has a report of it when the story is over
OUTPUT, DATA, ARCHIVE = "output.txt", "data", "archive"
POLICY = Path(__file__).with_name("policy.yaml")


class Service:
    """A running `pagesieve up`."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, folder: Path) -> None:
        self._process = process
        self._output = folder / OUTPUT
        self.url = url
        self.data_dir, self.archive = folder / DATA, folder / ARCHIVE

    def check(self) -> None:
        """Return if it runs. Raises Missing with the last that it said."""
        if (code := self._process.poll()) is not None:
            said = self._output.read_text(errors="replace").strip().splitlines()[-15:]
            raise Missing("\n  ".join([f"`pagesieve up` stopped with exit code {code}:", *said]))

    def is_ready(self) -> bool:
        """Whether it takes alerts."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2.0).is_success
        except httpx.TransportError:
            return False


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Service]:
    """Start `pagesieve up` in `folder`, wait until it takes alerts, and stop it at the end. Raises Missing."""
    listen = f"127.0.0.1:{_free_port()}"
    command = [
        str(Path(sys.executable).with_name("pagesieve")),
        *("up", "--data-dir", str(folder / DATA), "--listen", listen),
        *("--sink", "console", "--policy", str(POLICY), "--archive", str(folder / ARCHIVE)),
    ]
    if not Path(command[0]).exists():
        raise Missing(f"{command[0]} is not there: `make demo` installs it")
    with (folder / OUTPUT).open("wb") as out:
        # A session of its own: Ctrl-C reaches the demo alone, which then stops it in order.
        process = subprocess.Popen(  # noqa: S603 - our own program with arguments of our own
            command, env=_environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    try:
        service = Service(process, f"http://{listen}", folder)
        _wait_until_ready(service)
        yield service
    finally:
        _stop(process)


def _environment() -> dict[str, str]:
    """The user's, but for settings of a real pagesieve: the demo must not page anyone."""
    mine = {name: value for name, value in os.environ.items() if not name.upper().startswith("PAGESIEVE_")}
    return mine | {"PAGESIEVE_ARCHIVE_EVERY_S": ARCHIVE_EVERY_S}


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def _wait_until_ready(service: Service) -> None:
    deadline_s = time.monotonic() + START_S
    while not service.is_ready():
        service.check()
        if time.monotonic() > deadline_s:
            raise Missing(f"`pagesieve up` is not ready after {START_S:.0f} s")
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    impatience = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave it running
    try:
        process.terminate()
        process.wait(timeout=STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        signal.signal(signal.SIGINT, impatience)
