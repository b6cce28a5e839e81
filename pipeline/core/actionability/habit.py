"""How what is known of one template, alert, place or scope lies in memory: a record of numbers, found by its key."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

HABIT = np.dtype(
    [
        ("key", np.uint64),  # 0: free
        ("template", np.uint64),  # of an alert: the key of its template
        ("first_at_ms", np.int64),
        ("last_at_ms", np.int64),
        ("paged", np.float64),  # of a template: how often a page told of it first
        ("begun", np.float64),  # how often it began to fire, fading
        ("gaps", np.float64),  # how many gaps between two beginnings the next two are of
        ("gap", np.float64),  # the mean of their logarithms (of seconds)
        ("spread", np.float64),  # and its variance
        ("ended", np.float64),  # how often it said that it is over, fading with each end
        ("short", np.float64),  # and how often of these it was over soon
        ("glow", np.float64),  # of a place or scope: surprise in the air, fading; of an alert: its own at its place
        ("wide", np.float64),  # of an alert: its own in its scope
        ("glow_at_ms", np.int64),  # as of when
    ],
    align=True,
)
# What a kernel finds out about an alert that begins to fire, in a flat array of floats.
FOUND = (
    "template",  # terms: surprises in log-odds, each times its weight
    "alert",
    "place",
    "scope",
    "rhythm",
    "self_resolved",
    "probability",  # of their sum and what was claimed
    "template_begun",  # what they were found from
    "alert_begun",
    "watched_ms",
    "ended",
    "short",
    "template_paged",
)


Habits = NDArray[Any]
