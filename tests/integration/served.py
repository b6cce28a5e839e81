"""The gateway as a monitor meets it: on a free port, over the embedded log, in a thread of its own."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pipeline.edge.gateway import check_exposure, create_gateway
from pipeline.edge.serving import listen, serve
from pipeline.errors import Retryable
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.embedded_reader import EmbeddedReader
from pipeline.log.entry import Broadcaster, Draft, Entry
from pipeline.settings import Settings
from schemas.topics import RAW, REJECTED
from tests.integration.real import PATIENCE_S

T = TypeVar("T")


class Refusing:
    """A log that is away for the first `refusals` appends, then the real one. Counts what it refused."""

    def __init__(self, log: Broadcaster, refusals: int) -> None:
        self._log = log
        self._refusals = refusals
        self.refused = 0

    async def append(self, drafts: Sequence[Draft]) -> None:
        if self.refused < self._refusals:
            self.refused += 1
            raise Retryable("the log is away")
        await self._log.append(drafts)

    async def partitions(self, topic: str) -> int:
        return await self._log.partitions(topic)

    async def check(self) -> None:
        await self._log.check()

    async def close(self) -> None:
        await self._log.close()


class Served:
    """A running gateway; `entries` reads what stands in its log."""

    def __init__(self, port: int, loop: asyncio.AbstractEventLoop, reader: EmbeddedReader) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._loop = loop
        self._reader = reader

    def entries(self, topic: str = RAW.name) -> list[Entry]:
        return self._call(self._reader.read_all(topic))

    def wait_for(self, is_there: Callable[[list[Entry]], bool]) -> list[Entry]:
        """The entries of `alerts.raw` once `is_there` holds for them; fails if it does not happen."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_there(entries := self.entries()):
            if time.monotonic() > deadline:
                pytest.fail(f"it did not arrive within {PATIENCE_S} s; there is: {entries}")
            time.sleep(0.05)
        return entries

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=PATIENCE_S)


@contextmanager
def served(
    data_dir: Path, settings: Settings, in_front: Callable[[Broadcaster], Broadcaster] = lambda log: log
) -> Iterator[Served]:
    """Serve until the block ends; `in_front` may put something before the log."""
    started = threading.Event()
    found: list[tuple[Served, asyncio.Event]] = []

    async def run() -> None:
        log = await EmbeddedLog.open(data_dir, settings.append_timeout_s)
        reader = await log.reader("test", [RAW.name, REJECTED.name])
        listener = listen("127.0.0.1", 0)
        stop = asyncio.Event()
        found.append((Served(listener.getsockname()[1], asyncio.get_running_loop(), reader), stop))
        started.set()
        app = create_gateway(in_front(log), settings, requires_token=check_exposure("127.0.0.1", settings))
        try:
            await serve(app, listener, stop)
        finally:
            await log.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="gateway")
    thread.start()
    assert started.wait(timeout=PATIENCE_S)
    gateway, stop = found[0]
    try:
        yield gateway
    finally:
        gateway._loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=PATIENCE_S)
        assert not thread.is_alive()
