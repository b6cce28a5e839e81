"""Scale-out: one worker and two, from `alerts.raw` to `decisions`, on the same partitions, and what the cores did."""

import asyncio
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from aiokafka import AIOKafkaProducer

from benchmarks import traffic
from benchmarks.programs import Program, answers, free_ports
from benchmarks.report import Report, Row, Table
from benchmarks.systems import PATIENCE_S, start_broker
from pipeline.errors import Fault
from schemas.topics import ALERTS, RAW

TIMES = 10  # each webhook is sent: nine of ten alerts are duplicates
TOGETHER = 10  # alerts in a webhook
MOST = 2  # workers
DEAL_S = 60.0
_DECIDED = re.compile(r"^pagesieve_triage_decisions_total\{.*\} (\S+)$", re.MULTILINE)
_HELD = re.compile(rf'^pagesieve_worker_partition_lag_records\{{.*topic="{re.escape(ALERTS.name)}".*\}}', re.MULTILINE)


class Run(NamedTuple):
    """What one round took."""

    alerts: int
    wall_s: float
    workers_s: float  # CPU, of all workers together
    broker_s: float
    driver_s: float


def measure(*, is_quick: bool) -> Report:
    """Let one worker and two take the same backlog, in turns. Raises Missing and Fault."""
    rounds, groups = (1, 20) if is_quick else (3, 2500)
    runs = asyncio.run(_rounds(range(0 if is_quick else -1, rounds), groups))
    cores = len(os.sched_getaffinity(0))
    report = Report("scale", [_table(runs, cores)])
    report.notes.append(
        f"{groups * TOGETHER * TIMES:,} alerts a round in webhooks of {TOGETHER}, {1 - 1 / TIMES:.0%} of them "
        f"duplicates; a scope for each cluster, spread over {ALERTS.partitions} partitions, of which each of two "
        f"workers holds half; median of {rounds} rounds in turns. The webhooks are packed before, and written at once; "
        "wall time is from then until the last is decided. A share is of all the cores: what the workers leave, the "
        "broker, the driver and the system take, so the most that two can be is what these leave, over one worker's "
        "CPU for each alert."
    )
    return report


async def _rounds(rounds: range, groups: int) -> dict[int, list[Run]]:
    runs: dict[int, list[Run]] = {count: [] for count in range(1, MOST + 1)}
    with tempfile.TemporaryDirectory() as scratch:
        async with AsyncExitStack() as stack:
            broker, bootstrap = await start_broker(Path(scratch), stack)
            producer = AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="lz4", max_batch_size=1 << 20)
            await producer.start()
            stack.push_async_callback(producer.stop)
            for number in rounds:  # below 0: to warm up
                for count, found in runs.items():
                    async with AsyncExitStack() as crew_stack:
                        crew = _Crew(Path(scratch), bootstrap, crew_stack)
                        await crew.start(count)
                        bodies = traffic.repeated(f"round-{number}-{count}", groups, TOGETHER, TIMES)
                        run = await _run(crew, broker, producer, [batch.webhook for batch in bodies])
                        if number >= 0:
                            found.append(run)
    return runs


class _Crew:
    """So many workers at a time; nobody else is in their group."""

    def __init__(self, folder: Path, bootstrap: str, stack: AsyncExitStack) -> None:
        self._folder = folder
        self._bootstrap = bootstrap
        self._stack = stack
        self._workers: dict[int, Program] = {}

    async def start(self, count: int) -> None:
        """Start so many, and wait until each holds its share."""
        policy = self._folder / "policy.yaml"
        # JSON is YAML. No storm: it would put into one incident what is sent here to become many.
        policy.write_text('{"scope": ["cluster"], "group_by": ["alertname"], "storm": {"floor": 1000000}}')
        for port in free_ports(count):
            command = [sys.executable, "-m", "pipeline", "worker", "--listen", f"127.0.0.1:{port}"]
            log = self._folder / f"worker-{port}.log"
            program = Program([*command, "--policy", str(policy)], log, {"PAGESIEVE_KAFKA": self._bootstrap})
            self._workers[port] = self._stack.enter_context(program)
        give_up_s = time.monotonic() + DEAL_S
        while not all([await self._has_share(port) for port in self._workers]):
            self.check()
            if time.monotonic() > give_up_s:
                raise Fault(f"{ALERTS.partitions} partitions are not dealt evenly to {count} workers")
            await asyncio.sleep(0.1)

    async def _has_share(self, port: int) -> bool:
        if not answers(port, "/readyz"):
            return False
        return len(_HELD.findall(await _metrics(port))) == ALERTS.partitions // len(self._workers)

    def check(self) -> None:
        """Return if all of them run."""
        for worker in self._workers.values():
            worker.check()

    def cpu_s(self) -> float:
        """What all of them have used."""
        return sum(worker.cpu_s() for worker in self._workers.values())

    async def decided(self) -> float:
        """How many alerts they have decided since they were started."""
        texts = await asyncio.gather(*map(_metrics, self._workers))
        return sum(float(count) for text in texts for count in _DECIDED.findall(text))


async def _metrics(port: int) -> str:
    async with httpx.AsyncClient() as client:
        with suppress(httpx.TransportError):
            return (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    return ""


async def _run(crew: _Crew, broker: Program, producer: Any, bodies: Sequence[bytes]) -> Run:
    alerts = len(bodies) * TOGETHER
    packed = _packed(producer, bodies)
    before = await crew.decided()
    workers_s, broker_s, driver_s = crew.cpu_s(), broker.cpu_s(), time.process_time()
    started_s = time.perf_counter()
    sent = [await producer.send_batch(batch, RAW.name, partition=partition) for partition, batch in packed]
    await asyncio.gather(*sent)
    seen, since_s = 0.0, time.monotonic()
    while (now := await crew.decided() - before) < alerts:
        crew.check()
        if now > seen:
            seen, since_s = now, time.monotonic()
        elif time.monotonic() - since_s > PATIENCE_S:
            raise Fault(f"{now:.0f} of {alerts} alerts decided, and no more")
        await asyncio.sleep(0.1)
    return Run(
        alerts,
        time.perf_counter() - started_s,
        crew.cpu_s() - workers_s,
        broker.cpu_s() - broker_s,
        time.process_time() - driver_s,
    )


def _packed(producer: Any, bodies: Sequence[bytes]) -> list[tuple[int, Any]]:
    """(partition, batch), as the gateway writes them but packed already, so that the driver takes little meanwhile."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()).encode()
    headers = [("source", b"alertmanager"), ("received_at", now)]
    packed: list[tuple[int, Any]] = []
    for body in bodies:
        while (
            not packed or packed[-1][1].append(timestamp=None, key=b"alertmanager", value=body, headers=headers) is None
        ):
            packed.append((len(packed) % RAW.partitions, producer.create_batch()))
    for _, batch in packed:
        batch.close()
    return packed


def _table(runs: dict[int, list[Run]], cores: int) -> Table:
    columns = (
        "workers",
        "alerts/s of wall time",
        "times one worker",
        "workers' CPU s per 1,000 alerts",
        "workers' share of the cores",
        "broker's",
        "driver's",
    )
    rows: list[Row] = []
    for count, found in runs.items():
        times = [one.wall_s / run.wall_s for run, one in zip(found, runs[1], strict=True)]
        shares = [[used / run.wall_s / cores for used in (run.workers_s, run.broker_s, run.driver_s)] for run in found]
        rows.append(
            (
                str(count),
                statistics.median(run.alerts / run.wall_s for run in found),
                statistics.median(times),
                statistics.median(run.workers_s / run.alerts * 1000 for run in found),
                *(statistics.median(column) for column in zip(*shares, strict=True)),
            )
        )
    return Table("One worker and two", columns, rows)
