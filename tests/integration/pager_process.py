"""A pager in a process of its own, to be killed: `python -m tests.integration.pager_process DATA_DIR URL [STALL_AT]`.

It says `ready` on stdout. With STALL_AT it says `stalled` and goes no further just before it writes down that a page
was delivered (`delivery`), or before it commits (`commit`); until then every part is the real one.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.edge.courier import World
from pipeline.edge.pager import GROUP, PagerOptions, run_pager
from pipeline.edge.pagerduty import PagerDuty
from pipeline.edge.routing import RoutingKeys
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.embedded_reader import EmbeddedReader
from pipeline.log.entry import Draft
from pipeline.settings import Settings
from schemas.topics import DELIVERIES, PAGES
from tests.integration.pagerduty import ROUTING_KEY


async def stall() -> None:
    print("stalled", flush=True)
    await asyncio.Event().wait()


class StallingWriter:
    def __init__(self, log: EmbeddedLog) -> None:
        self._log = log
        self.check = log.check
        self.close = log.close

    async def append(self, drafts: Sequence[Draft]) -> None:
        if any(draft.topic == DELIVERIES.name for draft in drafts):
            await stall()
        await self._log.append(drafts)


class StallingReader:
    generation = 0

    def __init__(self, reader: EmbeddedReader) -> None:
        self.poll = reader.poll
        self.read_all = reader.read_all
        self.close = reader.close

    async def commit(self, _: Mapping[tuple[str, int], int]) -> None:
        await stall()


async def main(data_dir: Path, url: str, stall_at: str) -> None:
    log = await EmbeddedLog.open(data_dir, append_timeout_s=5)
    reader = await log.reader(GROUP, [PAGES.name])
    world = World()
    keys = RoutingKeys(Settings(), {"PAGESIEVE_ROUTING_KEY_STORAGE": ROUTING_KEY}, world.monotonic_ms)
    sink = PagerDuty(url, keys, world.now_ms)
    print("ready", flush=True)
    await run_pager(
        StallingReader(reader) if stall_at == "commit" else reader,
        StallingWriter(log) if stall_at == "delivery" else log,
        sink,
        asyncio.Event(),
        PagerOptions(world=world),
    )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else ""))
    os._exit(0)
