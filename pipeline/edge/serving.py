"""Serving ends gracefully: no new connections, what is in flight is finished, and only then is the port let go."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

from starlette.types import ASGIApp
from uvicorn import Config, Server

from pipeline.edge.connection import Connection
from pipeline.errors import Misuse

BACKLOG = 2048
GRACE_S = 20  # longer than any request may take, shorter than the 30 s after which Kubernetes kills
MAX_CONNECTIONS = 2000
# Above the usual pause between two notifications: a connection that we close while the next one is on its way costs
# the sender an error and a retry.
KEEP_ALIVE_S = 75


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises Misuse, naming the address, if it cannot be had."""
    if not 0 <= port <= 65535:  # getaddrinfo would take it modulo 65536
        raise Misuse(f"cannot listen on {host}:{port}: there is no such port")
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # `localhost` is often both ::1 and 127.0.0.1; people and monitors expect the latter.
        family, *_, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as exc:
        # `socket` adds the address once more, in its own words.
        reason = str(exc.strerror).partition(" (while")[0] if isinstance(exc, OSError) else exc
        raise Misuse(f"cannot listen on {host}:{port}: {reason}") from None
    # Opened again by its number, Python asks the kernel for its protocol. Without that asyncio does not see that it is
    # TCP, leaves Nagle's algorithm on, and every answer waits 40 ms for the client's delayed acknowledgement.
    return socket.socket(fileno=listener.detach())


async def serve(app: ASGIApp, listener: socket.socket, stop: asyncio.Event | None = None) -> None:
    """Serve `app` until `stop` is set, then finish what is in flight (at most GRACE_S) and close `listener`.

    Without `stop` it is alone in its process and ends at SIGTERM or SIGINT. With it, signals are the caller's.
    """
    config = Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        http=Connection,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config)
    if stop is not None:
        await _serve_until(server, listener, stop)
        return
    with _stop_on_signals() as signalled:
        await _serve_until(server, listener, signalled)


class _Server(Server):
    """uvicorn's server, which leaves the process's signal handlers alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve_until(server: Server, listener: socket.socket, stop: asyncio.Event) -> None:
    async def watch() -> None:
        await stop.wait()
        server.should_exit = True

    watcher = asyncio.create_task(watch())
    try:
        await server.serve(sockets=[listener])
    finally:
        watcher.cancel()
        listener.close()


@contextlib.contextmanager
def _stop_on_signals() -> Iterator[asyncio.Event]:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
