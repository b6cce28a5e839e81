"""Training: a history in, a model and what it rests on out; the same history gives the same model."""

from typing import NamedTuple

import numpy as np

from models.families import families_of
from models.history import History, onsets_of, spans_ms
from models.model import Arrays, Model
from models.pairs import pairs_of
from models.rhythm import rhythm_of

MOST_TEMPLATES = 50_000  # the most frequent; what is rarer pairs by chance


class Figures(NamedTuple):
    """What a model rests on."""

    events: int
    things: int
    onsets: int
    places: int
    templates: int
    pairs: int
    together: int  # pairs that came together at least twice, and at least twice as often as by chance
    directed: int  # of those, the ones that have an order
    families: int
    in_families: int  # templates


class Trained(NamedTuple):
    """A model and its figures."""

    model: Model
    figures: Figures


def train(history: History) -> Trained:
    """Learn from `history`. Templates that never begin, and the rarest beyond MOST_TEMPLATES, are not in the model."""
    history = _frequent(history)
    onsets = onsets_of(history)
    templates = len(history.keys)
    is_state = np.zeros(templates, np.bool_)
    is_state[history.template[history.is_state]] = True
    pairs = pairs_of(onsets, is_state, spans_ms(history))
    rhythm = rhythm_of(onsets, templates)
    family = families_of(pairs, rhythm.onsets)
    arrays = Arrays(
        history.keys,
        family,
        rhythm.onsets,
        rhythm.gap_ms,
        pairs.a,
        pairs.b,
        pairs.lift,
        pairs.leads,
        pairs.together,
    )
    is_tie = (pairs.together >= 2) & (pairs.lift >= 2)
    figures = Figures(
        events=len(history.at_ms),
        things=len(history.template),
        onsets=len(onsets.at_ms),
        places=int(history.place.max(initial=-1)) + 1,
        templates=templates,
        pairs=len(pairs.a),
        together=int(is_tie.sum()),
        directed=int((is_tie & (np.abs(pairs.leads) >= 0.5)).sum()),
        families=int(family.max(initial=-1)) + 1,
        in_families=int((family >= 0).sum()),
    )
    return Trained(Model(arrays), figures)


def _frequent(history: History) -> History:
    """Only templates that begin, at most MOST_TEMPLATES, numbered in the order of their hashes."""
    often = np.bincount(onsets_of(history).template, minlength=len(history.keys))
    kept = np.lexsort((history.keys, -often))[:MOST_TEMPLATES]
    kept = kept[often[kept] > 0]
    kept = kept[np.argsort(history.keys[kept])]
    number = np.full(len(history.keys), -1, np.int32)
    number[kept] = np.arange(len(kept))
    is_thing = number[history.template] >= 0
    thing = (np.cumsum(is_thing) - 1).astype(np.int32)
    is_event = is_thing[history.thing]
    return History(
        history.at_ms[is_event],
        history.is_firing[is_event],
        thing[history.thing[is_event]],
        number[history.template[is_thing]],
        history.place[is_thing],
        history.is_state[is_thing],
        history.keys[kept],
    )
