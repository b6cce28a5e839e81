"""The alerts of an incident begin in bursts: a single one long before most others is hardly their cause.

A burst lasts until nothing has begun for three minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

CALM_MS = 180_000
MOST = 16  # in an incident; what comes later counts into the last


@dataclass(slots=True)
class Burst:
    """Alerts that began one soon after the other."""

    first_ms: int
    last_ms: int
    alerts: int = 1


def burst_of(bursts: Sequence[Burst], began_ms: int) -> int:
    """Which of these, in order of time, is that of an alert that began then; their number: a new one."""
    last = len(bursts) - 1
    if last >= 0 and began_ms >= bursts[last].first_ms - CALM_MS:  # almost always
        return last + 1 if last + 1 < MOST and began_ms > bursts[last].last_ms + CALM_MS else last
    for nth in range(last - 1, -1, -1):
        if began_ms >= bursts[nth].first_ms - CALM_MS:
            return nth
    return 0


def join(bursts: list[Burst], began_ms: int) -> int:
    """One more alert began then. Which of the bursts is its own."""
    nth = burst_of(bursts, began_ms)
    if nth == len(bursts):
        bursts.append(Burst(began_ms, began_ms))
        return nth
    burst = bursts[nth]
    burst.alerts += 1
    if began_ms < burst.first_ms:
        burst.first_ms = began_ms
    elif began_ms > burst.last_ms:
        burst.last_ms = began_ms
    return nth


def merge(*several: Sequence[Burst]) -> tuple[list[Burst], list[list[int]]]:
    """The bursts of all together, and for each of the `several` which of them its own are now."""
    found: list[Burst] = []
    places = [[0] * len(bursts) for bursts in several]
    each = [(one.first_ms, whose, nth, one) for whose, bursts in enumerate(several) for nth, one in enumerate(bursts)]
    for _, whose, nth, one in sorted(each, key=lambda entry: entry[:3]):
        if found and (one.first_ms <= found[-1].last_ms + CALM_MS or len(found) == MOST):
            found[-1].last_ms = max(found[-1].last_ms, one.last_ms)
            found[-1].alerts += one.alerts
        else:
            found.append(replace(one))
        places[whose][nth] = len(found) - 1
    return found, places
