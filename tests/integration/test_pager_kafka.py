"""Several pagers on a real Kafka: partitions move while pages are in hand, and pagers die; one incident stays one."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pipeline.edge.delivery import Pace
from pipeline.edge.pager import GROUP, Pager, PagerOptions
from pipeline.log.kafka import KafkaReader, KafkaWriter
from schemas.topics import PAGES
from tests.integration.broker import Broker
from tests.integration.pagerduty import ROUTING_KEY, AcceptThenStall, PagerDutyEndpoint, Status, Throttle
from tests.integration.paging import paging, until, write
from tests.pages import page

pytestmark = pytest.mark.integration

HASTE = Pace(slots=2, first_wait_ms=50, longest_wait_ms=200)
NAMES = [f"inc1:{number}" for number in range(40)]


@asynccontextmanager
async def a_writer(broker: Broker) -> AsyncIterator[KafkaWriter]:
    writer = KafkaWriter(broker.bootstrap, append_timeout_s=10)
    try:
        yield writer
    finally:
        await writer.close()


@asynccontextmanager
async def a_pager(broker: Broker, pagerduty: PagerDutyEndpoint, pace: Pace = HASTE) -> AsyncIterator[Pager]:
    options = PagerOptions(pace=pace, grace_s=5)
    async with a_writer(broker) as writer:
        reader = KafkaReader(broker.bootstrap, GROUP, [PAGES.name])
        async with paging(reader, writer, pagerduty, options=options) as pager:
            yield pager


def resolved(pagerduty: PagerDutyEndpoint, names: Sequence[str]) -> bool:
    return all(pagerduty.opened(name) >= 1 and not pagerduty.is_open(name) for name in names)


def test_pagers_that_come_and_go_open_each_incident_once(broker: Broker, pagerduty: PagerDutyEndpoint) -> None:
    async def scene() -> None:
        async with a_writer(broker) as writer:
            await write(writer, *(page(name) for name in NAMES))
            await write(writer, *(page(name, "resolve", revision=2) for name in NAMES))
        pagerduty.misbehave(Throttle(), times=20)
        pagerduty.misbehave(Status(500), times=20)
        async with a_pager(broker, pagerduty):
            await until(pagerduty, lambda: len(pagerduty.accepted()) >= 5)
            async with a_pager(broker, pagerduty), a_pager(broker, pagerduty):
                await until(pagerduty, lambda: len(pagerduty.accepted()) >= 30)
            await until(pagerduty, lambda: resolved(pagerduty, NAMES))

    asyncio.run(scene())
    assert [pagerduty.opened(name) for name in NAMES] == [1] * len(NAMES)


def test_a_pager_whose_partitions_were_taken_does_not_send_what_it_had_in_hand(
    broker: Broker, pagerduty: PagerDutyEndpoint
) -> None:
    """The first holds every trigger for up to 4 s; the second delivers its share and their resolves meanwhile."""
    slow = Pace(slots=2, first_wait_ms=4000, longest_wait_ms=4000)

    async def scene() -> None:
        async with a_writer(broker) as writer:
            await write(writer, *(page(name) for name in NAMES))
            pagerduty.misbehave(Status(500), times=100_000)
            async with a_pager(broker, pagerduty, slow):
                await until(pagerduty, lambda: len({request.dedup_key for request in pagerduty.requests}) == len(NAMES))
                async with a_pager(broker, pagerduty) as second:
                    await until(pagerduty, lambda: second.health.is_loaded)
                    pagerduty.release()
                    await write(writer, *(page(name, "resolve", revision=2) for name in NAMES))
                    await until(pagerduty, lambda: resolved(pagerduty, NAMES))
                    await asyncio.sleep(3)

    asyncio.run(scene())
    assert [pagerduty.opened(name) for name in NAMES] == [1] * len(NAMES)


def test_a_broker_that_was_away_delays_pages_only(broker: Broker, pagerduty: PagerDutyEndpoint) -> None:
    async def scene() -> None:
        async with a_writer(broker) as writer, a_pager(broker, pagerduty) as pager:
            await write(writer, page("inc1:before"))
            await until(pagerduty, lambda: pagerduty.opened("inc1:before") == 1)
            await asyncio.to_thread(broker.stop)
            await asyncio.sleep(2)
            await asyncio.to_thread(broker.start)
            await write(writer, page("inc1:before", "resolve", revision=2), page("inc1:after"))
            await until(
                pagerduty, lambda: pagerduty.opened("inc1:after") == 1 and resolved(pagerduty, ["inc1:before"]), 60
            )
            await until(pagerduty, lambda: pager.health.problems() == [])

    asyncio.run(scene())
    assert (pagerduty.opened("inc1:before"), pagerduty.opened("inc1:after")) == (1, 1)


def test_the_command_killed_between_the_202_and_its_commit_opens_no_second_incident(
    broker: Broker, pagerduty: PagerDutyEndpoint, tmp_path: Path
) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PAGESIEVE_")},
        "PAGESIEVE_KAFKA": broker.bootstrap,
        "PAGESIEVE_PAGERDUTY_URL": pagerduty.url,
        "PAGESIEVE_ROUTING_KEY": ROUTING_KEY,
    }
    output = tmp_path / "pager.log"

    def start() -> subprocess.Popen[bytes]:
        with output.open("ab") as file:
            command = [sys.executable, "-m", "pipeline", "pager"]
            return subprocess.Popen(command, env=environment, stdout=file, stderr=file)

    async def told(*actions: str) -> None:
        async with a_writer(broker) as writer:
            for revision, action in enumerate(actions, 1):
                await write(writer, page("inc1:a", action, revision))

    asyncio.run(told("trigger", "resolve"))
    for action in ("trigger", "resolve"):
        pagerduty.misbehave(AcceptThenStall(), when=lambda event, action=action: event["event_action"] == action)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        process = start()
        try:
            pagerduty.wait_until(lambda action=action: len(pagerduty.accepted(action)) >= 1)  # type: ignore[misc]  # likewise
        finally:
            process.kill()
            process.wait()
    pagerduty.release()
    process = start()
    try:
        asyncio.run(told("trigger", "resolve", "resolve"))
        pagerduty.wait_until(lambda: len(pagerduty.accepted("resolve")) >= 3)
    finally:
        process.terminate()
        assert process.wait(30) == 0, output.read_text()
    assert pagerduty.opened("inc1:a") == 1
    assert ROUTING_KEY not in output.read_text()
