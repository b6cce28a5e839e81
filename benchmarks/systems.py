"""What is measured from end to end: pagesieve on Kafka, pagesieve in one process, and Alertmanager, all real."""

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks import traffic
from benchmarks.programs import Program, answers, done, free_ports, installed, listens, pagesieve
from benchmarks.wire import Receiver, Target
from pipeline.errors import Fault, Missing

BROKER = Path(__file__).parents[1] / "deploy" / "kafka" / "kafka.py"
ROUTING_KEY = "0123456789abcdef0123456789abcdef"  # any 32 characters: it goes to a loopback port
PATIENCE_S = 20.0  # without any progress
_DECISIONS = re.compile(r"^pagesieve_triage_decisions_total\{.*\} (\S+)$", re.MULTILINE)


@dataclass
class System:
    """Something that takes alerts at `target` and tells people at `receiver`."""

    name: str
    target: Target
    receiver: Receiver
    parts: dict[str, Program]
    body_of: Callable[[traffic.Batch], bytes]
    metrics_url: str | None = None  # where the decisions are counted; Alertmanager makes none

    def another_target(self) -> Target:
        """The same, over connections of its own."""
        return Target(self.target.port, self.target.path)

    def cpu_s(self) -> dict[str, float]:
        """What each part has used so far."""
        return {name: part.cpu_s() for name, part in self.parts.items()}

    async def decided(self) -> int:
        """How many alerts it has decided since it started; 0 for one that counts none."""
        if self.metrics_url is None:
            return 0
        async with httpx.AsyncClient() as client:
            answer = await client.get(self.metrics_url)
        return round(sum(float(count) for count in _DECISIONS.findall(answer.text)))

    async def told(self) -> int:
        """How many pages have arrived since it started."""
        return len(self.receiver.arrivals)

    async def until_decided(self, alerts: int) -> None:
        """Return once it has decided so many alerts since it started. Raises Fault."""
        if self.metrics_url is not None:
            await _until(self.decided, alerts, f"{self.name}: alerts decided")

    async def until_told(self, pages: int) -> None:
        """Return once so many pages have arrived since it started. Raises Fault."""
        await _until(self.told, pages, f"{self.name}: pages arrived")


async def _until(count: Callable[[], Awaitable[int]], wanted: int, what: str) -> None:
    before, since_s = -1, time.monotonic()
    while (now := await count()) < wanted:
        if now > before:
            before, since_s = now, time.monotonic()
        elif time.monotonic() - since_s > PATIENCE_S:
            raise Fault(f"{what}: {now} of {wanted}, and no more for {PATIENCE_S:.0f} s")
        await asyncio.sleep(0.05)


@asynccontextmanager
async def running(folder: Path, group_wait: str, skipped: list[str]) -> AsyncIterator[list[System]]:
    """Every system that this machine has the parts for, started and ready; what is missing is added to `skipped`."""
    async with AsyncExitStack() as stack:
        systems = []
        for start in (_kafka, _embedded, start_alertmanager):
            place = folder / start.__name__.strip("_")
            place.mkdir()
            try:
                systems.append(await start(place, group_wait, stack))
            except Missing as exc:
                skipped.append(str(exc))
        yield systems


async def _kafka(folder: Path, _: str, stack: AsyncExitStack) -> System:
    receiver = await stack.enter_async_context(Receiver("202 Accepted"))
    gateway_port, worker_port, pager_port = free_ports(3)
    broker, bootstrap = await start_broker(folder, stack)
    environment = {"PAGESIEVE_KAFKA": bootstrap, **_paging(receiver)}

    def start(name: str, *command: str) -> Program:
        return stack.enter_context(Program(command, folder / f"{name}.log", environment))

    listen = [f"127.0.0.1:{one}" for one in (gateway_port, worker_port, pager_port)]
    gateway = start("gateway", pagesieve(), "gateway", "--listen", listen[0])
    worker = start("worker", pagesieve(), "worker", "--listen", listen[1], "--policy", write_policy(folder))
    pager = start("pager", pagesieve(), "pager", "--listen", listen[2])
    parts = {"gateway": gateway, "worker": worker, "pager": pager, "broker": broker}
    for part, at in ((gateway, gateway_port), (worker, worker_port), (pager, pager_port)):
        await _until_ready(part, at)
    target = Target(gateway_port, "/v1/alertmanager")
    stack.callback(target.close)
    metrics_url = f"http://{listen[1]}/metrics"
    return System("pagesieve on Kafka", target, receiver, parts, lambda batch: batch.webhook, metrics_url)


async def start_broker(folder: Path, stack: AsyncExitStack) -> tuple[Program, str]:
    """A real broker with every topic of ours, and its address. Raises Missing."""
    port, controller = free_ports(2)
    ports = ("--port", str(port), "--controller-port", str(controller))
    command = (sys.executable, str(BROKER), "--data-dir", str(folder / "data"), *ports)
    broker = stack.enter_context(Program(command, folder / "broker.log"))
    await broker.until(lambda: listens(port))
    bootstrap = f"127.0.0.1:{port}"
    done([pagesieve(), "topics", "create"], {"PAGESIEVE_KAFKA": bootstrap})
    return broker, bootstrap


async def _embedded(folder: Path, _: str, stack: AsyncExitStack) -> System:
    receiver = await stack.enter_async_context(Receiver("202 Accepted"))
    [port] = free_ports(1)
    options = ("--data-dir", str(folder / "data"), "--listen", f"127.0.0.1:{port}", "--policy", write_policy(folder))
    command = [pagesieve(), "up", "--sink", "pagerduty", *options]
    up = stack.enter_context(Program(command, folder / "up.log", _paging(receiver)))
    await _until_ready(up, port)
    target = Target(port, "/v1/alertmanager")
    stack.callback(target.close)
    metrics_url = f"http://127.0.0.1:{port}/metrics"
    return System("pagesieve up", target, receiver, {"up": up}, lambda batch: batch.webhook, metrics_url)


async def start_alertmanager(folder: Path, group_wait: str, stack: AsyncExitStack) -> System:
    """A real Alertmanager whose only receiver is ours. Raises Missing."""
    binary = installed("prometheus-alertmanager", "apt install prometheus-alertmanager")
    receiver = await stack.enter_async_context(Receiver("200 OK"))
    [port] = free_ports(1)
    config = folder / "alertmanager.yml"
    route = {"receiver": "here", "group_by": traffic.GROUP_BY, "group_wait": group_wait, "group_interval": "5m"}
    told = {"name": "here", "webhook_configs": [{"url": f"http://127.0.0.1:{receiver.port}/", "send_resolved": False}]}
    config.write_text(json.dumps({"route": route, "receivers": [told]}))  # JSON is YAML
    options = (
        f"--config.file={config}",
        f"--storage.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    )
    program = stack.enter_context(Program([binary, *options], folder / "alertmanager.log"))
    await _until_ready(program, port, "/-/ready")
    target = Target(port, "/api/v2/alerts")
    stack.callback(target.close)
    return System("Alertmanager", target, receiver, {"alertmanager": program}, lambda batch: batch.posted)


async def _until_ready(program: Program, port: int, path: str = "/readyz") -> None:
    await program.until(lambda: answers(port, path))


def _paging(receiver: Receiver) -> dict[str, str]:
    return {
        "PAGESIEVE_PAGERDUTY_URL": f"http://127.0.0.1:{receiver.port}/v2/enqueue",
        "PAGESIEVE_ROUTING_KEY": ROUTING_KEY,
    }


def write_policy(folder: Path) -> str:
    """The file of a policy that groups as Alertmanager does here."""
    # No storm: it would put into one incident what is sent here to become many.
    policy = {"group_by": traffic.GROUP_BY, "storm": {"floor": 1_000_000}}
    file = folder / "policy.yaml"
    file.write_text(json.dumps(policy))  # JSON is YAML
    return str(file)
