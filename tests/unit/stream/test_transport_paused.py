"""What was fetched while the group dealt its partitions is read again, also where nothing was ever committed."""

import asyncio
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types.tuples import TP

from pipeline.stream.transport.consumer import BatchConsumer
from schemas.topics import RAW

PLACE = TP(RAW.name, 0)
EARLIEST = 7


class Paused(BatchConsumer):
    """A consumer whose flow stopped while a fetch was under way, of a partition of which so much is committed."""

    should_stop = False

    def __init__(self, committed: int | None) -> None:
        self.app = SimpleNamespace(consumer_generation_id=1)
        self.flow_active = False
        self._buffered_partitions = set[TP]()
        self._next_s = 0.0
        self._committed = committed
        self._read_offset = defaultdict[TP, int | None](lambda: None)
        self.sought: list[tuple[TP, int]] = []

    async def _wait_next_records(self, _: float) -> tuple[dict[TP, list[object]], None]:
        return {PLACE: [object()]}, None

    async def perform_seek(self) -> None:
        self._read_offset[PLACE] = self._committed
        if self._committed:
            self.sought.append((PLACE, self._committed))

    async def earliest_offsets(self, *places: TP) -> dict[TP, int]:
        return dict.fromkeys(places, EARLIEST)

    async def seek(self, place: TP, offset: int) -> None:
        self.sought.append((place, offset))


@pytest.mark.parametrize(("committed", "sought"), [(None, EARLIEST), (0, EARLIEST), (12, 12)])
def test_what_is_not_handed_on_is_read_again(committed: int | None, sought: int) -> None:
    async def handed_on() -> list[Any]:
        return [found async for found in consumer.getmany(1.0)]

    consumer = Paused(committed)
    assert asyncio.run(handed_on()) == []
    assert consumer.sought == [(PLACE, sought)]
