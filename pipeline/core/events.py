"""The events of some records of one scope as a batch for a scan."""

from collections.abc import Container, Sequence

import numpy as np

from pipeline.core.columns import NEVER_MS, Batch, new_batch
from pipeline.core.fingerprint import codes_of
from schemas import Alert, Status

_FARTHEST_MS = 1 << 61  # either way: sums of two such times do not overflow


def batch_of(alerts: Sequence[Alert], salt: int, states: Container[str]) -> Batch:
    """A batch of `alerts`. Raises ValueError if a fingerprint is none, or a time is none that a calendar has."""
    batch = new_batch(len(alerts))
    if not alerts:
        return batch
    np.bitwise_xor(codes_of([alert.fingerprint for alert in alerts]), np.uint64(salt), out=batch["key"])
    times_ms = [alert.at_ms for alert in alerts]
    farthest_ms = max(max(times_ms), -min(times_ms), *(abs(alert.starts_at_ms) for alert in alerts))
    leases_ms = [NEVER_MS if alert.expires_at_ms is None else alert.expires_at_ms for alert in alerts]
    if max(farthest_ms, *leases_ms) > _FARTHEST_MS or any(NEVER_MS != ms < -_FARTHEST_MS for ms in leases_ms):
        raise ValueError("a time is beyond ±2^61 ms")
    batch["at_ms"] = times_ms
    batch["expires_at_ms"] = leases_ms
    batch["is_firing"] = [alert.status is Status.FIRING for alert in alerts]
    batch["rank"] = [alert.severity.rank for alert in alerts]
    batch["row"] = -1
    hear_resolved(batch, alerts, states)
    return batch


def hear_resolved(batch: Batch, alerts: Sequence[Alert], states: Container[str]) -> None:
    """Note which events are of sources that say when they end."""
    batch["says_resolved"] = [alert.is_state or alert.source in states for alert in alerts]
