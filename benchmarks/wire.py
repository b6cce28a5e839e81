"""HTTP as thin as it can be, so that driving and receiving take little of the machine that is measured."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from itertools import count
from types import TracebackType
from typing import NamedTuple, Self

from pipeline.errors import Fault

MOST_AT_ONCE = 64
_HEAD = "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"


class Post(NamedTuple):
    """When a body was sent and when it was answered, on the clock of `time.perf_counter`."""

    sent_s: float
    answered_s: float


class Arrival(NamedTuple):
    """A body that reached us, and when."""

    at_s: float
    body: bytes


class Target:
    """Where bodies are posted, over connections that are kept."""

    def __init__(self, port: int, path: str) -> None:
        self.port = port
        self.path = path
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, body: bytes) -> Post:
        """Post one body and wait for its 2xx. Raises Fault for any other answer: the figures would be of errors."""
        sent_s = time.perf_counter()
        while True:
            is_reused = bool(self._idle)
            reader, writer = self._idle.pop() if is_reused else await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(_HEAD.format(path=self.path, size=len(body)).encode() + body)
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                break
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()
                if not is_reused:  # one that was idle for long may have been closed meanwhile, as any client knows
                    raise
        said = await reader.readexactly(_length(head))
        answered_s = time.perf_counter()
        if not head.startswith(b"HTTP/1.1 2"):
            raise Fault(f"{self.path} answered {head.splitlines()[0].decode()}: {said[:500].decode()}")
        self._idle.append((reader, writer))
        return Post(sent_s, answered_s)

    async def post_all(self, bodies: Iterable[bytes], connections: int) -> None:
        """Post everything as fast as the answers allow, `connections` at a time."""
        left = iter(bodies)

        async def one_after_the_other() -> None:
            for body in left:
                await self.post(body)

        await asyncio.gather(*(one_after_the_other() for _ in range(connections)))

    async def post_at(self, bodies: Sequence[bytes], per_s: float) -> list[Post]:
        """Post at a fixed rate, however long the answers take: a slow server must not slow down its own test."""
        start_s = time.perf_counter()
        posts: list[asyncio.Task[Post]] = []
        for number, body in enumerate(bodies):
            await asyncio.sleep(start_s + number / per_s - time.perf_counter())
            posts.append(asyncio.create_task(self.post(body)))
        return list(await asyncio.gather(*posts))

    async def post_for_ever(self, bodies: Sequence[bytes], per_s: float, posted: list[Post]) -> None:
        """Post one after the other again and again, at a fixed rate, but no more than MOST_AT_ONCE; note each post.

        Raises Fault when one is refused.
        """
        start_s, room = time.perf_counter(), asyncio.Semaphore(MOST_AT_ONCE)

        async def post(body: bytes) -> None:
            posted.append(await self.post(body))
            room.release()

        async with asyncio.TaskGroup() as posts:
            for number in count():
                await asyncio.sleep(start_s + number / per_s - time.perf_counter())
                await room.acquire()
                posts.create_task(post(bodies[number % len(bodies)]))

    def close(self) -> None:
        """Let go of the connections."""
        for _, writer in self._idle:
            writer.close()


class Receiver:
    """A loopback endpoint that takes everything: PagerDuty for pagesieve, the webhook for Alertmanager."""

    def __init__(self, status: str) -> None:
        self.arrivals: list[Arrival] = []
        self._answer = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}".encode()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None, "it is not started"
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Caller(self.arrivals, self._answer), "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()


class _Caller(asyncio.Protocol):
    """One connection to the receiver."""

    def __init__(self, arrivals: list[Arrival], answer: bytes) -> None:
        self._arrivals = arrivals
        self._answer = answer
        self._unread = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Note every message that is whole, and answer it."""
        self._unread += data
        while (end := self._unread.find(b"\r\n\r\n")) >= 0:
            size = end + 4 + _length(self._unread[: end + 4])
            if len(self._unread) < size:
                return
            self._arrivals.append(Arrival(time.perf_counter(), self._unread[end + 4 : size]))
            self._unread = self._unread[size:]
            assert self._transport is not None
            self._transport.write(self._answer)


def _length(head: bytes) -> int:
    for line in head.splitlines():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise Fault(f"a message without Content-Length: {head.decode(errors='replace')}")
