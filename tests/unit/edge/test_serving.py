"""The gateway on a real socket: how it starts, what slow and large clients see, and how it ends."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from pipeline.edge.connection import Connection
from pipeline.edge.gateway import create_gateway
from pipeline.edge.serving import listen, serve
from pipeline.errors import Misuse
from pipeline.settings import Settings
from tests.memory_log import MemoryLog
from tests.unit.edge.gateway.scene import GOOD, raw

EVENT = raw(GOOD["/v1/events"])
HEAD = b"POST /v1/events HTTP/1.1\r\nHost: gateway\r\n"


@asynccontextmanager
async def served(log: MemoryLog, **settings: object) -> AsyncIterator[int]:
    """A gateway that serves inside this test's loop; the port it listens on."""
    listener = listen("127.0.0.1", 0)
    stop = asyncio.Event()
    app = create_gateway(log, Settings.model_validate(settings), requires_token=False)
    serving = asyncio.create_task(serve(app, listener, stop))
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        await serving


async def until(happened: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        await happened.wait()


class SlowLog(MemoryLog):
    """Says when an append has begun, and ends it when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def append(self, drafts: object) -> None:
        self.has_begun.set()
        await self.may_end.wait()
        await super().append(drafts)  # type: ignore[arg-type]  # drafts as they came


@pytest.mark.anyio
async def test_what_is_in_flight_is_finished_before_serving_ends() -> None:
    log = SlowLog()
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(create_gateway(log, Settings(), requires_token=False), listener, stop))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        posting = asyncio.create_task(client.post("/v1/events", content=EVENT))
        await until(log.has_begun)
        stop.set()
        # The port is let go at once, so that the next process can take it.
        while _accepts(port):  # noqa: ASYNC110 - the kernel has no event for a closed port
            await asyncio.sleep(0.01)
        assert not serving.done()
        log.may_end.set()
        answer = await posting
        await serving
    assert (answer.status_code, len(log.drafts)) == (200, 1)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.anyio
async def test_alone_in_its_process_it_ends_at_sigterm() -> None:
    listener = listen("127.0.0.1", 0)
    app = create_gateway(MemoryLog(), Settings(), requires_token=False)
    serving = asyncio.create_task(serve(app, listener))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
        assert (await client.get("/healthz")).status_code == 200
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(10):
        await serving


@pytest.mark.anyio
async def test_inside_another_loop_signals_stay_the_callers() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    async with served(MemoryLog()) as port, httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_address_that_is_taken_is_misuse_and_named() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Misuse, match=rf"cannot listen on 127\.0\.0\.1:{port}: Address already in use$"):
            listen("127.0.0.1", port)


@pytest.mark.anyio
async def test_answers_do_not_wait_for_the_clients_acknowledgement() -> None:
    made = asyncio.get_running_loop().create_future()

    class Peer(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.set_result(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    listener = listen("127.0.0.1", 0)
    server = await asyncio.get_running_loop().create_server(Peer, sock=listener)
    with socket.create_connection(listener.getsockname()):
        assert await made
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(("host", "port"), [("no-such-host.invalid", 0), ("192.0.2.1", 0), ("127.0.0.1", 70000)])
def test_address_that_cannot_be_is_misuse(host: str, port: int) -> None:
    with pytest.raises(Misuse, match="cannot listen on"):
        listen(host, port)


@pytest.mark.anyio
async def test_client_that_is_still_sending_reads_its_413() -> None:
    body = b" " * (6 * 1024 * 1024)
    async with served(MemoryLog(), max_body_bytes=1024) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(body))
        await writer.drain()
        answer = await reader.readuntil(b"\r\n\r\n")
        # All of it goes through although the answer is there: a reset on the way would have lost the answer.
        writer.write(body)
        await writer.drain()
        rest = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer
    assert b"urn:pagesieve:problem:too-large" in rest


@pytest.mark.anyio
async def test_client_that_asks_first_need_not_send_what_is_too_large() -> None:
    async with served(MemoryLog(), max_body_bytes=1024) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"Content-Length: 2048\r\nExpect: 100-continue\r\n\r\n")
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.anyio
async def test_body_that_stops_coming_is_answered_and_the_connection_closed() -> None:
    async with served(MemoryLog(), body_timeout_s=0.1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"Content-Length: 100\r\n\r\n{")
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: " in answer


@pytest.mark.anyio
@pytest.mark.parametrize("sent", [b"", HEAD], ids=["nothing", "half a head"])
async def test_connection_that_sends_no_whole_head_is_closed(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "head_s", 0.1)
    async with served(MemoryLog()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


@pytest.mark.anyio
async def test_client_that_leaves_midway_harms_nobody() -> None:
    log = MemoryLog()
    async with served(log) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"Content-Length: 100\r\n\r\n{")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"http://127.0.0.1:{port}/v1/events", content=EVENT)
    assert (answer.status_code, len(log.drafts)) == (200, 1)


@pytest.mark.anyio
async def test_connection_is_reused_after_a_success_and_after_a_rejection() -> None:
    request = HEAD + b"Content-Length: %d\r\n\r\n%s"
    async with served(MemoryLog()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        statuses = []
        for body in (EVENT, b"nonsense", EVENT):
            writer.write(request % (len(body), body))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            statuses.append(head[9:12])
        writer.close()
    assert statuses == [b"200", b"400", b"200"]
