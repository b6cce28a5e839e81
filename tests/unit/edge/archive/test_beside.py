"""The embedded log is archived from beside: each record once, over any number of passes, and only its own log's."""

import asyncio
from pathlib import Path

import pytest

from pipeline.codec import encode
from pipeline.edge.archive import archive_beside, archive_now_and_then
from pipeline.edge.archive.beside import POSITIONS
from pipeline.errors import Misuse, Retryable
from pipeline.log import Draft
from pipeline.log.embedded import EmbeddedLog
from schemas import Outcome, Verdict
from schemas.topics import OUTCOMES
from tests.unit.edge.archive.test_files import offsets


def append(data_dir: Path, *names: str) -> None:
    async def appended() -> None:
        log = await EmbeddedLog.open(data_dir, 5.0)
        deeds = [Outcome(incident_id=name, verdict=Verdict.RESOLVED, by="a", via="api", at_ms=1) for name in names]
        await log.append([Draft(OUTCOMES.name, one.incident_id, encode(one)) for one in deeds])
        await log.close()

    asyncio.run(appended())


def test_each_pass_takes_what_is_new(tmp_path: Path) -> None:
    append(tmp_path / "data", "a", "b")
    assert archive_beside(tmp_path / "data", tmp_path / "out", 400, 0) == 2
    append(tmp_path / "data", "c")
    assert archive_beside(tmp_path / "data", tmp_path / "out", 400, 0) == 1
    assert archive_beside(tmp_path / "data", tmp_path / "out", 400, 0) == 0
    assert offsets(tmp_path / "out") == [(0, 0), (0, 1), (0, 2)]


def test_a_pass_that_forgot_how_far_it_came_finds_what_it_wrote(tmp_path: Path) -> None:
    append(tmp_path / "data", "a", "b")
    archive_beside(tmp_path / "data", tmp_path / "out", 400, 0)
    (tmp_path / "out" / POSITIONS).unlink()
    append(tmp_path / "data", "c")
    archive_beside(tmp_path / "data", tmp_path / "out", 400, 0)
    assert offsets(tmp_path / "out") == [(0, 0), (0, 1), (0, 2)]


def test_an_archive_is_of_one_log_only(tmp_path: Path) -> None:
    append(tmp_path / "data", "a", "b")
    append(tmp_path / "other", "x")
    archive_beside(tmp_path / "data", tmp_path / "out", 400, 0)
    with pytest.raises(Misuse, match="is the archive of the log in"):
        archive_beside(tmp_path / "other", tmp_path / "out", 400, 0)
    for file in (tmp_path / "data").iterdir():
        file.unlink()
    append(tmp_path / "data", "x")
    with pytest.raises(Misuse, match="began anew"):
        archive_beside(tmp_path / "data", tmp_path / "out", 400, 0)


def test_a_pass_that_fails_is_tried_again_and_the_last_one_is_at_the_end() -> None:
    passes: list[int] = []

    def archive() -> int:
        passes.append(len(passes))
        if len(passes) == 1:
            raise Retryable("the disk is away")
        return 0

    async def played() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(archive_now_and_then(archive, 0.01, stop))
        while len(passes) < 3:  # noqa: ASYNC110 - passes are in another thread
            await asyncio.sleep(0.01)
        stop.set()
        await running

    asyncio.run(played())
    assert len(passes) >= 4
