"""What one event means for the alert it is about: new, duplicate, re-fired, resolved. Grouping is not its business."""

from collections.abc import Sequence
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from pipeline.core.live import Live
from pipeline.core.policy import Rule
from schemas import Alert, Status


class Change(Enum):
    """How an event changes what we know of its alert."""

    NEW = auto()
    REOPENED = auto()
    REFIRED = auto()
    DUPLICATE = auto()
    RESOLVED = auto()
    ALREADY_RESOLVED = auto()
    NEVER_FIRED = auto()


_NEW, _FIRING = Change.NEW, Status.FIRING
# What may have taken an alert of events to another incident.
SEEKING = frozenset({Change.DUPLICATE, Change.REFIRED, Change.REOPENED})


def change_of(alert: Alert, live: Live | None) -> Change:
    """Compare the event with what is known. An alert whose incident is forgotten counts as new."""
    if alert.status is _FIRING:
        if live is None:
            return _NEW
        if live.is_firing:
            return Change.DUPLICATE
        return Change.ALREADY_RESOLVED if _was_over_since(alert, live) else _fires_again(live)
    if live is None:
        return Change.NEVER_FIRED
    if not live.is_firing or _is_of_earlier_firing(alert, live):
        return Change.ALREADY_RESOLVED
    return Change.RESOLVED


def over_ms(expires_at_ms: int | None, times_ms: tuple[int, int], waits_ms: Sequence[int]) -> int:
    """When a firing alert is over if nothing more is heard of it: at the end of its lease, else when it was waited for.

    A lease ends when it says, but never at once: it may be of a record that came late. One that was over when its
    record reached us is of a clock behind ours, and says nothing: it is waited for as what never says resolved is.
    `times_ms`: (when the record reached us, now). `waits_ms`: (how long such are waited for, and this without a lease).
    """
    at_ms, now_ms = times_ms
    if expires_at_ms is None:
        return now_ms + waits_ms[1]
    return now_ms + waits_ms[0] if expires_at_ms <= at_ms else max(expires_at_ms, now_ms + 1)


def wait_ms(rule: Rule, *, says_resolved: bool) -> int:
    """How long an alert without a lease is waited for.

    A source that says resolved is waited for long; one that never did sends events, and an event is over soon, but not
    before the time for which its page is held.
    """
    return rule.expire_after_ms if says_resolved else max(rule.event_window_ms, rule.hold_ms + 1)


def waits_ms(rules: Sequence[Rule]) -> NDArray[np.int64]:
    """`wait_ms` of each rule: the first column where the source never says resolved, the second where it does."""
    waits = [(wait_ms(rule, says_resolved=False), wait_ms(rule, says_resolved=True)) for rule in rules]
    return np.array(waits, np.int64)


def _fires_again(live: Live) -> Change:
    if live.incident.is_forgotten:
        return Change.NEW
    return Change.REFIRED if live.incident.resolved_at_ms is None else Change.REOPENED


def _was_over_since(alert: Alert, live: Live) -> bool:
    """Whether an alert that is over has been heard of since, and this firing began before that end: it came late.

    Its end was told already and may never be again, so whoever would be paged now would wait for it.
    """
    return alert.at_ms < live.last_at_ms and alert.starts_at_ms <= live.fired_at_ms


def _is_of_earlier_firing(alert: Alert, live: Live) -> bool:
    """Whether a resolve ends an earlier firing than the open one: the slower twin of a pair, or a late message.

    One that does not say when that ended is of an earlier one if it is older than what we heard of the open one.
    """
    if alert.ends_at_ms is not None:
        return alert.ends_at_ms < live.starts_at_ms
    return alert.starts_at_ms < live.starts_at_ms and alert.at_ms < live.fired_at_ms
