"""The events of some records of one scope as a batch for a scan."""

from collections.abc import Container, Sequence
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np

from pipeline.core.columns import NEVER_MS, Batch, new_batch
from pipeline.core.fingerprint import codes_of
from schemas import Status

_FARTHEST_MS = 1 << 61  # either way: sums of two such times do not overflow
_FIRING = Status.FIRING
_seen = itemgetter("fingerprint", "at_ms", "expires_at_ms", "status", "severity")
_rank = attrgetter("rank")
_is_state = itemgetter("is_state")


def batch_of(alerts: Sequence[dict[str, Any]], salt: int, states: Container[str]) -> Batch:
    """A batch of alerts, of which the fields are given.

    Raises ValueError if a fingerprint is none, or a time is none that a calendar has.
    """
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
    batch["is_firing"] = statuses.count(_FIRING) == len(alerts) or [status is _FIRING for status in statuses]
    batch["rank"] = list(map(_rank, severities))
    batch["row"] = -1
    hear_resolved(batch, alerts, states)
    return batch


def near(at_ms: int) -> int:
    """The same time. Raises ValueError if it is none that can be reckoned with."""
    if not -_FARTHEST_MS <= at_ms <= _FARTHEST_MS:
        raise ValueError("a time is beyond ±2^61 ms")
    return at_ms


def hear_resolved(batch: Batch, alerts: Sequence[dict[str, Any]], states: Container[str]) -> None:
    """Note which events are of sources that say when they end."""
    batch["says_resolved"] = all(map(_is_state, alerts)) or [
        alert["is_state"] or alert["source"] in states for alert in alerts
    ]
