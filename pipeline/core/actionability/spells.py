"""How long alerts of a scope fired before, in bounded memory. What has not ended for longest is forgotten: no hold."""

from typing import NamedTuple

import numpy as np

from pipeline.core.actionability import spell
from pipeline.core.actionability.spell import DAY_MINUTES, HELD, MOST_STEPS, SPELLS, Known
from pipeline.core.actionability.tuning import STEP_MS
from pipeline.core.jit import warm_up

_FIRST_SLOTS = 8
MOST_SLOTS = 1 << 17  # half of them are used: of 65,536 alerts and templates, 16 MB
_ROOM = 2  # keys that one end may bring
_SMALLEST_KEY = 2  # 0 is a free slot
_KEYS = (1 << 64) - 1


class Waits(NamedTuple):
    """For how long a page may wait, and why."""

    for_ms: int
    gone: float  # the share of its like that is over by then
    ended: int  # how often the alert itself was over before
    template_ended: int  # and alerts of its template


class Spells:
    """Counts for how long alerts fire. A key is 64 bits of hash; those of a kind are told apart by their callers."""

    def __init__(self, known: Known | None = None) -> None:
        warm_up()
        self._used = 0 if known is None else len(known)
        self._slots = np.zeros(_slots_for(self._used), SPELLS)
        if known is not None:
            spell.move(self._slots, known.copy())
        self._held = np.zeros(len(HELD))

    def __len__(self) -> int:
        return self._used

    def choose(self, template: int, alert: int, at_ms: int, most_ms: int, patience_ms: int) -> Waits:
        """How long the page of an alert that begins to fire waits, at most `most_ms`. Changes nothing."""
        minute, most_steps = at_ms // 60_000 % DAY_MINUTES, min(most_ms // STEP_MS, MOST_STEPS)
        spell.choose(self._slots, _key(template), _key(alert), minute, most_steps, patience_ms / 1000.0, self._held)
        steps, gone, ended, template_ended = self._held.tolist()
        return Waits(int(steps) * STEP_MS, gone, int(ended), int(template_ended))

    def hours(self, key: int, at_ms: int) -> tuple[int, int]:
        """How many spells of an alert or a template are known, and how many of them began about this time of day."""
        if not self._used:
            return 0, 0
        kept, about = divmod(int(spell.hours(self._slots, _key(key), at_ms // 60_000 % DAY_MINUTES)), 64)
        return kept, about

    def end(self, template: int, alert: int, began_ms: int, after_ms: int) -> None:
        """An alert says that it is over, so long after it began."""
        if 2 * (self._used + _ROOM) > len(self._slots):
            self._make_room()
        self._used += int(spell.learn(self._slots, _key(template), _key(alert), began_ms, after_ms))

    def known(self) -> Known:
        """All that is known, in the order of keys."""
        known = self._slots[self._slots["key"] != 0]
        in_order: Known = known[np.argsort(known["key"])]
        return in_order

    def _make_room(self) -> None:
        kept = self._slots  # as `Usual` does
        if len(self._slots) >= MOST_SLOTS:
            kept = self.known()
            by_age = np.lexsort((kept["key"], kept["last_at_ms"]))
            kept = kept[np.sort(by_age[len(kept) // 2 :])]
            self._used = len(kept)
        self._slots = np.zeros(_slots_for(self._used), SPELLS)
        spell.move(self._slots, kept)


def _slots_for(known: int) -> int:
    slots = _FIRST_SLOTS
    while slots < 2 * (known + _ROOM):
        slots *= 2
    return slots


def _key(code: int) -> int:
    return max(code & _KEYS, _SMALLEST_KEY)
