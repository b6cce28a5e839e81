"""The events of some records of one scope as a batch for a scan."""

from collections.abc import Container, Sequence
from operator import attrgetter

import numpy as np

from pipeline.core.columns import NEVER_MS, Batch, new_batch
from pipeline.core.fingerprint import codes_of
from schemas import Alert, Alerts, Status

_FARTHEST_MS = 1 << 61  # either way: sums of two such times do not overflow
_seen = attrgetter("fingerprint", "at_ms", "expires_at_ms", "status", "severity")


def batch_of(alerts: Sequence[Alert], salt: int, states: Container[str]) -> Batch:
    """A batch of `alerts`. Raises ValueError if a fingerprint is none, or a time is none that a calendar has."""
    batch = new_batch(len(alerts))
    if not alerts:
        return batch
    fingerprints, times_ms, leases_ms, statuses, severities = zip(*map(_seen, alerts), strict=True)
    np.bitwise_xor(codes_of(fingerprints), np.uint64(salt), out=batch["key"])
    if leases_ms.count(None) == len(alerts):
        batch["expires_at_ms"] = NEVER_MS
    else:
        batch["expires_at_ms"] = [NEVER_MS if ms is None else near(ms) for ms in leases_ms]
    near(max(times_ms))
    near(min(times_ms))
    batch["at_ms"] = times_ms
    batch["is_firing"] = [status is Status.FIRING for status in statuses]
    batch["rank"] = [severity.rank for severity in severities]
    batch["row"] = -1
    hear_resolved(batch, alerts, states)
    return batch


def is_sound(record: Alerts) -> bool:
    """Whether a batch can hold the alerts of the record."""
    try:
        batch_of(record.alerts, 0, ())
    except (ValueError, OverflowError):
        return False
    return True


def near(at_ms: int) -> int:
    """The same time. Raises ValueError if it is none that can be reckoned with."""
    if not -_FARTHEST_MS <= at_ms <= _FARTHEST_MS:
        raise ValueError("a time is beyond ±2^61 ms")
    return at_ms


def hear_resolved(batch: Batch, alerts: Sequence[Alert], states: Container[str]) -> None:
    """Note which events are of sources that say when they end."""
    batch["says_resolved"] = [alert.is_state or alert.source in states for alert in alerts]
