"""Teaching: examples in, a scorer out. It learns how people differ from the prior, so few examples change little.

Tried, from the plainest: the prior itself, logistic regression that bends the prior, and boosted trees that begin with
it. On top of each stands what people lean to for a template, shrunk. What predicts best the later quarter of the
examples (log loss, weighted) is taught again with all of them, and calibrated (Platt) on that quarter.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from models.examples import Examples, Reals, by_time
from models.history import Flags, Numbers
from models.scorer import LEAF, Scorer, ScorerArrays

EARLY = 0.75
FEWEST = 10  # of each kind, to bend the prior at all
FEWEST_FOR_TREES = 50
SHRINK = 2.0  # what people say of a template counts as against so many that say nothing new
MOST_LEAN = 4.0
FREE = 10.0  # the prior's own weight is hardly shrunk, those beside it are
TREES = {"n_estimators": 60, "max_depth": 2, "learning_rate": 0.1, "subsample": 0.5, "random_state": 0}
_GRID = np.linspace(-16.0, 16.0, 257)


class Sum(NamedTuple):
    """The additive part: weights and trees, before what people lean to."""

    linear: Reals
    roots: Numbers
    feature: Numbers
    threshold: Reals
    left: Numbers
    right: Numbers
    value: Reals


class Taught(NamedTuple):
    """A scorer, and how it came about."""

    scorer: Scorer
    method: str
    loss: dict[str, float]  # of each method, on the later quarter
    is_calibrated: bool


def teach(examples: Examples, trained_at_ms: int) -> Taught:
    """Learn from `examples`, of which there must be one."""
    early, late = by_time(examples, EARLY)
    loss, odds = {}, dict[str, Reals]()
    for name, fit in METHODS.items():
        if len(late.at_ms) and _may(name, early):
            twin = _scorer(fit(early), early, trained_at_ms)
            odds[name] = _odds(twin, late)
            loss[name] = log_loss(sigmoid(odds[name]), late)
    method = min(loss, key=lambda name: loss[name]) if loss else "prior"
    platt = _platt(odds[method], late) if loss else None
    scorer = _scorer(METHODS[method](examples), examples, trained_at_ms, platt)
    return Taught(scorer, method, loss, platt is not None)


def log_loss(probability: Reals, examples: Examples) -> float:
    """The mean of -ln of what was said of the truth, weighted."""
    said = np.clip(np.where(examples.is_true, probability, 1.0 - probability), 1e-12, 1.0)
    return float(-np.average(np.log(said), weights=examples.weight))


def sigmoid(odds: Reals) -> Reals:
    """The logistic function."""
    found: Reals = 0.5 * (1.0 + np.tanh(0.5 * odds))
    return found


def _may(name: str, examples: Examples) -> bool:
    rarer = min(int(examples.is_true.sum()), int((~examples.is_true).sum()))
    return name == "prior" or rarer >= (FEWEST_FOR_TREES if name == "trees" else FEWEST)


def _prior(examples: Examples) -> Sum:
    linear = np.zeros(1 + examples.features.shape[1])
    linear[1] = 1.0
    return _plain(linear)


def _logistic(examples: Examples) -> Sum:
    scale = np.ones(examples.features.shape[1])
    scale[0] = FREE
    fitted = LogisticRegression(C=0.1, max_iter=5000)
    fitted.fit(examples.features * scale, examples.is_true, sample_weight=examples.weight)
    return _plain(np.concatenate([fitted.intercept_, fitted.coef_[0] * scale]))


class _Prior(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What boosting begins with."""

    def fit(self, features: Reals, truth: Flags, sample_weight: Reals | None = None) -> "_Prior":
        """Nothing is fitted."""
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, features: Reals) -> Reals:
        """The prior, which is the first feature."""
        said = sigmoid(features[:, 0].astype(np.float64))
        return np.stack([1.0 - said, said], axis=1)


def _trees(examples: Examples) -> Sum:
    leaf = max(5, min(50, len(examples.at_ms) // 50))
    fitted = GradientBoostingClassifier(init=_Prior(), min_samples_leaf=leaf, **TREES)
    fitted.fit(examples.features, examples.is_true.astype(np.int64), sample_weight=examples.weight)
    columns: list[list[Any]] = [[] for _ in range(5)]
    roots, count = [], 0
    for [one] in fitted.estimators_:
        tree = one.tree_
        is_leaf = tree.children_left == LEAF
        roots.append(count)
        for column, values in zip(
            columns,
            (
                np.where(is_leaf, LEAF, tree.feature),
                np.where(is_leaf, 0.0, tree.threshold),
                np.where(is_leaf, LEAF, tree.children_left + count),
                np.where(is_leaf, LEAF, tree.children_right + count),
                np.where(is_leaf, tree.value[:, 0, 0] * fitted.learning_rate, 0.0),
            ),
            strict=True,
        ):
            column.extend(values.tolist())
        count += tree.node_count
    feature, threshold, left, right, value = columns
    return Sum(
        _prior(examples).linear,
        np.array(roots, np.int32),
        np.array(feature, np.int32),
        np.array(threshold, np.float64),
        np.array(left, np.int32),
        np.array(right, np.int32),
        np.array(value, np.float64),
    )


METHODS: dict[str, Callable[[Examples], Sum]] = {"prior": _prior, "logistic": _logistic, "trees": _trees}


def _plain(linear: Reals) -> Sum:
    none, nothing = np.zeros(0, np.int32), np.zeros(0)
    return Sum(linear.astype(np.float64), none, none, nothing, none, none, nothing)


def _scorer(sum_: Sum, examples: Examples, trained_at_ms: int, platt: tuple[float, float] | None = None) -> Scorer:
    """With what the examples lean to, beyond what the sum says of them."""
    slope, offset = platt or (1.0, 0.0)
    said = sigmoid(slope * _GRID + offset)
    trained = np.array([trained_at_ms], np.int64)
    nobody = ScorerArrays(trained, *sum_, np.zeros(0, np.uint64), np.zeros(0), _GRID, said)
    keys, lean = _leanings(_odds(Scorer(nobody), examples), examples)
    return Scorer(nobody._replace(keys=keys, lean=lean))


def _odds(scorer: Scorer, examples: Examples) -> Reals:
    both = zip(examples.features.tolist(), examples.template.tolist(), strict=True)
    return np.array([scorer.log_odds(tuple(row), key) for row, key in both], np.float64)


def _leanings(odds: Reals, examples: Examples) -> tuple[Any, Reals]:
    """For each template the log-odds that, added, explain its examples best, shrunk (MAP of a random intercept)."""
    keys, of = np.unique(examples.template, return_inverse=True)
    low, high = np.full(len(keys), -MOST_LEAN), np.full(len(keys), MOST_LEAN)
    for _ in range(40):
        lean = (low + high) / 2
        more = np.bincount(of, examples.weight * (examples.is_true - sigmoid(odds + lean[of])), len(keys))
        is_more = more > SHRINK * lean
        low, high = np.where(is_more, lean, low), np.where(is_more, high, lean)
    return keys.astype(np.uint64), (low + high) / 2


def _platt(odds: Reals, late: Examples) -> tuple[float, float] | None:
    """Slope and offset that calibrate; None where there is too little to say, or it would turn things round."""
    if not _may("logistic", late):
        return None
    fitted = LogisticRegression(C=1e6, max_iter=5000).fit(odds[:, None], late.is_true, sample_weight=late.weight)
    slope, offset = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return (slope, offset) if slope > 0 else None
