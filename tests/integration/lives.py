"""Lives of a worker's engines on a real Kafka, one after the other, cut short wherever a scene wants them to be."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from pipeline.codec import encode
from pipeline.core.policy import Policy
from pipeline.log import Draft, Entry
from pipeline.stream.cadence import Pace
from pipeline.stream.checkpoint_store import SnapshotStore
from pipeline.stream.engine import Engine
from pipeline.stream.engines import Engines
from pipeline.stream.kafka_log import KafkaLog
from schemas import Alerts, Snapshot, Tick
from schemas.record import Record
from schemas.topics import ALERTS, SNAPSHOTS
from tests.scene import POLICY, alert, at, resolved

GROUP = "pagesieve"
PARTITION = 0
RECORDS = 120
ALWAYS = Pace(every_s=0, records=1, cost_share=0)  # whenever the engine has moved


class Life:
    """One process's engines and their log."""

    def __init__(self, bootstrap: str, policy: Policy, pace: Pace) -> None:
        self.log = KafkaLog(bootstrap, GROUP)
        self.store = SnapshotStore(self.log, bootstrap)
        self.engines = Engines(policy, self.log, self.store, pace)
        self._bootstrap = bootstrap

    async def engine(self) -> Engine:
        """The engine, as it comes back."""
        return await self.engines.of(PARTITION)

    async def work(self, stop: int, *, is_kept: bool = True, is_committed: bool = True) -> list[Draft]:
        """Step the log up to `stop`, and what that led to; then keep the state and commit, or die before."""
        engine = await self.engine()
        entries = await self.entries(engine.next_offset, stop)
        drafts = engine.step(entries)
        if is_kept:
            await self.engines.checkpoint(PARTITION)
            await self.engines.kept(PARTITION)
        if is_committed:
            await self.commit(stop)
        return drafts

    async def entries(self, start: int, stop: int) -> list[Entry]:
        place = TopicPartition(ALERTS.name, PARTITION)
        return [entry async for entries in self.log.read(place, start, stop) for entry in entries]

    async def end(self) -> int:
        """Where the log ends."""
        place = TopicPartition(ALERTS.name, PARTITION)
        return (await self.log.ends([place]))[place]

    async def commit(self, next_offset: int) -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, group_id=GROUP, enable_auto_commit=False)
        await consumer.start()
        try:
            place = TopicPartition(ALERTS.name, PARTITION)
            consumer.assign([place])
            await consumer.commit({place: OffsetAndMetadata(next_offset, "")})
        finally:
            await consumer.stop()

    async def snapshots(self) -> list[Snapshot]:
        """What may be loaded, newest first."""
        return (await self.store.find(PARTITION)).snapshots


@asynccontextmanager
async def life(bootstrap: str, policy: Policy = POLICY, pace: Pace = ALWAYS) -> AsyncIterator[Life]:
    """A life that ends without a farewell."""
    lived = Life(bootstrap, policy, pace)
    await lived.log.start()
    try:
        yield lived
    finally:
        await lived.engines.close()
        await lived.log.stop()


async def write(bootstrap: str, topic: str, *records: tuple[bytes | None, bytes | None]) -> list[int]:
    """Write (key, value) to the partition, whatever they are, and return where they stand."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=16 * 1024 * 1024)
    await producer.start()
    try:
        sent = [await producer.send(topic, value, key=key, partition=PARTITION) for key, value in records]
        return [(await one).offset for one in sent]
    finally:
        await producer.stop()


async def feed(bootstrap: str, records: Sequence[Record]) -> None:
    """Write `records` to `alerts`."""
    await write(bootstrap, ALERTS.name, *((b"", encode(record)) for record in records))


async def rewrite(bootstrap: str, snapshot: Snapshot) -> None:
    """Put `snapshot` in place of what its slot holds."""
    await write(bootstrap, SNAPSHOTS.name, (str(snapshot.slot).encode(), encode(snapshot)))


def story() -> list[Alerts | Tick]:
    """Alerts of a few clusters that come, repeat, end, flap and are left alone."""
    chance = random.Random(5)  # noqa: S311  # a scene, not a secret
    records: list[Alerts | Tick] = []
    for second in range(RECORDS):
        name, cluster = f"alert-{chance.randrange(8)}", f"c{chance.randrange(4)}"
        is_over = chance.randrange(3) == 0
        told = resolved(name, cluster=cluster) if is_over else alert(name, cluster=cluster)
        records += at(second * 20, told) if chance.random() < 0.9 else at(second * 20)
    return records


def played(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `scene`."""
    asyncio.run(scene())


async def uninterrupted(lived: Life, stop: int = RECORDS, policy: Policy = POLICY) -> list[Draft]:
    """What one engine writes that reads the whole log."""
    return Engine(PARTITION, policy).step(await lived.entries(0, stop))


def whys(said: Sequence[Mapping[str, Any]]) -> str:
    """Every line of the log: its level, what happened, and why."""
    return " | ".join(f"{line['log_level']}: {line['event']} {line.get('why', '')}" for line in said)
