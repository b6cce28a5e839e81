"""What stands on the topics is archived once, whichever log keeps them and however often the archiver is killed."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from pipeline.codec import encode
from pipeline.edge.archive import ARCHIVED, GROUP, ArchiverOptions, run_archiver
from pipeline.log import Draft
from schemas import Outcome, Verdict
from schemas.topics import OUTCOMES
from tests.integration.logs import Log
from tests.integration.test_log_contract import log as log  # noqa: PLC0414  # a fixture
from tests.integration.test_log_contract import play
from tests.unit.edge.archive.test_files import offsets

COUNT = 60


async def fill(log: Log) -> None:
    deeds = [
        Outcome(incident_id=f"inc1:{n}", verdict=Verdict.RESOLVED, by="a", via="api", at_ms=n) for n in range(COUNT)
    ]
    await (await log.writer()).append([Draft(OUTCOMES.name, one.incident_id, encode(one)) for one in deeds])


async def archive(log: Log, root: Path, *, until: int, is_killed: bool) -> None:
    """Run an archiver until so many rows stand in the archive; kill it then, or stop it."""
    stop = asyncio.Event()
    options = ArchiverOptions(root, 400, 0.0, lambda: 0, most_bytes=1)
    running = asyncio.create_task(run_archiver(await log.reader(GROUP, ARCHIVED), stop, options))
    async with asyncio.timeout(60):
        while len(offsets(root)) < until and not running.done():  # noqa: ASYNC110 - a folder tells nobody
            await asyncio.sleep(0.05)
    if is_killed:
        running.cancel()
    stop.set()
    with contextlib.suppress(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("is_killed", [False, True], ids=["stopped", "killed"])
def test_an_archiver_that_ends_and_is_started_again_writes_everything_once(
    log: Log,
    tmp_path: Path,
    is_killed: bool,
) -> None:
    root = tmp_path / "archive"

    async def scene(log: Log) -> None:
        await fill(log)
        await archive(log, root, until=1, is_killed=is_killed)
        await log.close()  # expels a member that did not say that it leaves
        await fill(log)
        await archive(log, root, until=2 * COUNT, is_killed=False)

    play(log, scene)
    rows = offsets(root)
    assert len(rows) == len(set(rows)) == 2 * COUNT
