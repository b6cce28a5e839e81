"""Methods that compare what alerts say: clustering of everything at once, and a graph of what is alike and near."""

import math
import re
from collections import Counter

import numpy as np
import numpy.typing as npt
from sklearn.cluster import DBSCAN
from sklearn.decomposition import TruncatedSVD

from benchmarks.quality.score import sessions
from benchmarks.quality.stream import Condition, Floats, Ints, Stream

RUN_S = 10  # one alert without such a gap is one point, however often it came; also what counts as near
ALIKE = 0.5  # of the weight of all words of two alerts, what they share, to be neighbours in the graph
RADIUS = 0.9  # of DBSCAN: a cosine of .6 at the same time, or 10 s apart if alike
DIMENSIONS = 24
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def by_dbscan(stream: Stream) -> Ints:
    """DBSCAN on TF-IDF and time. Batch: it sees the future, and all words of it."""
    run, first = _runs(stream)
    vectors = _weighted(stream.conditions)
    width = min(DIMENSIONS, *(size - 1 for size in vectors.shape))
    if width >= 2:
        vectors = TruncatedSVD(width, random_state=0).fit_transform(vectors)
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    time = stream.came_s[first] * (RADIUS / RUN_S)
    points = np.column_stack([vectors[stream.condition[first]], time - time.min()])
    cluster = DBSCAN(eps=RADIUS, min_samples=2, algorithm="ball_tree").fit_predict(points).astype(np.int64)
    alone = cluster < 0
    cluster[alone] = cluster.max() + 1 + np.arange(alone.sum())
    found: Ints = cluster[run]
    return found


def by_graph(stream: Stream) -> Ints:
    """Online: an alert joins all that were there within 10 s and share half of its words, weighted by rarity."""
    run, first = _runs(stream)
    ends_s = np.zeros(len(first))
    np.maximum.at(ends_s, run, stream.came_s)
    weights = _weighted(stream.conditions)
    shares = _Shares(weights)
    group = np.arange(len(first))
    near = np.zeros(0, dtype=np.int64)
    for one in np.argsort(stream.came_s[first], kind="stable"):
        near = near[ends_s[near] + RUN_S >= stream.came_s[first[one]]]
        if len(near):
            alike = near[shares.of(stream.condition[first[one]], stream.condition[first[near]]) >= ALIKE]
            for other in alike:
                _join(group, int(one), int(other))
        near = np.append(near, one)
    return np.array([_root(group, one) for one in range(len(group))], dtype=np.int64)[run]


def _runs(stream: Stream) -> tuple[Ints, Ints]:
    """The run of each event, and the first event of each run."""
    run = sessions(stream.condition, stream.came_s, RUN_S)
    return run, np.unique(run, return_index=True)[1]


def _weighted(conditions: list[Condition]) -> Floats:
    """A row a condition, a column a word of its name or a pair of its labels, weighted by how rare that is."""
    said = [
        {word.lower() for word in WORD.findall(one.name)} | {f"{name}={value}" for name, value in one.labels}
        for one in conditions
    ]
    often = Counter(word for words in said for word in words)
    column = {word: number for number, word in enumerate(sorted(often))}
    found = np.zeros((len(conditions), len(column)))
    for row, words in enumerate(said):
        for word in words:
            found[row, column[word]] = math.log((1 + len(conditions)) / often[word])
    return found


class _Shares:
    """The weighted Jaccard similarity of conditions; a row is worked out once."""

    def __init__(self, weights: Floats) -> None:
        self._weights, self._total = weights, weights.sum(axis=1)
        self._has = (weights > 0).astype(np.float64)
        self._rows: dict[int, Floats] = {}

    def of(self, one: int, others: Ints) -> Floats:
        """Between one condition and others."""
        row = self._rows.get(one)
        if row is None:
            both = self._has @ self._weights[one]
            row = self._rows[one] = both / (self._total + self._total[one] - both)
        return row[others]


def _root(group: npt.NDArray[np.int64], one: int) -> int:
    while group[one] != one:
        group[one] = group[group[one]]
        one = int(group[one])
    return one


def _join(group: npt.NDArray[np.int64], one: int, other: int) -> None:
    first, second = sorted((_root(group, one), _root(group, other)))
    group[second] = first
