"""Examples are beginnings of alerts with what people said of them: what is known before, and whether to act."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.history import Flags, Ints, Keys

Reals = NDArray[np.float64]


class Examples(NamedTuple):
    """Columns of one length; row n speaks of one beginning."""

    features: Reals  # one row each; the first column is the prior's log-odds
    template: Keys
    at_ms: Ints
    is_true: Flags  # whether a person had to act
    weight: Reals  # how far that is believed: 1 where a person said so
    incident: Ints  # which incident it was in

    def of(self, rows: Flags | Ints) -> "Examples":
        """Some of them."""
        features, template, at_ms, is_true, weight, incident = self
        return Examples(features[rows], template[rows], at_ms[rows], is_true[rows], weight[rows], incident[rows])


def by_time(examples: Examples, share: float) -> tuple[Examples, Examples]:
    """The earlier `share` of them, and the rest. An incident belongs where it began, so that none tells of itself."""
    order = np.argsort(examples.at_ms, kind="stable")
    _, first, of = np.unique(examples.incident[order], return_index=True, return_inverse=True)
    is_early = np.zeros(len(order), np.bool_)
    is_early[order] = first[of] < round(share * len(order))
    return examples.of(is_early), examples.of(~is_early)
