"""What a fetch hands on at once is bounded in bytes: aiokafka bounds only what is fetched, packed, and the records."""

from typing import Any

from aiokafka.consumer.fetcher import FetchResult

# Unpacked, of one partition; one larger record comes alone. 500 webhooks of ten alerts have 4.5 MB.
BATCH_BYTES = 4 * 1024 * 1024


def bound_aiokafka() -> None:
    """Let every consumer of this process hand on no more than BATCH_BYTES of a partition at once.

    A fetch of 1 MB, packed, may hold hundreds: alerts repeat themselves, and not everybody who writes is a friend.
    """
    FetchResult.getall = _getall


def _getall(self: Any, max_records: int | None = None) -> list[Any]:
    """As aiokafka's own; what is left stays where it is, still packed, for the next call."""
    if not self.check_assignment(self._topic_partition) or not self.has_more():
        return []
    found, size = [], 0
    for record in self._partition_records:
        found.append(record)
        size += len(record.value or b"")
        if size >= BATCH_BYTES or len(found) == max_records:
            self._update_position()
            return found
    self._update_position()
    self._partition_records = None
    return found
