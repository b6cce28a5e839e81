"""Both logs under one face, so that one suite of scenes runs over them."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

from pipeline.log import Broadcaster, Follower, Reader
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.kafka import KafkaFollower, KafkaReader, KafkaWriter

APPEND_TIMEOUT_S = 5.0


class Log(Protocol):
    """A log that can be let go of and opened again."""

    async def writer(self) -> Broadcaster: ...

    async def reader(self, group: str, topics: Sequence[str]) -> Reader: ...

    async def follower(self, topics: Sequence[str], tails: Mapping[str, int] | None = None) -> Follower: ...

    async def close(self) -> None:
        """Let go of everything; the next `writer` or `reader` opens it again."""
        ...


class Embedded:
    """The embedded log in a folder."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._log: EmbeddedLog | None = None

    async def writer(self) -> EmbeddedLog:
        if self._log is None:
            self._log = await EmbeddedLog.open(self._data_dir, APPEND_TIMEOUT_S)
        return self._log

    async def reader(self, group: str, topics: Sequence[str]) -> Reader:
        return await (await self.writer()).reader(group, topics)

    async def follower(self, topics: Sequence[str], tails: Mapping[str, int] | None = None) -> Follower:
        return (await self.writer()).follower(topics, tails)

    async def close(self) -> None:
        if self._log is not None:
            await self._log.close()
        self._log = None


class Kafka:
    """Clients of a real broker."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._opened = AsyncExitStack()

    async def writer(self) -> KafkaWriter:
        writer = KafkaWriter(self._bootstrap, APPEND_TIMEOUT_S)
        self._opened.push_async_callback(writer.close)
        return writer

    async def reader(self, group: str, topics: Sequence[str]) -> KafkaReader:
        reader = KafkaReader(self._bootstrap, group, topics)
        self._opened.push_async_callback(reader.close)
        return reader

    async def follower(self, topics: Sequence[str], tails: Mapping[str, int] | None = None) -> KafkaFollower:
        follower = KafkaFollower(self._bootstrap, topics, tails)
        self._opened.push_async_callback(follower.close)
        return follower

    async def close(self) -> None:
        await self._opened.aclose()
