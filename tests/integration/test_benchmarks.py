"""Every benchmark runs; what it measures is judged by people who read benchmarks/README.md, not by a test."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MOST_S = 400  # half a minute on two idle cores; the rest is for who shares them
pytestmark = [pytest.mark.integration, pytest.mark.timeout(MOST_S + 30)]

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", "--quick", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            stdout, stderr = process.communicate(timeout=MOST_S)
        except subprocess.TimeoutExpired:
            process.terminate()  # not a kill: it has programs to end
            stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def figures(report: dict[str, Any]) -> dict[str, list[float]]:
    """Per row, every figure in it."""
    return {
        row[0]: [cell for cell in row[1:] if cell is not None] for table in report["tables"] for row in table["rows"]
    }


def named(report: dict[str, Any], *, beyond_us: str) -> list[str]:
    """Fails for a real part that is missing where everything must be there, but for what is `beyond_us`."""
    missing = [reason for reason in report["skipped"] if beyond_us not in reason]
    if missing and os.environ.get("PAGESIEVE_REQUIRE_REAL") == "1":
        pytest.fail(f"PAGESIEVE_REQUIRE_REAL=1, but {missing}", pytrace=False)
    return missing


@pytest.mark.parametrize(
    ("name", "subjects"),
    [
        (
            "replay",
            {
                *("webhooks of 10 alerts", "webhooks of 100 alerts"),
                "the demo's story, raw webhooks (`--source alertmanager`)",
            },
        ),
        ("gateway", {"10 alerts", "1 alert"}),
        ("restart", {"500"}),
        ("scale", {"1", "2"}),
        ("worker", {"1", "10", "normalise", "triage", "write", "the rest"}),
        ("kernels", {"500", "2,000", "empty", "warm"}),
        ("step", {"every event new, one a record", "3,000 alerts in 1,000 incidents"}),
        ("storm", {"correlated, storms off", "group_by, storms off"}),
        ("latency", {"pagesieve on Kafka", "pagesieve up", "Alertmanager"}),
        ("end_to_end", {"pagesieve on Kafka", "pagesieve up", "Alertmanager", "pagesieve on Kafka: broker"}),
    ],
)
def test_a_benchmark_gives_its_figures(name: str, subjects: set[str]) -> None:
    done = run("--json", name)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["machine"]["cores"] >= 1
    [report] = found["benchmarks"]
    measured = figures(report)
    if missing := named(report, beyond_us="shared"):
        pytest.skip("; ".join(missing))
    assert measured.keys() >= subjects
    assert all(figure >= 0 for row in measured.values() for figure in row)


def test_a_benchmark_that_does_not_exist_is_named() -> None:
    done = run("throughput")
    assert done.returncode == 2
    there = "replay, restart, end_to_end, latency, gateway, kernels, scale, step, storm, worker"
    assert f"no benchmark throughput; there are {there}" in done.stderr
