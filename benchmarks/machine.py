"""Which machine, which revision, when, and how busy others kept it: without that a figure means nothing."""

import os
import platform
import re
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
LOOK_S = 1.0
QUIET = 0.1  # of all cores, busy before anything of ours runs


class Machine(NamedTuple):
    """Where and when."""

    cpu: str
    cores: int
    python: str
    revision: str
    date: str
    load_average: float
    busy_before: float

    def sentence(self) -> str:
        """The same in one line."""
        state = "a quiet machine" if self.busy_before <= QUIET else "A LOADED MACHINE"
        return (
            f"{self.date}, revision {self.revision}, Python {self.python}, {self.cores} cores of {self.cpu}; {state}: "
            f"load average {self.load_average:.1f}, {self.busy_before:.0%} busy with other things before the start"
        )


def look() -> Machine:
    """Look at this machine for a second; call it before anything is started."""
    before = _ticks()
    time.sleep(LOOK_S)
    idle, total = (now - then for now, then in zip(_ticks(), before, strict=True))
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        python=platform.python_version(),
        revision=_revision(),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        load_average=os.getloadavg()[0],
        busy_before=1 - idle / max(1, total),
    )


def _ticks() -> tuple[int, int]:
    """The idle and all ticks of all cores since boot; time that a hypervisor took away counts as busy."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)


def _cpu() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _revision() -> str:
    try:
        revision = _git("rev-parse", "--short", "HEAD")
        # What is measured is the code; a README that is being written does not make another one of it.
        changed = _git("status", "--porcelain", "--", "pipeline", "schemas", "models")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{revision} with changes" if changed else revision


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
