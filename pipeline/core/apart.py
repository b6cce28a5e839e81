"""Alerts that would read alike are told apart by as few of their labels as do it, the shortest values first."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from pipeline.core.shown import cut

LONGEST = 40  # characters of a value
_MOST_PAIRS = 100  # of labels that are tried; then one after the other is added


def apart(alerts: Sequence[Mapping[str, str]]) -> list[str]:
    """What tells each of these, given by their labels, from the others: `device=sda1`; empty where nothing does."""
    labels = distinguishing(alerts)
    return [", ".join([_said(alert, label) for label in labels]) for alert in alerts]


def distinguishing(alerts: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """The labels that tell these apart, as far as any do; none where nothing does."""
    every = sorted({label for alert in alerts for label in alert})
    differing = [label for label in every if _kinds(alerts, (label,)) > 1]
    most = _kinds(alerts, differing)
    for labels in _few(differing, alerts):
        if _kinds(alerts, labels) == most:
            return labels
    chosen: tuple[str, ...] = ()
    while _kinds(alerts, chosen) < most:
        left = [label for label in differing if label not in chosen]
        chosen += (max(left, key=lambda label: _kinds(alerts, (*chosen, label))),)
    return chosen


def _few(differing: Sequence[str], alerts: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, ...]]:
    """One label, then two, the shortest to read first."""

    def length(labels: tuple[str, ...]) -> int:
        return sum(len(_value(alert, label)) for alert in alerts for label in labels)

    yield ()
    yield from sorted(combinations(differing, 1), key=length)
    pairs = list(combinations(differing, 2))
    if len(pairs) <= _MOST_PAIRS:
        yield from sorted(pairs, key=length)


def _kinds(alerts: Sequence[Mapping[str, str]], labels: Sequence[str]) -> int:
    """As how many different alerts they read with these labels."""
    return len({tuple(_said(alert, label) for label in labels) for alert in alerts})


def _value(alert: Mapping[str, str], label: str) -> str:
    return cut(alert.get(label, ""), LONGEST)


def _said(alert: Mapping[str, str], label: str) -> str:
    value = _value(alert, label)
    return f"{label}={value}" if value else f"no {label}"
