"""`pagesieve up` on a disk that is full or read-only: it says so, waits, and loses nothing that it acknowledged."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from pipeline.codec import decode
from pipeline.log.embedded_file import FILE_NAME
from schemas import Decisions
from tests.integration.real import PATIENCE_S
from tests.integration.test_up import Up, until

pytestmark = pytest.mark.integration

DISK_BYTES = 6 * 1024 * 1024
NOBODY = 65534


class Disk(Protocol):
    """A folder on something that can be full."""

    folder: Path

    def fill(self, up: Up) -> None: ...

    def free(self, up: Up) -> None: ...


class Tmpfs:
    """A real file system of a few megabytes, and a file that takes what is left of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, up: Up) -> None:
        filler = (self.folder / "filler").open("ab", buffering=0)
        with closing(filler):
            for size in (65536, 4096, 1):
                try:
                    while True:
                        filler.write(bytes(size))
                except OSError:
                    continue

    def free(self, up: Up) -> None:
        (self.folder / "filler").unlink()


class Limit:
    """No file of the process may grow: what a machine offers on which nobody may mount anything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, up: Up) -> None:
        resource.prlimit(up.pid, resource.RLIMIT_FSIZE, (16 * 1024, resource.RLIM_INFINITY))

    def free(self, up: Up) -> None:
        resource.prlimit(up.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("nobody may mount a file system here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(params=["tmpfs", "limit"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    if request.param == "tmpfs":
        return Tmpfs(request.getfixturevalue("mounted"))
    return Limit(tmp_path)


def up_on(folder: Path, tmp_path: Path) -> Up:
    """Its data in `folder`, its words elsewhere."""
    up = Up(tmp_path)
    up.data_dir = folder / "data"
    return up


def decided(up: Up) -> int:
    """How many alerts are decided, as the file says."""
    with closing(sqlite3.connect(f"file:{up.data_dir / FILE_NAME}?mode=ro", uri=True)) as file:
        query = "SELECT value FROM entry JOIN topic ON position >> 40 = topic.id WHERE topic.name = 'decisions'"
        return sum(len(decode(Decisions, value).decisions) for (value,) in file.execute(query))


def posted(up: Up, number: int) -> int:
    """The answer to one alert, as large as they may be."""
    event = {"source": "probe", "name": f"alert-{number}", "labels": {"host": f"h{number % 5}"}, "status": "firing"}
    event |= {"starts_at": "2026-01-05T10:00:00Z", "annotations": {"text": "x" * 20_000}}
    return httpx.post(f"{up.url}/v1/events", json=event, timeout=20).status_code


def test_a_full_disk_is_answered_503_and_what_was_acknowledged_is_decided_when_there_is_room(
    disk: Disk, tmp_path: Path
) -> None:
    up = up_on(disk.folder, tmp_path)
    try:
        up.start()
        taken = sum(posted(up, number) == 200 for number in range(20))
        assert taken == 20
        disk.fill(up)
        answers = [posted(up, number) for number in range(20, 320)]
        taken += answers.count(200)
        assert set(answers) <= {200, 503}
        assert answers[-1] == 503
        until(lambda: httpx.get(f"{up.url}/readyz", timeout=20).status_code == 503)
        disk.free(up)
        until(lambda: posted(up, 1000) == 200)
        until(lambda: decided(up) >= taken + 1)
        assert up.end(signal.SIGTERM) == 0
        assert decided(up) == taken + 1
        up.start()
        assert posted(up, 1001) == 200
        until(lambda: decided(up) == taken + 2)
    finally:
        up.close()


def test_killed_on_a_full_disk_it_starts_again_when_there_is_room(mounted: Path, tmp_path: Path) -> None:
    disk, up = Tmpfs(mounted), up_on(mounted, tmp_path)
    try:
        up.start()
        taken = sum(posted(up, number) == 200 for number in range(10))
        disk.fill(up)
        taken += [posted(up, number) for number in range(10, 300)].count(200)
        up.end(signal.SIGKILL)
        code, said = refused(up)
        assert code == 3
        assert str(up.data_dir) in said
        disk.free(up)
        up.start()
        until(lambda: decided(up) == taken)
    finally:
        up.close()


def refused(up: Up) -> tuple[int, str]:
    """How it ends, and the one line that says why."""
    command = [str(Path(sys.executable).with_name("pagesieve")), "up", *up.options()]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stderr


def test_a_folder_on_a_read_only_disk_is_refused_with_its_name_and_stays_as_it_is(
    mounted: Path, tmp_path: Path
) -> None:
    up = up_on(mounted, tmp_path)
    try:
        up.start()
        assert posted(up, 1) == 200
        until(lambda: decided(up) == 1)
        assert up.end(signal.SIGTERM) == 0
        subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
        code, said = refused(up)
        assert code == 2
        assert str(up.data_dir) in said
        subprocess.run(["mount", "-o", "remount,rw", str(mounted)], check=True)
        up.start()
        assert posted(up, 2) == 200
        until(lambda: decided(up) == 2)
    finally:
        up.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody who may not write there")
def test_a_folder_that_belongs_to_somebody_else_is_refused_with_its_name() -> None:
    program = (
        "import asyncio, os, sys; from pathlib import Path; from pipeline.log.embedded import EmbeddedLog\n"
        "import pipeline.errors\n"
        f"os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "try: asyncio.run(EmbeddedLog.open(Path(sys.argv[1]), 5))\n"
        "except pipeline.errors.Misuse as exc: print(exc)\n"
    )
    folder = Path("/tmp") / f"pagesieve-test-{os.getpid()}-{time.time_ns()}"  # noqa: S108  # above tmp_path all is root's
    folder.mkdir(mode=0o755)
    try:
        ended = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True)
    finally:
        folder.rmdir()
    assert ended.stdout == f"cannot keep the log in {folder}: Permission denied\n"
