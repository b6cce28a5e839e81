"""Inhibition as Alertmanager means it: while a source alert fires, its targets with equal labels are not paged."""

from collections.abc import Mapping
from typing import NamedTuple

from pipeline.core.facets import facets
from pipeline.core.live import Live
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
        self._alive: dict[int, _Part] = {}  # by code; only those that a rule names
        self._resting: set[int] = set()  # of them, those that do not fire: they flap, and explain nothing meanwhile
        self._pure: dict[Key, int] = {}  # sources that are no targets
        self._both: dict[Key, int] = {}
        self._targets: dict[Key, dict[int, None]] = {}  # those that are alive

    def begin_of(self, live: Live) -> None:
        """An alert is alive now."""
        if self._rules:
            self.begin(live.code, facets(live.alert))

    def begin(self, code: int, labels: Mapping[str, str]) -> bool:
        """An alert with this code fires now. Whether that is new, and any rule names it."""
        part = self._alive.get(code)
        if part is not None and code not in self._resting:
            return False
        if part is None:
            part = self._part(labels)
            if not any(part):
                return False
            self._alive[code] = part
            for key in (*part.targets, *part.both):
                self._targets.setdefault(key, {})[code] = None
        self._resting.discard(code)
        for key in part.sources:
            self._pure[key] = self._pure.get(key, 0) + 1
        for key in part.both:
            self._both[key] = self._both.get(key, 0) + 1
        return True

    def rest(self, code: int) -> list[int]:
        """It does not fire, but flaps: it may be inhibited still, and inhibits nothing. As `end`, who may page now."""
        part = self._alive.get(code)
        if part is None or code in self._resting:
            return []
        self._resting.add(code)
        return self._free(part)

    def end(self, code: int) -> list[int]:
        """It is not alive any more. The alerts that may page now because of that, in no order."""
        part = self._alive.pop(code, None)
        if part is None:
            return []
        for key in (*part.targets, *part.both):
            del self._targets[key][code]
            if not self._targets[key]:
                del self._targets[key]
        if code in self._resting:
            self._resting.remove(code)
            return []
        return self._free(part)

    def _free(self, part: _Part) -> list[int]:
        freed: dict[int, None] = {}
        for counts, keys in ((self._pure, part.sources), (self._both, part.both)):
            for key in keys:
                counts[key] -= 1
                if not counts[key]:
                    del counts[key]
                    freed |= self._targets.get(key, {})
        return list(freed)

    def inhibits(self, code: int) -> bool:
        """Whether an alert that is alive is inhibited."""
        part = self._alive.get(code)
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
