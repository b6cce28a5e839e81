"""Restart: kill -9 of a worker that remembers many alerts → the first decision of the one that takes its place."""

import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from benchmarks import traffic
from benchmarks.programs import Program, answers, free_ports
from benchmarks.report import Report, Row, Table
from benchmarks.systems import start_broker
from pipeline.errors import Fault
from schemas.topics import DECISIONS, RAW

TOGETHER = 100  # alerts of a group, and in a webhook
AT_ONCE = 200  # records in a batch of the producer
NAME = "worker-0"
KEEP_S = 5.0  # so that a round need not wait for the snapshot of a million alerts for long
PATIENCE_S = 600.0  # without any progress
ASK_EVERY_S = 0.02
_METRIC = re.compile(r"^(pagesieve_\w+)(?:\{.*\})? (\S+)$", re.MULTILINE)


class Restart(NamedTuple):
    """What one restart took."""

    first_decision_s: float
    rebuilt_s: float  # of it: snapshot and log read, until the partition goes on
    records: int  # of the log that were read behind the snapshot
    state_bytes: int
    blocking_s: float  # how long triage stood still for its last snapshot


def measure(*, is_quick: bool) -> Report:
    """Kill a worker that remembers so many alerts, several times. Raises Missing and Fault."""
    rounds, sizes = (1, (500,)) if is_quick else (3, (10_000, 1_000_000))
    found = {f"{alerts:,}": asyncio.run(_restarts(alerts, rounds, NAME)) for alerts in sizes}
    if not is_quick:
        found[f"{sizes[0]:,}, without a name"] = asyncio.run(_restarts(sizes[0], rounds, None))
    report = Report("restart")
    report.tables.append(_table(found))
    report.notes.append(
        f"All alerts are in one scope, so in one partition; one is sent every {ASK_EVERY_S * 1000:.0f} ms from the "
        "kill on, and the first that stands on `decisions` counts; the new worker is started at once, as a supervisor "
        f"does; median of {rounds}. It has a name (PAGESIEVE_WORKER_NAME): without, the group first waits for the dead "
        f"one's session time-out, 6 s. The state is kept every {KEEP_S:.0f} s here, and the log behind it is what came "
        "since. Included: Python's start, joining the group, the state read from Kafka and made anew."
    )
    return report


async def _restarts(alerts: int, rounds: int, name: str | None) -> list[Restart]:
    with tempfile.TemporaryDirectory() as scratch:
        async with AsyncExitStack() as stack:
            _, bootstrap = await start_broker(Path(scratch), stack)
            crew = _Crew(Path(scratch), bootstrap, stack, name)
            await crew.start()
            await crew.remember(alerts)
            return [await crew.restart() for _ in range(rounds)]


class _Crew:
    """One worker at a time, what it is sent, and what it decides."""

    def __init__(self, folder: Path, bootstrap: str, stack: AsyncExitStack, name: str | None) -> None:
        self._name = {} if name is None else {"PAGESIEVE_WORKER_NAME": name}
        self._folder = folder
        self._bootstrap = bootstrap
        self._stack = stack
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="lz4")
        self._consumer = AIOKafkaConsumer(
            DECISIONS.name, bootstrap_servers=bootstrap, auto_offset_reset="latest", enable_auto_commit=False
        )
        self._lives = 0
        self._sent = 0

    async def start(self) -> None:
        """Connect, and start the first worker."""
        for client in (self._producer, self._consumer):
            await client.start()
            self._stack.push_async_callback(client.stop)
        self._policy = self._folder / "policy.yaml"
        # Nothing is put together, forgotten or over while it is measured.
        policy = {"group_by": list(traffic.GROUP_BY), "storm": {"floor": 10**9}, "max_live_alerts": 10**7}
        self._policy.write_text(json.dumps(policy))  # JSON is YAML
        self._worker = self._start_worker()
        await self._worker.until(lambda: answers(self._port, "/readyz"))

    def _start_worker(self) -> Program:
        [self._port] = free_ports(1)
        command = [sys.executable, "-m", "pipeline", "worker", "--listen", f"127.0.0.1:{self._port}"]
        settings = {"PAGESIEVE_KAFKA": self._bootstrap, "PAGESIEVE_SNAPSHOT_EVERY_S": str(KEEP_S), **self._name}
        log = self._folder / f"worker-{self._lives}.log"
        self._lives += 1
        return self._stack.enter_context(Program([*command, "--policy", str(self._policy)], log, settings))

    async def remember(self, alerts: int) -> None:
        """Let the worker open so many alerts, and keep that."""
        sent: list[Any] = []
        for number in range(alerts // TOGETHER):
            body = traffic.batch(f"restart-{number:06d}", traffic.NAMES[number % len(traffic.NAMES)], TOGETHER).webhook
            sent.append(await self._producer.send(RAW.name, body, partition=0))
            if len(sent) >= AT_ONCE:
                await asyncio.gather(*sent)
                sent = []
        await asyncio.gather(*sent)
        await self._until("pagesieve_triage_decisions_total", alerts)
        await self._kept()

    async def restart(self) -> Restart:
        """Kill the worker, start another, and wait for its first decision; then for its state to be kept again."""
        before = await self._metrics()
        await self._consumer.seek_to_end()
        await asyncio.gather(*(self._consumer.position(place) for place in self._consumer.assignment()))
        self._worker.kill()
        killed_s = time.perf_counter()
        self._worker = self._start_worker()
        sending = asyncio.create_task(self._send_for_ever())
        try:
            while not await self._consumer.getmany(timeout_ms=50):
                self._worker.check()
                if time.perf_counter() - killed_s > PATIENCE_S:
                    raise Fault(f"no decision for {PATIENCE_S:.0f} s")
            first_decision_s = time.perf_counter() - killed_s
        finally:
            sending.cancel()
        await self._worker.until(lambda: answers(self._port, "/readyz"))
        rebuilt = max(_rebuilt(self._worker.said()), key=lambda line: line["records"] + line["next_offset"])
        await self._kept()
        return Restart(
            first_decision_s,
            rebuilt["seconds"],
            rebuilt["records"],
            int(before["pagesieve_snapshot_bytes"]),
            before["pagesieve_snapshot_blocking_seconds_sum"] / before["pagesieve_snapshot_blocking_seconds_count"],
        )

    async def _kept(self) -> None:
        """Return once all that it knows is kept. Something new comes, or there were nothing to keep any more."""
        now_s = time.time()
        await self._send_one()
        await self._until("pagesieve_snapshot_timestamp_seconds", now_s)

    async def _send_for_ever(self) -> None:
        while True:
            await self._send_one()
            await asyncio.sleep(ASK_EVERY_S)

    async def _send_one(self) -> None:
        self._sent += 1
        body = traffic.batch(f"after-{self._sent:06d}", traffic.NAMES[0], 1).webhook
        try:
            await self._producer.send_and_wait(RAW.name, body, partition=0)
        except KafkaError as exc:
            raise Fault(f"the broker takes nothing: {exc!r}") from exc

    async def _until(self, name: str, wanted: float) -> None:
        before, since_s = -1.0, time.monotonic()
        while (now := (await self._metrics()).get(name, 0.0)) < wanted:
            self._worker.check()
            if now > before:
                before, since_s = now, time.monotonic()
            elif time.monotonic() - since_s > PATIENCE_S:
                raise Fault(f"{name}: {now:.0f} of {wanted:.0f}, and no more for {PATIENCE_S:.0f} s")
            await asyncio.sleep(0.2)

    async def _metrics(self) -> dict[str, float]:
        """Each metric, as the sum over its labels, but for times and sizes: there the largest."""
        async with httpx.AsyncClient(timeout=60) as client:
            text = (await client.get(f"http://127.0.0.1:{self._port}/metrics")).text
        found: dict[str, float] = {}
        for name, value in _METRIC.findall(text):
            is_level = name.endswith(("_timestamp_seconds", "_bytes"))
            found[name] = max(found.get(name, 0.0), float(value)) if is_level else found.get(name, 0.0) + float(value)
        return found


def _rebuilt(said: str) -> list[dict[str, Any]]:
    """What the worker told of each partition that it took."""
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    found = [line for line in lines if line.get("event") == "engine rebuilt"]
    if not found:
        raise Fault("the worker does not say that it has its state")
    return found


def _table(found: dict[str, list[Restart]]) -> Table:
    columns = (
        "live alerts",
        "kill -9 → first decision, s",
        "of it: state read and made, s",
        "records read behind it",
        "state, MB",
        "triage stands still for it, s",
    )
    rows: list[Row] = []
    for subject, restarts in found.items():
        medians = [statistics.median(column) for column in zip(*restarts, strict=True)]
        rows.append((subject, *medians[:3], medians[3] / 1e6, medians[4]))
    return Table("Restart", columns, rows)
