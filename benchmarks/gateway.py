"""CPU of the gateway per alert: webhooks of ten through uvicorn, with a log that forgets, so only the gateway counts.

python -m benchmarks.gateway [--requests 5000] [--connections 4]
"""

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import orjson
import structlog

from pipeline.edge.gateway import create_gateway, listen, serve
from pipeline.log.entry import Draft
from pipeline.settings import Settings


class Forgetting:
    """A `Writer` that costs nothing."""

    async def append(self, drafts: Sequence[Draft]) -> None:
        """Forget them."""

    async def check(self) -> None:
        """It always answers."""

    async def close(self) -> None:
        """There is nothing to let go."""


def webhook(alerts: int) -> bytes:
    """A webhook of about 870 bytes an alert, as Alertmanager writes it."""
    labels = {"alertname": "KubePodNotReady", "cluster": "prod-eu-1", "namespace": "payments", "severity": "warning"}
    return orjson.dumps(
        {
            "version": "4",
            "status": "firing",
            "receiver": "pagesieve",
            "groupKey": '{}:{alertname="KubePodNotReady"}',
            "truncatedAlerts": 0,
            "alerts": [
                {
                    "status": "firing",
                    "labels": {**labels, "pod": f"payments-api-6c9f7d8b5-{number:05d}", "prometheus": "monitoring/k8s"},
                    "annotations": {
                        "summary": "Pod has been in a non-ready state for more than 15 minutes.",
                        "description": "Pod payments/payments-api has been in a non-ready state. " * 4,
                        "runbook_url": "https://runbooks.example/kubernetes/kubepodnotready",
                    },
                    "startsAt": "2026-11-23T07:06:06.120Z",
                    "endsAt": "0001-01-01T00:00:00Z",
                    "generatorURL": "http://prometheus.example/graph?g0.expr=kube_pod_status_phase&g0.tab=1",
                    "fingerprint": f"{number:016x}",
                }
                for number in range(alerts)
            ],
        }
    )


async def drive(port: int, body: bytes, requests: int, connections: int) -> None:
    """Post `requests` bodies over kept-alive connections, each waiting for its answer."""
    left = iter(range(requests))
    head = b"POST /v1/alertmanager HTTP/1.1\r\nHost: gateway\r\nContent-Length: %d\r\n\r\n"

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in left:
            writer.write(head % len(body) + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                raise SystemExit(answer.decode())
            await reader.readuntil(b"}")
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))


def cpu_s(pid: int) -> float:
    """User and system time of a process, from the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Fork a gateway, drive it, and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--alerts", type=int, default=10, help="in each webhook")
    wanted = parser.parse_args()
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    child = os.fork()
    if child == 0:
        # As the command line sets it up at its default level: the access log's debug lines cost nothing then.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
        app = create_gateway(Forgetting(), Settings(), requires_token=False)
        asyncio.run(serve(app, listener))
        sys.exit(0)
    listener.close()
    body = webhook(wanted.alerts)
    try:
        httpx.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
        asyncio.run(drive(port, body, 200, wanted.connections))
        before_s, started_s = cpu_s(child), time.perf_counter()
        asyncio.run(drive(port, body, wanted.requests, wanted.connections))
        used_s, took_s = cpu_s(child) - before_s, time.perf_counter() - started_s
    finally:
        os.kill(child, 15)
        os.waitpid(child, 0)
    alerts = wanted.requests * wanted.alerts
    print(f"{wanted.requests} webhooks of {wanted.alerts} alerts, {len(body)} bytes each")
    print(f"{used_s / alerts * 1e6:.1f} µs CPU an alert, {used_s / wanted.requests * 1e6:.0f} µs a request")
    print(f"{alerts / took_s:,.0f} alerts/s over {wanted.connections} connections")


if __name__ == "__main__":
    main()
