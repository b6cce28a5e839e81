"""Time is told to `alerts` by ticks, only when it is true, and only where it may change something."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from pipeline import metrics
from pipeline.log import Draft
from pipeline.stream.drafts import tick_draft
from pipeline.stream.engine import Engine
from pipeline.stream.engines import Engines, Revoked
from pipeline.stream.kafka_log import KafkaLog, places
from pipeline.stream.status import Status
from pipeline.stream.tick_law import TickLaw, normalised_offsets
from schemas.topics import ALERTS, RAW

logger = structlog.get_logger("pagesieve.ticker")

V = TypeVar("V")
EVERY_S = 1.0
SAY_EVERY_S = 10.0
ANSWER_S = 5.0
_RAW = places(RAW.name, range(RAW.partitions))


class Ticker:
    """Once a second: samples how far `alerts.raw` reaches, and ticks the partitions of `alerts` that are held here."""

    def __init__(
        self,
        engines: Engines,
        log: KafkaLog,
        append: Callable[[Draft], Awaitable["asyncio.Future[Any]"]],
        status: Status,
        assignment: Callable[[], set[tuple[str, int]] | None],
    ) -> None:
        """`assignment` is what this worker holds; None while the group has dealt it nothing, or deals anew."""
        self._engines = engines
        self._log = log
        self._append = append
        self._status = status
        self._assignment = assignment
        self._law = TickLaw()
        self._written: dict[int, int] = {}  # offset of the last tick of a partition
        self._tellable_ms: int | None = None
        metrics.TIME_BEHIND.set_function(self._behind_s)  # asked when it is scraped: it grows while Kafka is away

    async def run(self) -> None:
        """Tick for ever. A broker that does not answer costs a tick; a tick that cannot be sent ends the worker."""
        said_s = -SAY_EVERY_S
        while True:
            started_s = time.monotonic()
            try:
                await self._turn()
            except Revoked:
                pass  # the next turn sees the new assignment
            except (KafkaError, TimeoutError) as exc:
                self._status.failed(f"Kafka does not answer: {type(exc).__name__}")
                if started_s - said_s >= SAY_EVERY_S:
                    said_s = started_s
                    logger.warning("time waits: Kafka does not answer", why=repr(exc))
            await asyncio.sleep(max(0.1, EVERY_S - (time.monotonic() - started_s)))

    async def _turn(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        dealt = self._assignment()
        held = dealt or set()
        alerts = sorted(partition for topic, partition in held if topic == ALERTS.name)
        everywhere = _RAW + places(ALERTS.name, alerts)
        async with asyncio.timeout(ANSWER_S):
            ends = await self._log.ends(everywhere)
            self._law.sample(now_ms, _of(RAW.name, ends))
            committed = await self._log.committed(everywhere)
            earliest = await self._log.earliest(everywhere)
        tellable_ms = self._law.tellable_ms(normalised_offsets(_of(RAW.name, committed), _of(RAW.name, earliest)))
        self._tellable_ms = tellable_ms
        lag = self._count_lag(held, ends, normalised_offsets(committed, earliest))
        for partition in alerts:
            engine = await self._engines.of(partition)
            self._tell_watermark(engine)
            await self._engines.tell_rules(engine)
            if tellable_ms is not None and engine.is_due(tellable_ms) and self._has_read_the_last(engine):
                await self._tick(engine, tellable_ms)
        self._status.turned(None if dealt is None else len(held), lag)

    def _behind_s(self) -> float:
        now_ms = time.time_ns() // 1_000_000
        return (now_ms - self._tellable_ms) / 1000 if self._tellable_ms is not None else float("nan")

    def _has_read_the_last(self, engine: Engine) -> bool:
        """One tick on its way is enough."""
        return engine.next_offset > self._written.get(engine.partition, -1)

    async def _tick(self, engine: Engine, at_ms: int) -> None:
        future = await self._append(tick_draft(at_ms, engine.partition))
        self._written[engine.partition] = (await future).offset
        metrics.TRIAGE_TICKS.inc()

    def _count_lag(
        self, held: set[tuple[str, int]], ends: dict[TopicPartition, int], done: dict[TopicPartition, int]
    ) -> int:
        metrics.WORKER_PARTITION_LAG.clear()  # what another worker holds now is told by that one
        totals = dict.fromkeys((RAW.name, ALERTS.name), 0)
        for place, end in ends.items():
            if place in held:
                lag = max(0, end - done[place])
                totals[place.topic] += lag
                metrics.WORKER_PARTITION_LAG.labels(place.topic, str(place.partition)).set(lag)
        for topic, lag in totals.items():
            metrics.WORKER_LAG.labels(topic).set(lag)
        return sum(totals.values())

    @staticmethod
    def _tell_watermark(engine: Engine) -> None:
        watermark_ms = engine.watermark_ms()
        if watermark_ms is not None:
            metrics.TRIAGE_WATERMARK.labels(str(engine.partition)).set(watermark_ms / 1000)


def _of(topic: str, offsets: dict[TopicPartition, V]) -> dict[int, V]:
    return {place.partition: offset for place, offset in offsets.items() if place.topic == topic}
