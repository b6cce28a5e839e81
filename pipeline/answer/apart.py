"""Alerts that would read alike are told apart by as few of their labels as do it, the shortest values first."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from pipeline.answer.named import Named
from pipeline.core.shown import cut

LONGEST = 40  # characters of a value
_MOST_PAIRS = 100  # of labels that are tried; then one after the other is added


def told_apart(names: Mapping[str, Named]) -> dict[str, Named]:
    """The same by fingerprint; of those that read alike each with what tells it from the others."""
    alike = defaultdict[str, list[str]](list)
    for fingerprint, named in names.items():
        alike[str(named)].append(fingerprint)
    found = dict(names)
    for fingerprints in alike.values():
        if len(fingerprints) > 1:
            alerts = [names[one].labels for one in fingerprints]
            labels = distinguishing(alerts)
            for fingerprint, alert in zip(fingerprints, alerts, strict=True):
                apart = ", ".join(_said(alert, label) for label in labels)
                found[fingerprint] = names[fingerprint]._replace(apart=apart)
    return found


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
