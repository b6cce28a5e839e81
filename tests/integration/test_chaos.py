"""`make chaos`, the short one: workers, gateways, pager and broker are killed, and afterwards the books balance.

Without PAGESIEVE_CHAOS_SEED every run has another seed, and prints it.
"""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.__main__ import LARGEST_SEED
from tests.integration.real import missing

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
KILLS = 8
MOST_S = 900  # three minutes on two idle cores
MISSING_EXIT = 3


@pytest.mark.timeout(MOST_S + 60)
def test_eight_kills_lose_nothing_double_nothing_and_page_nobody_twice(
    record_property: Callable[[str, object], None],
) -> None:
    # Named in the command, so that it is known however this ends.
    seed = os.environ.get("PAGESIEVE_CHAOS_SEED") or str(random.randrange(LARGEST_SEED))  # noqa: S311 - no secret
    command = [sys.executable, "-m", "tests.chaos", "--kills", str(KILLS), "--seed", seed]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            said, _ = process.communicate(timeout=MOST_S)
        except BaseException:
            process.terminate()  # not a kill: it has programs to end
            process.communicate()
            raise
    record_property("said", f"seed {seed}: {said.splitlines()[-1] if said else 'nothing'}")
    if process.returncode == MISSING_EXIT:
        missing(said.splitlines()[-1])
    assert process.returncode == 0, said
    assert "lost 0, doubled 0, wrong 0" in said.splitlines()[-1]
    assert said.splitlines()[-1].endswith("second pages 0.")


@pytest.mark.timeout(300)
def test_ctrl_c_ends_all_that_was_started_the_stopped_too_and_leaves_no_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.chaos", "--kills", "40", "--seed", "4"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            while "SIGSTOP" not in (diary := diary_in(tmp_path)) and process.poll() is None:
                time.sleep(0.2)
            started = running_below(process.pid)
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=100)
        finally:
            process.terminate()
    if process.returncode == MISSING_EXIT:
        missing(said.splitlines()[-1])
    assert (process.returncode, said.splitlines()[-1]) == (130, "interrupted"), said
    stopped = re.findall(r"SIGSTOP .* pid (\d+)", diary)
    assert {int(pid) for pid in stopped} & started
    assert len(started) >= 5  # the broker among them
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
    assert not list(tmp_path.iterdir())


def diary_in(folder: Path) -> str:
    return "".join(file.read_text() for file in folder.glob("*/diary.log"))


def running_below(pid: int) -> set[int]:
    """The processes that `pid` has started."""
    children = [file.read_text().split() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    return {int(child) for several in children for child in several}
