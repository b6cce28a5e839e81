"""What every log promises, whichever keeps it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class Draft(NamedTuple):
    """A record to be appended. Without `partition` the log derives it from `key`, equal keys to equal partitions."""

    topic: str
    key: str
    value: bytes
    headers: Mapping[str, str] = {}
    partition: int | None = None


class Entry(NamedTuple):
    """A record that stands in the log."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Mapping[str, str]
    timestamp_ms: int


class Writer(Protocol):
    """Appends records."""

    async def append(self, drafts: Sequence[Draft]) -> None:
        """Append all and return once every one is durable; equal keys keep their order.

        Raises Retryable if any may not be durable (some may be: a retry can double them, never lose them).
        """
        ...

    async def check(self) -> None:
        """Return if the log answers. Raises Retryable."""
        ...

    async def close(self) -> None:
        """Flush and let go."""
        ...


class Broadcaster(Writer, Protocol):
    """A writer that can write to every partition of a topic."""

    async def partitions(self, topic: str) -> int:
        """How many partitions `topic` has now, whatever schemas/topics.py says. Raises Retryable."""
        ...


class Reader(Protocol):
    """Reads some topics as one member of a group, from where the group stopped."""

    @property
    def generation(self) -> int:
        """Rises whenever the group deals its partitions anew (never, where there is one member only).

        With a new generation every partition held is read again from its committed offset, as after a restart, so a
        caller that keeps entries in hand drops them all: another member may have handled them meanwhile.
        """
        ...

    async def poll(self, timeout_s: float, at_most: int | None = None) -> list[Entry]:
        """The next entries, in order within each partition; empty after `timeout_s`. Raises Retryable.

        Never more than `at_most`; 0 only takes part in the group (a member that is full must not be expelled from it).
        The entries belong to the `generation` that stands when the call returns.
        """
        ...

    async def commit(self, next_offsets: Mapping[tuple[str, int], int]) -> None:
        """Remember, per (topic, partition), the offset to read next after a restart. Raises Retryable."""
        ...

    async def read_all(self, topic: str) -> list[Entry]:
        """All that stands on `topic` now, in order within each partition, outside the group. Raises Retryable."""
        ...

    async def close(self) -> None:
        """Leave the group and let go."""
        ...


class Follower(Protocol):
    """Reads some topics from their oldest entry on, outside any group: it sees everything, and remembers nothing."""

    @property
    def has_caught_up(self) -> bool:
        """Whether all that stood on the topics when it began has been returned."""
        ...

    async def poll(self, timeout_s: float) -> list[Entry]:
        """The next entries, in order within each partition; empty after `timeout_s`. Raises Retryable.

        Whoever cancels it may lose entries, and should close.
        """
        ...

    async def close(self) -> None:
        """Let go."""
        ...
