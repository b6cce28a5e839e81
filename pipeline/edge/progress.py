"""An offset is committed only when every entry before it is finished. No I/O in this file."""

Partition = tuple[str, int]  # (topic, partition), as pipeline.log counts offsets


class Progress:
    """Which entries are in hand, per partition, and from where a restart would have to read again."""

    def __init__(self) -> None:
        self._unfinished: dict[Partition, dict[int, int]] = {}  # offset → timestamp, in offset order
        self._next: dict[Partition, int] = {}
        self._committed: dict[Partition, int] = {}

    def begin(self, partition: Partition, offset: int, timestamp_ms: int) -> bool:
        """Take an entry in hand; False if it was seen already. Gaps are normal: compaction leaves them."""
        if offset < self._next.get(partition, 0):
            return False
        self._unfinished.setdefault(partition, {})[offset] = timestamp_ms
        self._committed.setdefault(partition, offset)  # nothing to commit until something is finished
        self._next[partition] = offset + 1
        return True

    def finish(self, partition: Partition, offset: int) -> None:
        """The entry needs no more work, whatever becomes of this process."""
        del self._unfinished[partition][offset]

    def committable(self) -> dict[Partition, int]:
        """The offsets to read next after a restart, where they moved since `committed`."""
        offsets = {}
        for partition, end in self._next.items():
            offset = next(iter(self._unfinished[partition]), end)
            if offset != self._committed[partition]:
                offsets[partition] = offset
        return offsets

    def committed(self, offsets: dict[Partition, int]) -> None:
        """The log has kept these."""
        self._committed.update(offsets)

    def oldest_ms(self) -> int | None:
        """The timestamp of the oldest entry in hand."""
        return min((next(iter(entries.values())) for entries in self._unfinished.values() if entries), default=None)
