"""Worker, end to end on the real broker, one process: from `alerts.raw` to `decisions`, as fast as it can."""

import asyncio
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks import traffic
from benchmarks.programs import Program, answers, free_ports
from benchmarks.report import Report, Row, Table
from benchmarks.systems import PATIENCE_S, start_broker, write_policy
from pipeline.errors import Fault
from schemas.topics import RAW

TIMES = 10  # each message is sent ten times: nine of ten alerts are duplicates
ALERTS = 10  # of a group, and in a webhook of ten
TARGETS = {1: 60_000, ALERTS: 100_000}  # issue 5
AT_ONCE = 500  # records in a batch of the producer
_METRIC = re.compile(r'^(\w+)(?:\{(?:stage|reason)="(\w+)"\})? (\S+)$', re.MULTILINE)


class Sizes(NamedTuple):
    """How much is sent."""

    rounds: int
    groups: int  # a round
    warm_up_groups: int


class Run(NamedTuple):
    """What one round took; `stages` are CPU seconds."""

    alerts: int
    wall_s: float
    cpu_s: float
    stages: dict[str, float]
    bare_cpu_s: float  # of a bare aiokafka consumer that reads the same records and does nothing

    def per_core(self) -> float:
        """Alerts for each second of CPU."""
        return self.alerts / self.cpu_s


def measure(*, is_quick: bool) -> Report:
    """Let one worker take messages of one alert, and webhooks of ten, as fast as it can. Raises Missing and Fault."""
    sizes = Sizes(1, 20, 5) if is_quick else Sizes(3, 1000, 200)
    runs = asyncio.run(_rounds(sizes))
    report = Report("worker")
    report.tables += [_totals(runs), _stages(runs)]
    report.notes.append(
        f"{sizes.groups * ALERTS * TIMES:,} alerts a round, {1 - 1 / TIMES:.0%} of them duplicates, {sizes.groups} "
        f"incidents, the same alerts one and ten a message; median of {sizes.rounds} rounds. CPU is all of the "
        "worker's process, its start left out; a stage is what its own code takes, and the rest is Faust, "
        "aiokafka and Python's event loops. The bare consumer is aiokafka's `getmany` over the same records, which "
        "throws them away."
    )
    return report


async def _rounds(sizes: Sizes) -> dict[int, list[Run]]:
    runs: dict[int, list[Run]] = {1: [], ALERTS: []}
    with tempfile.TemporaryDirectory() as scratch:
        async with AsyncExitStack() as stack:
            _, bootstrap = await start_broker(Path(scratch), stack)
            worker = await _start_worker(Path(scratch), bootstrap, stack)
            for together in runs:
                await worker.take(
                    traffic.repeated(f"warm-up-{together}", sizes.warm_up_groups, ALERTS, TIMES), together
                )
            for number in range(sizes.rounds):
                for together, found in runs.items():
                    batches = traffic.repeated(f"round-{number}-{together}", sizes.groups, ALERTS, TIMES)
                    found.append(await worker.take(batches, together))
    return runs


async def _start_worker(folder: Path, bootstrap: str, stack: AsyncExitStack) -> "_Worker":
    [port] = free_ports(1)
    command = [sys.executable, "-m", "pipeline", "worker", "--listen", f"127.0.0.1:{port}"]
    options = ["--policy", write_policy(folder)]
    program = Program([*command, *options], folder / "worker.log", {"PAGESIEVE_KAFKA": bootstrap})
    stack.enter_context(program)
    await program.until(lambda: answers(port, "/readyz"))
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="lz4", max_batch_size=1024 * 1024)
    await producer.start()
    stack.push_async_callback(producer.stop)
    return _Worker(program, f"http://127.0.0.1:{port}/metrics", bootstrap, producer)


class _Worker:
    """A running worker, and what it is given."""

    def __init__(self, program: Program, metrics_url: str, bootstrap: str, producer: Any) -> None:
        self._program = program
        self._metrics_url = metrics_url
        self._bootstrap = bootstrap
        self._producer = producer

    async def take(self, batches: Sequence[traffic.Batch], together: int) -> Run:
        """Let it decide every alert of `batches`, `together` in a message."""
        values = [body for batch in batches for body in (batch.singles() if together == 1 else [batch.webhook])]
        alerts = len(batches) * ALERTS
        starts = await self._raw_ends()
        before, cpu_s, started_s = await self._counted(), self._program.cpu_s(), time.perf_counter()
        await self._write(values)
        decided = before["decided"] + alerts
        seen, since_s = 0.0, time.monotonic()
        while (after := await self._counted())["decided"] < decided:
            if after["decided"] > seen:
                seen, since_s = after["decided"], time.monotonic()
            elif time.monotonic() - since_s > PATIENCE_S:
                raise Fault(f"{after['decided'] - before['decided']:.0f} of {alerts} alerts decided, and no more")
            await asyncio.sleep(0.2)
        wall_s, cpu_s = time.perf_counter() - started_s, self._program.cpu_s() - cpu_s
        stages = {name: after[name] - before.get(name, 0.0) for name in after if name != "decided"}
        return Run(alerts, wall_s, cpu_s, stages, await self._bare(starts))

    async def _write(self, values: Sequence[bytes]) -> None:
        """As the gateway does, spread over the partitions, in batches: the driver should take little of the machine."""
        sent = []
        for number, start in enumerate(range(0, len(values), AT_ONCE)):
            batch = self._producer.create_batch()
            for value in values[start : start + AT_ONCE]:
                while batch.append(timestamp=None, key=b"alertmanager", value=value, headers=_headers()) is None:
                    sent.append(await self._producer.send_batch(batch, RAW.name, partition=number % RAW.partitions))
                    batch = self._producer.create_batch()
            sent.append(await self._producer.send_batch(batch, RAW.name, partition=number % RAW.partitions))
        await asyncio.gather(*sent)

    async def _counted(self) -> dict[str, float]:
        """Its decisions, and the CPU of its stages, since it started."""
        async with httpx.AsyncClient() as client:
            text = (await client.get(self._metrics_url)).text
        found = {"decided": 0.0}
        for name, label, value in _METRIC.findall(text):
            if name == "pagesieve_triage_decisions_total":
                found["decided"] += float(value)
            elif name == "pagesieve_worker_cpu_seconds_total":
                found[label] = float(value)
        return found

    async def _raw_ends(self) -> dict[TopicPartition, int]:
        async with AIOKafkaConsumer(bootstrap_servers=self._bootstrap) as consumer:
            places = [TopicPartition(RAW.name, partition) for partition in range(RAW.partitions)]
            ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
            return ends

    async def _bare(self, starts: dict[TopicPartition, int]) -> float:
        """CPU seconds of reading what was written since `starts` and doing nothing with it."""
        ends = await self._raw_ends()
        async with AIOKafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False) as consumer:
            consumer.assign(list(starts))
            for place, offset in starts.items():
                consumer.seek(place, offset)
            started_s = time.process_time()
            left = sum(ends[place] - offset for place, offset in starts.items())
            while left > 0:
                left -= sum(map(len, (await consumer.getmany(timeout_ms=1000)).values()))
            return time.process_time() - started_s


def _headers() -> list[tuple[str, bytes]]:
    """What the gateway adds."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    return [("source", b"alertmanager"), ("received_at", f"{now}.000Z".encode())]


def _totals(runs: dict[int, list[Run]]) -> Table:
    columns = (
        "alerts a message",
        "alerts/s per CPU core",
        "target",
        "alerts/s of wall time",
        "CPU s per 1,000 alerts",
        "share of a bare aiokafka consumer's speed",
    )
    rows: list[Row] = [
        (
            str(together),
            statistics.median(run.per_core() for run in found),
            TARGETS[together],
            statistics.median(run.alerts / run.wall_s for run in found),
            statistics.median(run.cpu_s / run.alerts * 1000 for run in found),
            statistics.median(run.bare_cpu_s / run.cpu_s for run in found),
        )
        for together, found in runs.items()
    ]
    return Table("One worker", columns, rows)


def _stages(runs: dict[int, list[Run]]) -> Table:
    names = list(dict.fromkeys(name for found in runs.values() for run in found for name in run.stages))
    rows: list[Row] = [
        (name, *(statistics.median(run.stages[name] / run.alerts * 1000 for run in found) for found in runs.values()))
        for name in names
    ]
    rest = (
        statistics.median((run.cpu_s - sum(run.stages.values())) / run.alerts * 1000 for run in found)
        for found in runs.values()
    )
    columns = ("stage, CPU s per 1,000 alerts", *(f"{together} a message" for together in runs))
    return Table("Where the CPU goes", columns, [*rows, ("the rest", *rest)])
