"""What is on its way into a log is bounded in bytes, and one record is bounded too."""

from collections.abc import Sequence

from pipeline.errors import Fault, Retryable
from pipeline.log.entry import Draft
from schemas.topics import MAX_RECORD_BYTES

BACKLOG_BYTES = 64 * 1024 * 1024  # four of the largest records, or half a minute of 2 MB/s while the disk stalls


class Backlog:
    """Counts the bytes that were handed to a log and are not yet known to be durable. Used from the event loop only."""

    def __init__(self, limit_bytes: int = BACKLOG_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._bytes = 0

    def admit(self, drafts: Sequence[Draft]) -> int:
        """Take `drafts` in and return their size, to be given back to `release`.

        Raises Retryable if they do not fit now, and Fault if one of them never could.
        """
        size = 0
        for draft in drafts:
            record_bytes = size_of(draft)
            if record_bytes > MAX_RECORD_BYTES:
                raise Fault(f"a record of {record_bytes} bytes for {draft.topic}: the limit is {MAX_RECORD_BYTES}")
            size += record_bytes
        # A call that is larger than the limit by itself is let in alone, or it could never be.
        if self._bytes and self._bytes + size > self._limit_bytes:
            raise Retryable(f"the log is behind: {self._bytes} bytes wait to be written")
        self._bytes += size
        return size

    def release(self, size: int) -> None:
        """Say that what `admit` took in is durable or given up."""
        self._bytes -= size


def size_of(draft: Draft) -> int:
    """The bytes that a record takes, never too few: 128 for the record itself and what Kafka adds around it."""
    headers = sum(len(name.encode()) + len(text.encode()) for name, text in draft.headers.items())
    return 128 + len(draft.key.encode()) + len(draft.value) + headers
