"""What normalise wrote a moment ago, triage need not decode again: the same bytes are the same record.

Decoding costs 2 to 4 µs an alert. In a worker that holds all partitions 19 of 20 records are found here, also when it
is behind; another worker's are decoded, with the same result (tests/unit/stream/test_remembered.py).
"""

from pipeline.codec import decode_alerts
from schemas import Alerts, Control, Tick

MOST_BYTES = 8 * 1024 * 1024  # of what is on its way through the broker; a record takes about four times its bytes

_written: dict[bytes, Alerts] = {}
_bytes = 0


def remember(value: bytes, record: Alerts) -> None:
    """Keep `record`, which was written as `value`, until it is read or newer ones need the room."""
    global _bytes  # noqa: PLW0603  # one worker a process, and both agents are in its one thread
    if value in _written or len(value) > MOST_BYTES:
        return
    _written[value] = record
    _bytes += len(value)
    while _bytes > MOST_BYTES:
        oldest = next(iter(_written))
        del _written[oldest]
        _bytes -= len(oldest)


def recalled(value: bytes) -> Alerts | Tick | Control:
    """The record that stands in `alerts` as `value`, whoever wrote it. Raises Rejected, naming the field."""
    global _bytes  # noqa: PLW0603  # as above
    record = _written.pop(value, None)
    if record is None:
        return decode_alerts(value)
    _bytes -= len(value)
    return record
