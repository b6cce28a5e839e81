"""The sample month, archived, and its report: made once for all tests of a process."""

from pathlib import Path

import pytest

from pipeline.edge.archive.files import write
from pipeline.report.advice import Trial
from pipeline.report.query import Archive
from pipeline.report.report import Report, make
from pipeline.report.sample import POLICY, SCHEDULE, WEEK, sample


@pytest.fixture(name="root", scope="session")
def _root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("archive")
    write(root, list(sample(1)))
    return root


@pytest.fixture(name="report", scope="session")
def _report(root: Path) -> Report:
    return make(Archive.open(root, WEEK.period), WEEK, SCHEDULE, Trial(POLICY))
