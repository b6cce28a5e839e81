"""Histories in words: at which second what begins, for tests of what is learned from them."""

from collections.abc import Iterable

import numpy as np

from models.history import History
from pipeline.core.clusters import key_of

Told = tuple[int, str, str]  # at which second, which template, on which thing


def history(*places: Iterable[Told], states: frozenset[str] = frozenset()) -> History:
    """Firings of one place each; `~disk` says that it resolves; templates in `states` tell when they end."""
    things: dict[tuple[int, str, str], int] = {}
    templates: dict[str, int] = {}
    at_ms, is_firing, thing = [], [], []
    for place, told in enumerate(places):
        for second, said, where in told:
            name = said.removeprefix("~")
            templates.setdefault(name, len(templates))
            at_ms.append(second * 1000)
            is_firing.append(name == said)
            thing.append(things.setdefault((place, name, where), len(things)))
    return History(
        np.array(at_ms, np.int64),
        np.array(is_firing, np.bool_),
        np.array(thing, np.int32),
        np.array([templates[name] for _, name, _ in things], np.int32),
        np.array([place for place, _, _ in things], np.int32),
        np.array([name in states for _, name, _ in things], np.bool_),
        np.array([key_of(name) for name in templates], np.uint64),
    )
