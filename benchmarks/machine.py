"""Which machine, which revision, when, and how busy others kept it: without that a figure means nothing."""

import os
import platform
import re
import resource
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
QUIET = 0.1  # of all cores, used by others while we measure
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Machine(NamedTuple):
    """Where and when."""

    cpu: str
    cores: int
    python: str
    revision: str
    date: str
    others: float  # the share of all cores that was used, meanwhile, by what is not ours

    def sentence(self) -> str:
        """The same in one line."""
        state = "a quiet machine" if self.others <= QUIET else "A LOADED MACHINE"
        return (
            f"{self.date}, revision {self.revision}, Python {self.python}, {self.cores} cores of {self.cpu}; {state}: "
            f"others used {self.others:.0%} of the cores meanwhile."
        )


class Watch:
    """Watches what others do to the machine from its making on."""

    def __init__(self) -> None:
        self._revision = _revision()
        self._busy_s, self._all_s = _cores_s()
        self._ours_s = _ours_s()

    def machine(self) -> Machine:
        """This machine and the time since; call it when every program that was started has ended."""
        busy_s, all_s = _cores_s()
        others_s = (busy_s - self._busy_s) - (_ours_s() - self._ours_s)
        return Machine(
            cpu=_cpu(),
            cores=len(os.sched_getaffinity(0)),
            python=platform.python_version(),
            revision=self._revision,
            date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            others=max(0.0, others_s / (all_s - self._all_s)),
        )


def _cores_s() -> tuple[float, float]:
    """How long all cores together were busy, and were there, since boot; what a hypervisor took away counts as busy."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / _TICKS_PER_S, sum(ticks) / _TICKS_PER_S


def _ours_s() -> float:
    """CPU of this process and of every program that it has started and that has ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


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
