"""What a scope is used to: habits by key, in bounded memory. What was not seen for longest is forgotten: it is loud."""

import numpy as np

from pipeline.core.actionability import surprise
from pipeline.core.actionability.habit import FOUND, HABIT, Habits
from pipeline.core.jit import warm_up

_FIRST_SLOTS = 16
MOST_SLOTS = 1 << 18  # half of them are used: of 131,072 templates, alerts and places, 25 MB
_ROOM = 4  # keys that one alert may bring


class Usual:
    """Counts how alerts begin and end. A key is 64 bits of hash; those of a kind are told apart by their callers."""

    def __init__(self, habits: Habits | None = None) -> None:
        warm_up()
        self._used = 0 if habits is None else len(habits)
        self._slots = np.zeros(_slots_for(self._used), HABIT)
        if habits is not None:
            surprise.move(self._slots, habits.copy())
        self._found = np.zeros(len(FOUND))

    def __len__(self) -> int:
        return self._used

    def begin(self, template: int, alert: int, place: int, at_ms: int, claimed: float = 0.0) -> list[float]:
        """An alert begins to fire. What is found out of it, in the order of `FOUND`; `place` is 0 where it has none.

        `claimed` is what else speaks for it, in log-odds.
        """
        if 2 * (self._used + _ROOM) > len(self._slots):
            self._make_room()
        self._used += surprise.begin(self._slots, template, alert, place, at_ms, claimed, self._found)
        found: list[float] = self._found.tolist()
        return found

    def recurs(self, alert: int, at_ms: int, most_ms: int) -> bool:
        """Whether an alert keeps coming back: three times or more, as a rule within `most_ms`, and so of late."""
        return bool(surprise.recurs(self._slots, alert, at_ms, most_ms))

    def page(self, alert: int) -> None:
        """A page told of an alert first."""
        surprise.page(self._slots, alert)

    def end(self, alert: int, after_ms: int) -> int:
        """An alert says that it is over, so long after it began. The key of its template; 0: it is not known."""
        return int(surprise.end(self._slots, alert, after_ms))

    def habits(self) -> Habits:
        """All that is known, in the order of keys."""
        known = self._slots[self._slots["key"] != 0]
        in_order: Habits = known[np.argsort(known["key"])]
        return in_order

    def _make_room(self) -> None:
        kept = self._slots  # in any order, with what is free: to sort them takes longer than to move them
        if len(self._slots) >= MOST_SLOTS:
            kept = self.habits()
            by_age = np.lexsort((kept["key"], kept["last_at_ms"], kept["key"] == int(surprise.SCOPE)))
            kept = kept[np.sort(by_age[len(kept) // 2 :])]
            self._used = len(kept)
        self._slots = np.zeros(_slots_for(self._used), HABIT)
        surprise.move(self._slots, kept)


def _slots_for(habits: int) -> int:
    slots = _FIRST_SLOTS
    while slots < 2 * (habits + _ROOM):
        slots *= 2
    return slots
