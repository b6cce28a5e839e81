"""A tally says what many alerts have in common: how many, their most common names and labels, in bounded memory."""

from dataclasses import dataclass, field

from schemas import Alert

KEPT = 64  # keys that stay when a table has grown to twice as many
_LONGEST = 200  # characters of a key: longer values are never what alerts have in common
_NOT_WHERE = frozenset({"alertname", "severity"})  # labels that say what and how bad
_REMEMBERED = 2000  # alerts after which what was usual counts half
_ENOUGH = 50  # alerts that must be known before anything can be called usual


@dataclass(slots=True)
class Seen:
    """How often a key was counted: at least `count` times, at most `missed` times more."""

    count: int
    missed: int


@dataclass(slots=True)
class Common:
    """The most common keys of a stream.

    Space-Saving (Metwally et al., 2005), clearing half of the table at once so that a new key costs as little as a
    known one. A key that was never cleared away has `missed` 0: its count is exact.
    """

    seen: dict[str, Seen] = field(default_factory=dict)
    missed: int = 0  # how often a key that is not in `seen` may have been counted


@dataclass(slots=True)
class Tally:
    """What a number of alerts have in common."""

    alerts: int = 0
    names: Common = field(default_factory=Common)
    pairs: Common = field(default_factory=Common)  # `label=value`


def add(tally: Tally, alert: Alert) -> None:
    """Count one more alert."""
    tally.alerts += 1
    _count(tally.names, [alert.name[:_LONGEST]])
    _count(tally.pairs, _pairs(alert))


def merge(into: Tally, tally: Tally) -> None:
    """Add what `tally` counted; old alerts fade, since what is usual changes."""
    into.alerts += tally.alerts
    _merge(into.names, tally.names)
    _merge(into.pairs, tally.pairs)
    if into.alerts >= _REMEMBERED:
        into.alerts //= 2
        _halve(into.names)
        _halve(into.pairs)


def is_like(alert: Alert, tally: Tally, usual: Tally) -> bool:
    """Whether the alert is of the kind that `tally` counted: its name was, or it comes from where most came from.

    That is a label pair that at least half of them carry, and at least twice as large a part as of the alerts that
    come usually: otherwise `environment=prod` would make everything alike. While too little is known of what is
    usual, only names count: in doubt, an alert is unlike.
    """
    if alert.name[:_LONGEST] in tally.names.seen:
        return True
    return any(
        (seen := tally.pairs.seen.get(pair)) is not None
        and 2 * seen.count >= tally.alerts
        and _is_unusual(pair, seen.count, tally, usual)
        for pair in _pairs(alert)
    )


def said(tally: Tally, usual: Tally) -> str:
    """In words: `most often HighErrorRate (120) and PodNotReady (61); 200 of them cluster=eu-1`."""
    names = sorted(tally.names.seen.items(), key=lambda item: (-item[1].count, item[0]))[:2]
    text = f"all {names[0][0]}"
    if names[0][1].count < tally.alerts:
        text = "most often " + " and ".join(f"{name} ({seen.count})" for name, seen in names)
    most = [(pair, seen.count) for pair, seen in tally.pairs.seen.items() if 2 * seen.count >= tally.alerts]
    most.sort(key=lambda item: (not _is_unusual(item[0], item[1], tally, usual), -item[1], item[0]))
    where = [f"{'all' if count == tally.alerts else count} of them {pair}" for pair, count in most[:2]]
    return f"{text}; {', '.join(where)}" if where else text


def _is_unusual(pair: str, count: int, tally: Tally, usual: Tally) -> bool:
    if usual.alerts < _ENOUGH:
        return False
    before = usual.pairs.seen.get(pair)
    at_most = usual.pairs.missed if before is None else before.count + before.missed
    return 2 * at_most * tally.alerts <= count * usual.alerts


def _pairs(alert: Alert) -> list[str]:
    return [
        f"{label}={value}"
        for label, value in alert.labels.items()
        if label not in _NOT_WHERE and len(label) + len(value) < _LONGEST
    ]


def _count(common: Common, keys: list[str]) -> None:
    table = common.seen
    for key in keys:
        seen = table.get(key)
        if seen is not None:
            seen.count += 1
            continue
        table[key] = Seen(1, common.missed)
        if len(table) > 2 * KEPT:
            _clear(common)
            table = common.seen


def _clear(common: Common) -> None:
    ranked = sorted(common.seen.items(), key=lambda item: item[1].count + item[1].missed, reverse=True)
    first = ranked[KEPT][1]
    common.missed = max(common.missed, first.count + first.missed)
    common.seen = dict(ranked[:KEPT])


def _merge(into: Common, common: Common) -> None:
    if common.missed:
        for key, seen in into.seen.items():
            if key not in common.seen:
                seen.missed += common.missed
    for key, seen in common.seen.items():
        known = into.seen.get(key)
        if known is None:
            into.seen[key] = Seen(seen.count, seen.missed + into.missed)
        else:
            known.count += seen.count
            known.missed += seen.missed
    into.missed += common.missed
    if len(into.seen) > 2 * KEPT:
        _clear(into)


def _halve(common: Common) -> None:
    common.missed = (common.missed + 1) // 2
    for seen in common.seen.values():
        at_most = (seen.count + seen.missed + 1) // 2
        seen.count //= 2
        seen.missed = at_most - seen.count
