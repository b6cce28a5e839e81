"""When the state of a partition is kept again: what it costs counts, not how long the broker took to take it."""

import asyncio

from pipeline.codec import encode
from pipeline.log import Entry
from pipeline.stream.cadence import Pace
from pipeline.stream.checkpoint import Taken, chunk_of, cut, snapshot_of
from pipeline.stream.checkpoint_store import SnapshotStore, Written
from pipeline.stream.checkpointing import Checkpoints
from pipeline.stream.engine import Engine
from schemas.topics import ALERTS
from tests.scene import POLICY, alert, at, ms

PARTITION = 0
SLOW_S = 0.5  # were it a cost, the next were due in 20 times that


class SlowStore(SnapshotStore):
    """Keeps nothing, and takes its time for that."""

    def __init__(self) -> None:
        self.offsets: asyncio.Queue[int] = asyncio.Queue()

    async def write(self, taken: Taken, slot: int, stale_chunks: int) -> Written:
        await asyncio.sleep(SLOW_S)
        self.offsets.put_nowait(taken.next_offset)
        [piece] = cut(taken.state)
        return Written(snapshot_of(taken, slot, [chunk_of(piece, 0)]), cpu_s=0.0)


def test_a_broker_that_is_slow_to_take_a_snapshot_does_not_put_off_the_next() -> None:
    async def scene() -> None:
        store, engine = SlowStore(), Engine(PARTITION, POLICY)
        checkpoints = Checkpoints(store, Pace(every_s=0, records=1, cost_share=20))
        checkpoints.begin(engine, [], 0)
        for offset in range(2):
            [record] = at(offset, alert("disk", cluster=f"eu-{offset}"))
            engine.step([Entry(ALERTS.name, PARTITION, offset, "", encode(record), {}, ms(offset))])
            checkpoints.settled(PARTITION)
            async with asyncio.timeout(10 * SLOW_S):
                assert await store.offsets.get() == offset + 1
        checkpoints.forget()

    asyncio.run(scene())
