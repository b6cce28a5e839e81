"""A history is recorded events as columns: all that training sees of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Flags = NDArray[np.bool_]
Keys = NDArray[np.uint64]
Floats = NDArray[np.float32]


class History(NamedTuple):
    """Events, what they are about, and the templates of that; numbers are places in the columns below.

    A *thing* is one fingerprint in one place; a *place* is one scope in one file, with a time line of its own, so that
    recordings of different systems may be learned from together. Events of a place stand in the order of the file.
    """

    at_ms: Ints  # of each event
    is_firing: Flags
    thing: Numbers
    template: Numbers  # of each thing
    place: Numbers
    is_state: Flags  # its source tells when it ends
    keys: Keys  # of each template, the 64-bit hash of its text


class Onsets(NamedTuple):
    """Beginnings of firings, by place and then by time; several of one moment in the order of the file."""

    at_ms: Ints
    template: Numbers
    place: Numbers
    thing: Numbers
    event: Ints  # which event of the history it is


SESSION_MS = 300_000  # a source that never says resolved: silence of so long ends a firing
LOST_MS = 86_400_000  # one that does: it is over without word after so long


def onsets_of(history: History) -> Onsets:
    """The event that begins each firing: repeats, resolves and floods are no beginnings."""
    # Stable, so that the events of a thing stay in the order of time; of one moment, in the order of the file.
    order = np.lexsort((history.at_ms, history.thing))
    at_ms, thing, is_firing = history.at_ms[order], history.thing[order], history.is_firing[order]
    begins = np.ones(len(order), np.bool_)
    if len(order):
        lasts_ms = np.where(history.is_state[thing[1:]], LOST_MS, SESSION_MS)
        is_same = thing[1:] == thing[:-1]
        begins[1:] = ~is_same | ~is_firing[:-1] | (np.diff(at_ms) > lasts_ms)
    first = order[begins & is_firing]
    thing = history.thing[first]
    place = history.place[thing]
    first = first[np.lexsort((first, history.at_ms[first], place))]
    thing = history.thing[first]
    return Onsets(history.at_ms[first], history.template[thing], history.place[thing], thing, first)


def spans_ms(history: History) -> Ints:
    """How long each place was watched: from its first event to its last."""
    places = int(history.place.max(initial=-1)) + 1
    place = history.place[history.thing]
    first, last = np.full(places, np.iinfo(np.int64).max), np.full(places, np.iinfo(np.int64).min)
    np.minimum.at(first, place, history.at_ms)
    np.maximum.at(last, place, history.at_ms)
    found: Ints = np.maximum(last - first, 0)
    return found
