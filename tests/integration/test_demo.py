"""`make demo` as CI sees it: without a terminal, and with nothing left behind however it ends."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.real import PATIENCE_S

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo that has just been started, whose temporary folder is `tmp_path`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.demo"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        if process.poll() is None:
            process.terminate()  # it stops its own `pagesieve up`


def test_the_story_becomes_three_incidents_and_four_pages(demo: subprocess.Popen[str], tmp_path: Path) -> None:
    said, complaints = demo.communicate(timeout=PATIENCE_S)
    assert (demo.returncode, complaints) == (0, "")
    steps = re.findall(r"^  (events|alerts|incidents|pages) +(\d+) ", said, re.MULTILINE)
    assert steps == [("events", "314"), ("alerts", "34"), ("incidents", "3"), ("pages", "4")]
    assert "noise reduction 98.7% = 1 - 4/314" in said
    assert len(re.findall(r"^ +[\d.]+ s  PAGE ", said, re.MULTILINE)) == 4
    assert len(re.findall(r"^ +[\d.]+ s  over ", said, re.MULTILINE)) == 3
    assert "note error    web      ProbeFailed" in said
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_demo_leaves_nothing_behind(demo: subprocess.Popen[str], tmp_path: Path) -> None:
    service = _pid_of_the_service(tmp_path)
    demo.send_signal(signal.SIGINT)
    _, complaints = demo.communicate(timeout=PATIENCE_S)
    assert (demo.returncode, complaints) == (130, "demo: stopped; nothing of it is left running\n")
    assert not Path(f"/proc/{service}").exists()
    assert list(tmp_path.iterdir()) == []


def test_on_a_terminal_the_page_stays_up_until_ctrl_c_and_then_nothing_does(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.demo"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        said = ""
        while not (found := re.search(r"until Ctrl-C: (http://127[.]0[.]0[.]1:\d+/ui/[?]show=all)\r", said)):
            said += os.read(ours, 65536).decode(errors="replace")
        assert httpx.get(found[1], timeout=PATIENCE_S).text.count('name="incident"') == 3
        [report] = re.findall(r"sample month is there, too: (http://127[.]0[.]0[.]1:\d+/ui/report/\S+)", said)
        assert "needed somebody" in httpx.get(report, timeout=PATIENCE_S).raise_for_status().text
        process.send_signal(signal.SIGINT)
        while chunk := _rest(ours):
            said += chunk
        assert process.wait(PATIENCE_S) == 0, said
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert "left nothing behind" in said
    assert list(tmp_path.iterdir()) == []


def _rest(terminal: int) -> str:
    try:
        return os.read(terminal, 65536).decode(errors="replace")
    except OSError:  # Linux says so when nobody holds the other end any more
        return ""


def test_a_service_that_dies_ends_the_demo_with_what_it_said(demo: subprocess.Popen[str], tmp_path: Path) -> None:
    os.kill(_pid_of_the_service(tmp_path), signal.SIGKILL)
    _, complaints = demo.communicate(timeout=PATIENCE_S)
    assert demo.returncode == 3
    assert complaints.startswith("demo: `pagesieve up` stopped with exit code -9:")
    assert list(tmp_path.iterdir()) == []


def _pid_of_the_service(folder: Path) -> int:
    """The process that holds the demo's log, once there is one."""
    deadline_s = time.monotonic() + 30
    while time.monotonic() < deadline_s:
        for lock in folder.glob("*/data/pagesieve.lock"):
            if pid := lock.read_text().strip():
                return int(pid)
        time.sleep(0.05)
    raise AssertionError("`pagesieve up` did not start")
