"""What every test shares."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, so that a red build is red again; `HYPOTHESIS_PROFILE=wide` looks further.
settings.register_profile("fast", max_examples=100, derandomize=True, deadline=None, database=None)
settings.register_profile(
    "wide", max_examples=3000, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

# A shell that starts us in the background lets us ignore Ctrl-C, and all that we start would do so, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The longest first, so that none of them is left to one process at the end.
LONGEST = ("test_chaos.py", "test_benchmarks.py", "test_audit.py", "test_worker.py", "test_end_to_end_killed.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where files of tests run beside each other, begin with the real scenes: the quick rest fills the gaps."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _turn(item.path))  # stable: within a file the order stays


def _turn(path: Path) -> tuple[int, int]:
    place = LONGEST.index(path.name) if path.name in LONGEST else len(LONGEST)
    return 0 if "integration" in path.parts else 1, place


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests want a person to read although they passed: what a process beside us prints is not seen."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "said" and report.when == "call":
                terminalreporter.write_line(f"{report.nodeid}: {value}")
