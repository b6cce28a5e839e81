"""An extent is how far one partition of a topic reaches, and how far a group has come in it, at one moment."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from pipeline.log.entry import Entry


class Extent(NamedTuple):
    """The offsets in [`first`, `end`) of one partition. What stood before `first` was removed by retention."""

    first: int
    end: int
    committed: int | None = None  # the offset that the group reads next; None: it never finished any

    @property
    def unfinished(self) -> int:
        """Records that the group has not finished."""
        return max(0, self.end - max(self.first, self.committed or 0))


Extents = Mapping[str, Mapping[int, Extent]]  # topic → partition → extent


class Pulse(NamedTuple):
    """One look at a group: how far the topics reach and it has come, and how many its members are."""

    extents: Extents
    members: int


class Recording(Protocol):
    """Topics that are read, as often as needed, from their first record to where they ended at one moment."""

    @property
    def extents(self) -> Extents:
        """How far each topic reaches. What the group has finished was asked first, then the ends, in the given order.

        So all that came of what it has finished stands within the ends.
        """
        ...

    def read(self, topic: str) -> Iterator[Entry]:
        """The entries of `topic` within its extents, in order within each partition. Raises Retryable. Blocks.

        One at a time: to read again ends what was being read before.
        """
        ...

    def close(self) -> None:
        """Let go."""
        ...
