"""What is scored is counted here, recent more than past: its mean, what is new, and how far it has drifted."""

import math
from collections.abc import Iterable, Mapping
from functools import partial

from pipeline import metrics
from pipeline.core.actionability.drift import Bins, psi
from pipeline.core.actionability.features import FEATURES, features_of
from pipeline.core.policy import Policy
from schemas import Guard, Score

RECENT = 5000  # beginnings after which what was counted counts half
SCORE = "score"


class Drift:
    """Counts the beginnings of alerts of one partition."""

    def __init__(self, partition: int, expected: Mapping[str, Bins]) -> None:
        """`expected`: how the score and each feature were spread when the model was taught; empty without one."""
        self._expected = {name: bins for name, bins in expected.items() if name in {SCORE, *FEATURES}}
        self._counts = {name: [0.0] * len(bins.shares) for name, bins in self._expected.items()}
        self._total = 0
        for name in self._expected:
            gauge = metrics.MODEL_DRIFT.labels(name, str(partition))
            gauge.set_function(partial(self.of, name))

    def count(self, begun: Iterable[tuple[Score, Guard | None]], policy: Policy) -> None:
        """Alerts began to fire, with these scores, and what let them page though those are low."""
        watched_ms = policy.guardrails.watched_ms
        for score, guard in begun:
            metrics.SCORES.observe(score.probability)
            metrics.BEGINNINGS.labels("known" if score.template_begun else "new").inc()
            if guard is not None:
                metrics.GUARDED.labels(guard.value).inc()
            if self._expected and score.watched_ms >= watched_ms:  # what it was taught with was watched, too
                self._place(score)

    def of(self, name: str) -> float:
        """The index of a feature, or of the score; NaN while there is too little of it."""
        found = psi(self._expected[name], self._counts[name])
        return math.nan if found is None else found

    def _place(self, score: Score) -> None:
        begun, ends = (score.template_begun, score.alert_begun), (score.ended, score.short)
        values = dict(zip(FEATURES, features_of(score.terms, begun, score.watched_ms, ends), strict=True))
        values[SCORE] = score.probability
        for name, bins in self._expected.items():
            self._counts[name][bins.place(values[name])] += 1
        self._total += 1
        if self._total >= RECENT:
            self._total //= 2
            self._counts = {name: [count / 2 for count in counts] for name, counts in self._counts.items()}
