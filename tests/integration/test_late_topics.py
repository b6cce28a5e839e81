"""A reader that joins before its topics are known is dealt nothing at first: it must not stay so for minutes."""

import asyncio

import pytest

from pipeline.log.admin import create_topics
from pipeline.log.kafka import KafkaReader, KafkaWriter
from schemas.topics import PAGES
from tests.integration.broker import Broker
from tests.integration.paging import write
from tests.pages import page

pytestmark = pytest.mark.integration

SOON_S = 60.0  # kafka-python's own next look is after five minutes


def test_a_pager_that_was_dealt_nothing_reads_soon_after_its_topics_are_there(broker: Broker) -> None:
    broker.no_topics()

    async def story() -> int:
        reader = KafkaReader(broker.bootstrap, "pagesieve-late", [PAGES.name])
        writer = KafkaWriter(broker.bootstrap, append_timeout_s=10)
        try:
            assert await reader.poll(8.0) == []  # it has joined by then
            create_topics(broker.bootstrap, replication=1)
            await write(writer, page("inc1:a", "trigger", 1))
            return len(await reader.poll(SOON_S, 1))
        finally:
            await reader.close()
            await writer.close()

    try:
        assert asyncio.run(story()) == 1
    finally:
        broker.fresh_topics()
