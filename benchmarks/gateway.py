"""CPU of the gateway alone: webhooks through uvicorn into a log that forgets, so that nothing else counts."""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks import traffic
from benchmarks.programs import Program, answers, free_ports
from benchmarks.report import Report, Row, Table
from benchmarks.wire import Target

CONNECTIONS = 4
WARM_UP = 200
COLUMNS = ("a webhook of", "bytes", "CPU s per 1,000 alerts", "CPU ms a request", "alerts/s")


class Run(NamedTuple):
    """What one kind of webhook took."""

    wall_s: float
    cpu_s: float


def measure(*, is_quick: bool) -> Report:
    """Drive a gateway with webhooks of ten alerts and of one. Raises Fault."""
    requests = 50 if is_quick else 4000
    rows: list[Row] = []
    for alerts in (10, 1):
        body = traffic.batch("prod-eu-1", traffic.NAMES[0], alerts).webhook
        run = asyncio.run(_drive(body, requests))
        rows.append(
            (
                f"{alerts} alerts" if alerts > 1 else "1 alert",
                len(body),
                run.cpu_s / requests / alerts * 1000,
                run.cpu_s / requests * 1000,
                requests * alerts / run.wall_s,
            )
        )
    table = Table(f"{requests:,} webhooks over {CONNECTIONS} connections, nothing behind the gateway", COLUMNS, rows)
    return Report("gateway", [table])


async def _drive(body: bytes, requests: int) -> Run:
    [port] = free_ports(1)
    command = [sys.executable, "-m", "benchmarks.forgetting", str(port)]
    with tempfile.TemporaryDirectory() as scratch, Program(command, Path(scratch) / "gateway.log") as gateway:
        await gateway.until(lambda: answers(port, "/healthz"))
        target = Target(port, "/v1/alertmanager")
        await target.post_all([body] * WARM_UP, CONNECTIONS)
        before_s, started_s = gateway.cpu_s(), time.perf_counter()
        await target.post_all([body] * requests, CONNECTIONS)
        run = Run(time.perf_counter() - started_s, gateway.cpu_s() - before_s)
        target.close()
    return run
