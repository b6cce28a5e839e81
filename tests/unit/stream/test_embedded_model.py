"""The embedded worker decides with the model that it was started with, and a restart with another rewrites nothing."""

import asyncio
from pathlib import Path

from models.training import train
from pipeline.codec import decode, decode_alerts
from pipeline.core.learned import NOTHING, Learned
from pipeline.core.triage import Triage
from pipeline.stream.embedded import run_embedded
from schemas import Decisions
from schemas.topics import ALERTS, DECISIONS
from tests.unit.models.histories import history
from tests.unit.stream.test_embedded import HAPPENS_WITHIN_S, POLICY, everything, opened, raised, until
from tests.unit.stream.test_embedded_policy import killed, several, told_of

LEARNED = Learned(train(history([(n * 3600, name, "x") for n in range(9) for name in ("disk", "raid")])).model)

AT_HAND = {LEARNED.version: LEARNED}.get


def test_a_restart_with_a_model_names_it_from_then_on(tmp_path: Path) -> None:
    async def life(learned: Learned, name: str, decisions: int) -> list[str | None]:
        async with opened(tmp_path) as log:
            stop = asyncio.Event()
            running = asyncio.create_task(run_embedded(log, POLICY, stop, learned=learned))
            await until(log, ALERTS.name, told_of(decisions - 1))
            await log.append([raised(name)])
            entries = await until(log, DECISIONS.name, lambda found: len(found) >= decisions)
            stop.set()
            await asyncio.wait_for(running, HAPPENS_WITHIN_S)
            return [one.model_version for entry in entries for one in decode(Decisions, entry.value).decisions]

    assert asyncio.run(life(NOTHING, "disk", 1)) == [None]
    assert asyncio.run(life(LEARNED, "raid", 2)) == [None, LEARNED.version]
    assert asyncio.run(life(NOTHING, "cpu", 3)) == [None, LEARNED.version, None]


def test_models_that_change_at_every_kill_decide_what_a_run_decides_that_never_stopped(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as log:
            count = 0
            for number, learned in enumerate((LEARNED, NOTHING, LEARNED, NOTHING)):
                async with killed(log, POLICY, learned._replace(find=AT_HAND)):
                    await log.append([raised(name) for name in ("disk", "raid", f"cpu{number}")])
                    count += 3
                    await until(log, DECISIONS.name, several(count))
                    await until(log, ALERTS.name, told_of(number))
            records = [decode_alerts(one.value) for one in await everything(log, ALERTS.name)]
            decided = [entry.value for entry in await everything(log, DECISIONS.name)]
            facts = Triage(POLICY, LEARNED._replace(find=AT_HAND)).step(records)
            assert decided == [draft.model_dump_json().encode() for draft in facts.decisions]

    asyncio.run(scene())
