"""A follower of the embedded log: a reader that belongs to no group, so nothing of where it stands is kept."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pipeline.log.embedded_reader import EmbeddedReader, Source
from pipeline.log.entry import Entry


class FollowedSource(Source, Protocol):
    """What a follower needs of the log."""

    def forget(self, follower: "EmbeddedFollower") -> None:
        """Wake `follower` no more."""
        ...


class EmbeddedFollower:
    """A `Follower`."""

    def __init__(self, source: FollowedSource, topics: Sequence[str], tails: Mapping[str, int]) -> None:
        """Of the topics in `tails` it begins so many records before their ends."""
        self._source = source
        self._ends: Mapping[str, int] = {topic: source.end(topic) for topic in topics}
        starts = {topic: max(0, end - tails[topic]) if topic in tails else 0 for topic, end in self._ends.items()}
        self._reader = EmbeddedReader(source, "", starts)

    @property
    def has_caught_up(self) -> bool:
        """See `Follower`."""
        return all(self._reader.next_offset(topic) >= end for topic, end in self._ends.items())

    def wake(self) -> None:
        """Say that something was appended to any topic."""
        self._reader.wake()

    async def poll(self, timeout_s: float) -> list[Entry]:
        """See `Follower`."""
        return await self._reader.poll(timeout_s)

    async def close(self) -> None:
        """See `Follower`."""
        self._source.forget(self)
