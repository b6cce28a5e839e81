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
        return Examples(*(column[rows] for column in self))


def by_time(examples: Examples, share: float) -> tuple[Examples, Examples]:
    """The earlier `share` of them, and the rest; no incident stands on both sides, so that none tells of itself."""
    order = np.argsort(examples.at_ms, kind="stable")
    early = np.zeros(len(order), np.bool_)
    early[order[: round(share * len(order))]] = True
    first = {one: nth for nth, one in reversed(list(enumerate(examples.incident[order].tolist())))}
    most = round(share * len(order))
    began_early = np.array([first[one] < most for one in examples.incident.tolist()], np.bool_)
    return examples.of(began_early), examples.of(~began_early & ~early)
