"""How often each template begins, and how long usually passes between two beginnings."""

from typing import NamedTuple

import numpy as np

from models.history import Ints, Onsets

FEWEST_GAPS = 3  # fewer say nothing of what is usual
NEVER_MS = 0  # the gap of a template that began too rarely


class Rhythm(NamedTuple):
    """Of each template: beginnings of its things, and the median time between those of one place, or NEVER_MS."""

    onsets: Ints
    gap_ms: Ints


def rhythm_of(onsets: Onsets, templates: int) -> Rhythm:
    """The lower median, so that it is a gap that was seen; moments at which several things begin count once."""
    order = np.lexsort((onsets.at_ms, onsets.place, onsets.template))
    at_ms, template, place = onsets.at_ms[order], onsets.template[order], onsets.place[order]
    later_ms = np.diff(at_ms)
    is_gap = (np.diff(template) == 0) & (np.diff(place) == 0) & (later_ms > 0)
    later_ms, template = later_ms[is_gap], template[1:][is_gap]
    order = np.lexsort((later_ms, template))
    later_ms, template = later_ms[order], template[order]
    named, start, size = np.unique(template, return_index=True, return_counts=True)
    gap_ms = np.full(templates, NEVER_MS, np.int64)
    enough = size >= FEWEST_GAPS
    gap_ms[named[enough]] = later_ms[(start + (size - 1) // 2)[enough]]
    return Rhythm(np.bincount(onsets.template, minlength=templates).astype(np.int64), gap_ms)
