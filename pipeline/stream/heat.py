"""How much of a partition's work is one scope's: a scope is decided in one place, so a hot one is what limits it."""

from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter

from schemas import Decisions

RECENT = 20_000  # events after which what was counted counts half: about so many scopes are remembered at most
_scope = attrgetter("scope")


class Heat:
    """Counts the events of each scope of one partition; older ones fade."""

    def __init__(self) -> None:
        self._events: Counter[str] = Counter()
        self._total = 0

    def count(self, records: Iterable[Decisions]) -> None:
        """Some records were decided."""
        events = self._events
        for scope, some in groupby(records, _scope):
            count = sum([len(record.decisions) for record in some])
            events[scope] += count
            self._total += count
        while self._total >= RECENT:
            self._events = Counter({scope: events // 2 for scope, events in self._events.items() if events > 1})
            self._total = self._events.total()

    @property
    def hottest(self) -> tuple[str, float]:
        """The busiest scope and its share of the events; the first by name of several, and 0.0 while there are none."""
        if not self._total:
            return "", 0.0
        scope = min(self._events, key=lambda name: (-self._events[name], name))
        return scope, self._events[scope] / self._total
