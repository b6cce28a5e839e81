"""Inhibition as Alertmanager means it: while a source alert fires, its targets with equal labels are not paged."""

from collections.abc import Mapping
from typing import NamedTuple

from pipeline.core.matcher import all_match
from pipeline.core.policy import Inhibition

Key = tuple[int, tuple[str, ...]]  # which rule, and the values of its equal labels


class _Part(NamedTuple):
    """What one alert is to the rules: the keys it is a source of, a target of, or both."""

    sources: tuple[Key, ...]
    targets: tuple[Key, ...]
    both: tuple[Key, ...]


class Inhibitor:
    """Who inhibits whom in one scope, kept up to date as alerts come and go. Derived: a snapshot need not hold it.

    An alert that is both a source and a target of a rule is inhibited only by alerts that are not
    (prometheus/alertmanager, inhibit/inhibit.go: "an alert cannot inhibit itself").
    """

    def __init__(self, rules: tuple[Inhibition, ...]) -> None:
        self._rules = rules
        self._alive: dict[str, _Part] = {}
        self._pure: dict[Key, int] = {}  # sources that are no targets
        self._both: dict[Key, int] = {}
        self._targets: dict[Key, dict[str, None]] = {}  # those that are alive

    def begin(self, fingerprint: str, labels: Mapping[str, str]) -> None:
        """An alert is alive now."""
        if not self._rules or fingerprint in self._alive:
            return
        part = self._part(labels)
        self._alive[fingerprint] = part
        for key in part.sources:
            self._pure[key] = self._pure.get(key, 0) + 1
        for key in part.both:
            self._both[key] = self._both.get(key, 0) + 1
        for key in (*part.targets, *part.both):
            self._targets.setdefault(key, {})[fingerprint] = None

    def end(self, fingerprint: str) -> list[str]:
        """It is not alive any more. The alerts that may page now because of that, in no order."""
        part = self._alive.pop(fingerprint, None)
        if part is None:
            return []
        for key in (*part.targets, *part.both):
            del self._targets[key][fingerprint]
            if not self._targets[key]:
                del self._targets[key]
        freed: dict[str, None] = {}
        for counts, keys in ((self._pure, part.sources), (self._both, part.both)):
            for key in keys:
                counts[key] -= 1
                if not counts[key]:
                    del counts[key]
                    freed |= self._targets.get(key, {})
        return list(freed)

    def inhibits(self, fingerprint: str) -> bool:
        """Whether an alert that is alive is inhibited."""
        part = self._alive.get(fingerprint)
        if part is None:
            return False
        return any(key in self._pure or key in self._both for key in part.targets) or any(
            key in self._pure for key in part.both
        )

    def _part(self, labels: Mapping[str, str]) -> _Part:
        sources, targets, both = [], [], []
        for index, rule in enumerate(self._rules):
            is_source, is_target = all_match(rule.source, labels), all_match(rule.target, labels)
            key = (index, tuple(labels.get(label, "") for label in rule.equal))
            if is_source and is_target:
                both.append(key)
            elif is_source:
                sources.append(key)
            elif is_target:
                targets.append(key)
        return _Part(tuple(sources), tuple(targets), tuple(both))
