"""What normalise wrote a moment ago, triage need not decode again: the same bytes are the same record.

Decoding costs 2 to 4 µs an alert. In a worker that holds all partitions 19 of 20 records are found here, also when it
is behind, as long as triage is handed what there is before normalise is (pipeline/stream/transport/consumer.py): 97 of
100 in `python -m benchmarks worker`, 22 when it was not. Another worker's are decoded, with the same result
(tests/unit/stream/test_remembered.py).
"""

from collections import OrderedDict

from pipeline.codec import decode_alerts
from schemas import Alerts, Control, Tick

MOST_BYTES = 8 * 1024 * 1024  # of what is on its way through the broker; a record takes about four times its bytes


class Remembered:
    """Records by the bytes as which they were written, until they are read or newer ones need the room."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        # A plain dict looks for its oldest among all that were taken out: 6 µs for each record that finds no room.
        self._written: OrderedDict[bytes, Alerts] = OrderedDict()

    def __len__(self) -> int:
        return len(self._written)

    def keep(self, value: bytes, record: Alerts) -> None:
        """Keep `record`, which was written as `value`."""
        if value in self._written or len(value) > self._most_bytes:
            return
        self._written[value] = record
        self._bytes += len(value)
        while self._bytes > self._most_bytes:
            oldest, _ = self._written.popitem(last=False)
            self._bytes -= len(oldest)

    def recall(self, value: bytes) -> Alerts | Tick | Control:
        """The record that stands in `alerts` as `value`, whoever wrote it. Raises Rejected, naming the field."""
        record = self._written.pop(value, None)
        if record is None:
            return decode_alerts(value)
        self._bytes -= len(value)
        return record
