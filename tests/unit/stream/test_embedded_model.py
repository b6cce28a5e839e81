"""The embedded worker decides with the model that it was started with, and a restart with another rewrites nothing."""

import asyncio
from pathlib import Path

from models.training import train
from pipeline.codec import decode
from pipeline.core.learned import NOTHING, Learned
from pipeline.stream.embedded import run_embedded
from schemas import Decisions
from schemas.topics import DECISIONS
from tests.unit.models.histories import history
from tests.unit.stream.test_embedded import HAPPENS_WITHIN_S, POLICY, opened, raised, until

LEARNED = Learned(train(history([(n * 3600, name, "x") for n in range(9) for name in ("disk", "raid")])).model)


def test_a_restart_with_a_model_names_it_from_then_on(tmp_path: Path) -> None:
    async def life(learned: Learned, name: str, decisions: int) -> list[str | None]:
        async with opened(tmp_path) as log:
            stop = asyncio.Event()
            running = asyncio.create_task(run_embedded(log, POLICY, stop, learned=learned))
            await log.append([raised(name)])
            entries = await until(log, DECISIONS.name, lambda found: len(found) >= decisions)
            stop.set()
            await asyncio.wait_for(running, HAPPENS_WITHIN_S)
            return [one.model_version for entry in entries for one in decode(Decisions, entry.value).decisions]

    assert asyncio.run(life(NOTHING, "disk", 1)) == [None]
    assert asyncio.run(life(LEARNED, "raid", 2)) == [None, LEARNED.version]
    assert asyncio.run(life(NOTHING, "cpu", 3)) == [None, LEARNED.version, None]
