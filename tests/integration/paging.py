"""The pager as the scenes drive it: the real pager, the real HTTP sink, a log in a folder, a loopback PagerDuty."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from pipeline.codec import decode
from pipeline.edge.courier import World
from pipeline.edge.delivery import Pace
from pipeline.edge.pager import GROUP, Pager, PagerOptions
from pipeline.edge.pagerduty import PagerDuty
from pipeline.edge.routing import RoutingKeys
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.entry import Reader, Writer
from pipeline.settings import Settings
from schemas import Delivery, Page, Rejected
from schemas.topics import DELIVERIES, PAGES, REJECTED
from tests.integration.pagerduty import ROUTING_KEY, PagerDutyEndpoint
from tests.integration.real import PATIENCE_S
from tests.pages import draft

HASTE = Pace(first_wait_ms=20, longest_wait_ms=200, longest_retry_after_ms=300)
WORLD = World()


@asynccontextmanager
async def a_log(folder: Path) -> AsyncIterator[EmbeddedLog]:
    log = await EmbeddedLog.open(folder, append_timeout_s=5)
    try:
        yield log
    finally:
        await log.close()


@asynccontextmanager
async def paging(
    reader: Reader,
    writer: Writer,
    pagerduty: PagerDutyEndpoint,
    keys: RoutingKeys | None = None,
    options: PagerOptions | None = None,
) -> AsyncIterator[Pager]:
    """A running pager; at the end it is stopped gracefully, and what it failed with is raised."""
    sink = PagerDuty(pagerduty.url, keys or default_keys(), WORLD.now_ms, timeout_s=0.5)
    pager = Pager(reader, writer, sink, options or PagerOptions(pace=HASTE, grace_s=2))
    stop = asyncio.Event()
    running = asyncio.create_task(pager.run(stop))
    try:
        yield pager
    finally:
        stop.set()
        await running


@asynccontextmanager
async def paging_from(log: EmbeddedLog, pagerduty: PagerDutyEndpoint) -> AsyncIterator[Pager]:
    async with paging(await log.reader(GROUP, [PAGES.name]), log, pagerduty) as pager:
        yield pager


def default_keys() -> RoutingKeys:
    return RoutingKeys(Settings(routing_key=SecretStr(ROUTING_KEY)), {}, WORLD.monotonic_ms)


async def until(pagerduty: PagerDutyEndpoint, is_so: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    await asyncio.to_thread(pagerduty.wait_until, is_so, timeout_s)


async def write(log: Writer, *pages: Page) -> None:
    await log.append([draft(page) for page in pages])


async def deliveries(log: EmbeddedLog) -> list[tuple[str, int]]:
    entries = (await log.read(DELIVERIES.name, range(log.end(DELIVERIES.name)), None)).entries
    found = [decode(Delivery, entry.value) for entry in entries]
    return [(delivery.incident_id, delivery.revision) for delivery in found]


async def rejected(log: EmbeddedLog) -> list[Rejected]:
    entries = (await log.read(REJECTED.name, range(log.end(REJECTED.name)), None)).entries
    return [decode(Rejected, entry.value) for entry in entries]
