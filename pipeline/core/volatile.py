"""A label is volatile if its value changes while the thing does not: it is proposed to be dropped, never dropped here.

Alerts that are equal but for one label are a family. What its values do in time tells several things from one:

    host=a  ━━━━━━━━━━━━━━        value=93  ━━━━━                  a value that is live beside another
    host=b      ━━━━━━━           value=95       ━━━━━━            speaks against dropping the label;
    host=c         ━━━━━━━━━      value=91             ━━━━        one that takes over speaks for it

A source that sends events and never says when they end shows no such thing. There, values that come back speak
against, and values that still are new after many for it: things come back, ids and measured values do not.

Everything is bounded, by event order, and what is forgotten can only delay a proposal.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import NamedTuple, TypeVar

from pipeline.core.mask import masked_identifier
from pipeline.core.template import WHICH_ONE
from schemas import Alert

HANDOVER_MS = 360_000  # at most between an end and a begin that are one: Alertmanager's group_interval and a minute
ENOUGH = 10  # take-overs that make a proposal
TOLERATED = 20  # take-overs for each value that spoke against
_ENOUGH_VALUES = 5  # what fails over between two is not volatile
_VALUES = 64  # that a family remembers
_SINGLES, _ENDED, _FAMILIES, _LABELS = 8192, 8192, 1024, 256  # that are remembered at least; at most twice as many
_LONGEST = 200  # characters of a value whose hash is worth remembering
_MASK = 0xFFFFFFFFFFFFFFFF
_TELLING = WHICH_ONE | {"alertname"}  # these tell things apart, whatever they do

_Key = TypeVar("_Key", int, str)
_Kept = TypeVar("_Kept")


class Proposal(NamedTuple):
    """A label that seems to be no part of what an alert is about, and why."""

    label: str
    evidence: str


@dataclass(slots=True)
class Family:
    """Alerts that are equal but for one label. A value is known by the fingerprint of its alert."""

    name: str
    values: list[str]  # the first that were seen
    latest: str  # the one that began last
    began_at_ms: int
    ended_at_ms: int | None  # the last end, when none was live any more
    live: int
    alerts: int = 1
    is_pending: bool = False  # one began while one other was live: the other's end will tell whether it took over


@dataclass(slots=True)
class Evidence:
    """What all families of one label have shown."""

    speaks_for: int = 0
    speaks_against: int = 0
    name: str = ""  # of the family with the most values
    values: int = 0
    alerts: int = 0


@dataclass(slots=True)
class VolatileState:
    """What the detector remembers."""

    singles: dict[int, str] = field(default_factory=dict)  # families of one value so far: its fingerprint
    families: dict[int, Family] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)  # when alerts ended that do not fire now
    labels: dict[str, Evidence] = field(default_factory=dict)


def observe(state: VolatileState, alert: Alert, is_firing: bool, at_ms: int, dropped: Collection[str]) -> None:
    """Take note that the alert began to fire, or that it ended; a duplicate tells nothing and need not be shown.

    `dropped` are the labels that are no part of its fingerprint. 9 µs for an alert with eight labels, two of them with
    new values; 7 if all were seen before.
    """
    parts = [
        (label, _part(label, value) if len(value) <= _LONGEST else _new_part(label, value))
        for label, value in alert.labels.items()
        if label not in dropped
    ]
    whole = sum([part for _, (part, _) in parts]) + _part("", alert.name)[0]
    families, singles = state.families, state.singles
    for label, (_, without) in parts:
        if label in _TELLING:
            continue
        key = (whole + without) & _MASK
        if key in families or (is_firing and key in singles):
            _learn(state, key, label, (alert, is_firing, at_ms))
        elif is_firing:
            _keep(singles, key, alert.fingerprint, _SINGLES)
    if is_firing:
        state.ended.pop(alert.fingerprint, None)
    else:
        _keep(state.ended, alert.fingerprint, at_ms, _ENDED)


def proposals(state: VolatileState) -> list[Proposal]:
    """The labels that should be dropped, the most telling first."""
    found = [
        (evidence, label)
        for label, evidence in state.labels.items()
        if evidence.speaks_for >= ENOUGH
        and evidence.speaks_for >= TOLERATED * evidence.speaks_against
        and evidence.values >= _ENOUGH_VALUES
    ]
    found.sort(key=lambda item: (-item[0].speaks_for, item[1]))
    return [Proposal(label, _sentence(label, evidence)) for evidence, label in found]


def policy_line(proposed: Sequence[Proposal], dropped: Collection[str]) -> str:
    """The line of the policy that drops what is proposed beside what is dropped already."""
    return f"drop_labels: [{', '.join([*dropped, *(proposal.label for proposal in proposed)])}]"


def _sentence(label: str, evidence: Evidence) -> str:
    many = f"{evidence.values}" if evidence.values < _VALUES else f"{_VALUES} or more"
    return f"label `{label}` took {many} values in {evidence.alerts} alerts of {evidence.name} that are otherwise equal"


def _learn(state: VolatileState, key: int, label: str, change: tuple[Alert, bool, int]) -> None:
    """Take note of a change in a family, or of its second value, which makes it one."""
    alert, is_firing, at_ms = change
    family = state.families.pop(key, None) or _second(state, key, alert)
    if family is None:
        return
    _keep(state.families, key, family, _FAMILIES)
    evidence = state.labels.get(label) or Evidence()
    if is_firing:
        _begin(family, alert, label, at_ms, evidence)
    else:
        _end(family, alert, at_ms, evidence)
    if len(family.values) >= evidence.values:
        evidence.name, evidence.values, evidence.alerts = alert.name, len(family.values), family.alerts
    _keep(state.labels, label, evidence, _LABELS)


def _second(state: VolatileState, key: int, alert: Alert) -> Family | None:
    first = state.singles[key]
    if first == alert.fingerprint:
        return None
    del state.singles[key]
    ended_at_ms = state.ended.get(first)
    return Family(alert.name, [first], first, 0, ended_at_ms, live=int(ended_at_ms is None))


def _begin(family: Family, alert: Alert, label: str, at_ms: int, evidence: Evidence) -> None:
    is_known = alert.fingerprint in family.values
    is_full = len(family.values) >= _VALUES
    if not alert.is_state:
        if is_known:
            evidence.speaks_against += 1
        elif is_full and masked_identifier(alert.labels[label]) == "*":
            evidence.speaks_for += 1
    elif family.live > 1:
        evidence.speaks_against += 1
    elif family.ended_at_ms is not None and family.latest != alert.fingerprint:
        evidence.speaks_for += at_ms - family.ended_at_ms <= HANDOVER_MS
    family.is_pending = family.live == 1
    if not is_known and not is_full:
        family.values.append(alert.fingerprint)
    family.latest, family.began_at_ms, family.ended_at_ms = alert.fingerprint, at_ms, None
    family.live += 1
    family.alerts += 1


def _end(family: Family, alert: Alert, at_ms: int, evidence: Evidence) -> None:
    if family.is_pending and alert.is_state:
        has_taken_over = family.latest != alert.fingerprint and at_ms - family.began_at_ms <= HANDOVER_MS
        evidence.speaks_for += has_taken_over
        evidence.speaks_against += not has_taken_over
    family.is_pending = False
    family.live = max(family.live - 1, 0)
    if family.live == 0:
        family.ended_at_ms = at_ms


def _keep(kept: dict[_Key, _Kept], key: _Key, value: _Kept, limit: int) -> None:
    """Remember; the oldest are forgotten many at once, since finding the oldest of a dict is slow."""
    kept[key] = value
    if len(kept) > 2 * limit:
        for oldest in list(islice(kept, limit)):
            del kept[oldest]


def _new_part(label: str, value: str) -> tuple[int, int]:
    """What a label adds to the hash of an alert, and what turns that into the key of the family without its value."""
    part = _hash(f"{label}\0{value}")
    return part, _hash(label) - part


def _hash(content: str) -> int:
    return int.from_bytes(hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


_part = lru_cache(maxsize=32_768)(_new_part)
