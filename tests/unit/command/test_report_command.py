"""`report` writes three files, says the headline, and complains in one line."""

import json
from pathlib import Path

import pytest

from pipeline.report.facts import Week
from tests.scene import EPOCH_MS, POLICY, alert, at
from tests.unit.command.test_command_line import complaint, pagesieve
from tests.unit.report.archived import archived


def test_the_sample_month_becomes_three_files(tmp_path: Path) -> None:
    done = pagesieve("report", "--sample", "--out", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("2026-W47: ")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "2026-W47.html",
        "2026-W47.json",
        "2026-W47.md",
    ]
    assert json.loads((tmp_path / "out" / "2026-W47.json").read_text())["week"] == "2026-W47"


def test_an_archive_that_is_damaged_is_said_in_one_line(tmp_path: Path) -> None:
    week = Week.before(EPOCH_MS + 7 * 86_400_000)
    archived(tmp_path / "archive", POLICY, at(0, alert("Disk")), week.period)
    [path] = (tmp_path / "archive" / "decisions").glob("*/*.parquet")
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes(len(content) // 2) + content[4 + len(content) // 2 :])
    done = pagesieve("report", "--week", week.name, "--archive", tmp_path / "archive", "--out", tmp_path / "out")
    assert "cannot be read" in complaint(done, 3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--week", "47"), "--week 47: expected a week"),
        (("--week", "2026-W60"), "--week 2026-W60"),
        ((), "PAGESIEVE_ARCHIVE"),
        (("--archive", "/nowhere"), "there are no decisions in it"),
        (("--schedule", "/nowhere.yaml"), "schedule /nowhere.yaml"),
    ],
)
def test_wrong_use_is_said_in_one_line(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in complaint(pagesieve("report", "--out", tmp_path, *arguments), 2)
