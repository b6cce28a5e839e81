"""Templates that come together are a family: clusters of vectors, reduced from what begins together with what.

Measured on held-out networks and scenes (benchmarks/README.md): DBSCAN on co-occurrence says best which beginnings
belong to one incident; HDBSCAN and average linkage are close behind; the templates' words beside it make it worse.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.cluster import DBSCAN
from sklearn.decomposition import TruncatedSVD

from models.history import Ints, Numbers
from models.pairs import Pairs

NONE = -1
DIMENSIONS = 32
RADIUS = 0.5  # of unit vectors: a cosine of .875
LOUDEST = 5.0  # nats of lift: more is no stronger tie, only a rarer one
MOST_TEMPLATES = 10_000  # that are clustered, the most frequent: distances of all to all


def families_of(pairs: Pairs, onsets: Ints) -> Numbers:
    """The family of each template, numbered by their first members; NONE for those that come alone."""
    templates = len(onsets)
    family = np.full(templates, NONE, np.int32)
    often = np.sort(np.lexsort((np.arange(templates), -onsets))[:MOST_TEMPLATES])
    if len(often) > 2:
        found = DBSCAN(eps=RADIUS, min_samples=2).fit_predict(_vectors(pairs, templates)[often])
        family[often] = _by_first_member(found)
    return family


def _vectors(pairs: Pairs, templates: int) -> NDArray[np.float64]:
    """A unit vector a template: its rows of positive log lifts, each tied to itself, reduced."""
    tie = np.minimum(np.log(np.maximum(pairs.lift.astype(np.float64), 1.0)), LOUDEST)
    is_tie = (tie > 0) & (pairs.a != pairs.b)
    a, b, tie = pairs.a[is_tie], pairs.b[is_tie], tie[is_tie]
    own = np.arange(templates)
    rows, columns = np.concatenate([a, b, own]), np.concatenate([b, a, own])
    values = np.concatenate([tie, tie, np.full(templates, LOUDEST)])
    matrix = sparse.csr_array((values, (rows, columns)), shape=(templates, templates))
    reduced = TruncatedSVD(min(DIMENSIONS, templates - 1), random_state=0).fit_transform(matrix)
    reduced = np.round(reduced, 6)  # what differs with the number of threads
    found: NDArray[np.float64] = reduced / np.maximum(np.linalg.norm(reduced, axis=1, keepdims=True), 1e-9)
    return found


def _by_first_member(found: NDArray[np.signedinteger]) -> Numbers:
    is_in = found >= 0
    named, first = np.unique(found[is_in], return_index=True)
    rank = np.zeros(int(found.max(initial=-1)) + 1, np.int32)
    rank[named[np.argsort(first)]] = np.arange(len(named))
    return np.where(is_in, rank[np.maximum(found, 0)] if len(rank) else 0, NONE).astype(np.int32)
