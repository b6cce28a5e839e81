"""A scorer says how likely it is that a person has to act; it fulfils the core's `Scorer`, and is never changed.

Its log-odds are a sum: weights times features, what each small tree of a few says, and how far people lean for this
kind of alert. A table makes a probability of it, by straight lines, so that every machine has the same bits.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.arrays import are_within, check_types, version_of
from models.examples import Reals
from models.history import Ints, Keys, Numbers

FORMAT = 1
LEAF = -1
MOST_NODES, MOST_FEATURES = 100_000, 1000
MOST_ASKED = 5  # features of a tree, to say what each did; those that are taught ask for three at most
OTHERS = ("usual", "lean", "trees", "calibration")  # parts of a score that are no feature's
_LEAST = 1e-12


class ScorerArrays(NamedTuple):
    """What is learned, as it is stored. Nodes of all trees stand together; a child stands behind its parent."""

    trained_at_ms: Ints  # one
    linear: Reals  # the constant, then a weight a feature
    roots: Numbers
    feature: Numbers  # of a node; LEAF: none
    threshold: Reals  # at or below it the way goes left
    left: Numbers
    right: Numbers
    value: Reals  # of a leaf, in log-odds
    keys: Keys  # templates that people leaned for or against, rising
    lean: Reals  # by so much log-odds
    at: Reals  # log-odds, rising
    says: Reals  # and the probability there, never falling


DTYPES = ("<i8", "<f8", "<i4", "<i4", "<f8", "<i4", "<i4", "<f8", "<u8", "<f8", "<f8", "<f8")
_NODES = ("feature", "threshold", "left", "right", "value")
Node = tuple[int, float, Any, Any] | float  # a leaf is its value


class Scorer:
    """What people taught."""

    def __init__(self, arrays: ScorerArrays) -> None:
        check(arrays)
        self.arrays = arrays
        self.version: str | None = version_of(f"a{FORMAT}", arrays._asdict())
        self.trained_at_ms: int = int(arrays.trained_at_ms[0])
        self._constant, *weights = arrays.linear.tolist()
        self._weights = [(nth, weight) for nth, weight in enumerate(weights) if weight]
        self._features = len(weights)
        nodes = list[Node](arrays.value.tolist())
        for nth in range(len(nodes) - 1, -1, -1):  # children first
            if (feature := int(arrays.feature[nth])) != LEAF:
                left, right = (nodes[int(side[nth])] for side in (arrays.left, arrays.right))
                nodes[nth] = (feature, float(arrays.threshold[nth]), left, right)
        self._trees = [nodes[root] for root in arrays.roots.tolist()]
        self._asked = [tuple(sorted(set(_asked(tree)))) for tree in self._trees]
        self._lean: dict[int, float] = dict(zip(arrays.keys.tolist(), arrays.lean.tolist(), strict=True))
        self._at: list[float] = arrays.at.tolist()
        self._says: list[float] = arrays.says.tolist()

    def log_odds(self, features: tuple[float, ...], template: int) -> float:
        """As the sum says, not calibrated. Raises ValueError for features of another number."""
        if len(features) != self._features:
            raise ValueError(f"{len(features)} features, not {self._features}")
        sum_ = self._constant + self._lean.get(template, 0.0)
        for nth, weight in self._weights:
            sum_ += weight * features[nth]
        for root in self._trees:
            sum_ += _leaf(root, features)
        return float(sum_)

    def parts(self, features: tuple[float, ...], template: int) -> dict[int | str, float]:
        """What the log-odds of `probability` are the sum of: by feature, and what no feature says (`OTHERS`).

        Shapley values (Shapley 1953; Lundberg and Lee 2017) against a beginning of which nothing is known, all 0: of a
        sum they are its terms, and of a small tree the mean over the orders in which its features become known.
        """
        zeros = (0.0,) * self._features
        found: dict[int | str, float] = {nth: weight * features[nth] for nth, weight in self._weights}
        usual, other = self._constant, 0.0
        for tree, asked in zip(self._trees, self._asked, strict=True):
            usual += _leaf(tree, zeros)
            if len(asked) > MOST_ASKED:
                other += _leaf(tree, features) - _leaf(tree, zeros)
                continue
            for nth, share in _shapley(tree, asked, features).items():
                found[nth] = found.get(nth, 0.0) + share
        probability = min(max(self.probability(features, template) or 0.0, _LEAST), 1.0 - _LEAST)
        calibrated = math.log(probability / (1.0 - probability)) - self.log_odds(features, template)
        others = zip(OTHERS, (usual, self._lean.get(template, 0.0), other, calibrated), strict=True)
        return {name: value for name, value in (*found.items(), *others) if value}

    def probability(self, features: tuple[float, ...], template: int) -> float | None:
        """How likely it is that a person has to act; the features are finite numbers."""
        x, at, says = self.log_odds(features, template), self._at, self._says
        if x <= at[0]:
            return says[0]
        if x >= at[-1]:
            return says[-1]
        right = bisect_right(at, x)
        left = right - 1
        share = (x - at[left]) / (at[right] - at[left])
        return min(says[right], says[left] + share * (says[right] - says[left]))

    def probabilities(self, features: Reals, template: Keys) -> Reals:
        """Likewise of many."""
        both = zip(features.tolist(), template.tolist(), strict=True)
        return np.array([self.probability(tuple(row), key) for row, key in both], np.float64)


def _leaf(node: Node, features: Sequence[float]) -> float:
    while not isinstance(node, float):
        node = node[2] if features[node[0]] <= node[1] else node[3]
    return node


def _asked(node: Node) -> Iterator[int]:
    """The features that a tree asks for."""
    left = [node]
    while left:
        node = left.pop()
        if not isinstance(node, float):
            yield node[0]
            left += [node[2], node[3]]


def _shapley(tree: Node, asked: tuple[int, ...], features: tuple[float, ...]) -> dict[int, float]:
    """How far each feature that the tree asks for moves it from where all are 0; a feature that is 0 moves nothing."""
    known = [nth for nth in asked if features[nth]]
    values = []
    for mask in range(1 << len(known)):
        shown = [0.0] * len(features)
        for bit, nth in enumerate(known):
            if mask >> bit & 1:
                shown[nth] = features[nth]
        values.append(_leaf(tree, shown))
    shares = dict.fromkeys(known, 0.0)
    for bit, nth in enumerate(known):
        for mask, value in enumerate(values):
            if not mask >> bit & 1:
                before = mask.bit_count()
                orders = math.factorial(before) * math.factorial(len(known) - before - 1) / math.factorial(len(known))
                shares[nth] += orders * (values[mask | 1 << bit] - value)
    return shares


def check(arrays: ScorerArrays) -> None:
    """Raises ValueError, saying which array is not what it must be: a file may come from anywhere."""
    check_types(arrays._asdict(), DTYPES)
    for name, array in arrays._asdict().items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name}: not a finite number")
    if len(arrays.trained_at_ms) != 1 or not 1 < len(arrays.linear) <= MOST_FEATURES:
        raise ValueError("trained_at_ms, linear: not so many as there must be")
    _check_trees(arrays)
    keys, at, says = arrays.keys, arrays.at, arrays.says
    if len(arrays.lean) != len(keys) or (keys[1:] <= keys[:-1]).any():
        raise ValueError("keys, lean: not in order, or not of one length")
    if len(at) < 2 or len(says) != len(at) or (np.diff(at) <= 0).any():
        raise ValueError("at, says: not in order, or not of one length")
    if (np.diff(says) < 0).any() or says[0] < 0 or says[-1] > 1:
        raise ValueError("says: no probabilities that never fall")


def _check_trees(arrays: ScorerArrays) -> None:
    nodes = len(arrays.feature)
    if nodes > MOST_NODES or any(len(getattr(arrays, name)) != nodes for name in _NODES):
        raise ValueError("trees: too many nodes, or columns of different lengths")
    inner: NDArray[np.intp] = np.flatnonzero(arrays.feature != LEAF)
    if not are_within(arrays.feature, LEAF, len(arrays.linear) - 2) or not are_within(arrays.roots, 0, nodes - 1):
        raise ValueError("feature, roots: numbers that nothing has")
    for side in (arrays.left[inner], arrays.right[inner]):
        if (side <= inner).any() or (side >= nodes).any():  # so that no way goes round
            raise ValueError("left, right: a child that does not stand behind its parent")
