"""`pagesieve up --archive` writes what was decided to files while it runs, and the rest as it stops."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.test_up import Up, until
from tests.unit.edge.archive.test_files import offsets

pytestmark = pytest.mark.integration


def test_what_was_decided_is_archived_while_it_runs_and_when_it_stops(tmp_path: Path) -> None:
    up, root = Up(tmp_path), tmp_path / "archive"
    up.start(PAGESIEVE_ARCHIVE=str(root), PAGESIEVE_ARCHIVE_EVERY_S="1")
    try:
        up.post("DiskFull", "a")
        until(lambda: len(offsets(root, "decisions")) == 1)
        up.post("DiskFull", "b")
        until(lambda: up.pages("PAGE") == 2)
        assert up.end(signal.SIGTERM) == 0
        assert len(offsets(root, "decisions")) == len(offsets(root, "alerts")) == 2
        assert len(offsets(root, "pages")) == 2
    finally:
        up.close()


def test_without_an_archive_it_starts_without_what_archives_and_reports() -> None:
    code = "import sys, pipeline.command.up\nprint({'pyarrow', 'duckdb'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
