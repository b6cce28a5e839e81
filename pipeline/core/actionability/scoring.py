"""The score of an alert that begins to fire: a sum of log-odds, of which each term can be told in words."""

from functools import lru_cache
from typing import NamedTuple

from pipeline.core.actionability.features import features_of
from pipeline.core.actionability.habit import FOUND
from pipeline.core.actionability.judged import Judged
from pipeline.core.actionability.scorer import UNTAUGHT, Scorer, opinion_of, parts_of
from pipeline.core.actionability.spells import Spells
from pipeline.core.actionability.surprise import probability_of
from pipeline.core.actionability.tuning import (
    CHANGE,
    DAY_HOURS,
    EVENT,
    FLAPS,
    HOUR,
    RUNBOOK,
    SEVERITY,
    TIERS,
)
from pipeline.core.actionability.usual import Usual
from pipeline.core.clusters import hash_of, key_of
from pipeline.core.logarithm import ln
from pipeline.core.subject import subject_of
from pipeline.core.template import template_of
from schemas import Alert, Guard, Score, Severity
from schemas.record import fields_of

TIER = "tier"
_KNOWN = FOUND.index("template_begun")  # behind the terms and the probability stands what they were found from
_PLACE_SALT, _TEMPLATE_SALT = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F  # a host may be called like a template


def template_key(alert: Alert) -> int:
    """The key of its template."""
    return _keyed(template_of(alert))


def _keyed(template: str) -> int:
    return key_of(template) ^ _TEMPLATE_SALT


class Circumstances(NamedTuple):
    """What is known of an alert that begins to fire beside what it says."""

    is_event: bool = False  # log-like: its source never says when it is over
    flaps: bool = False
    is_changed: bool = False  # something it is about was changed just before


class Scoring:
    """Scores the alerts of one scope."""

    def __init__(
        self, usual: Usual, spells: Spells, judged: Judged, scorer: Scorer = UNTAUGHT, model_age_ms: int = 0
    ) -> None:
        self._usual, self._spells, self._judged = usual, spells, judged
        self._scorer, self._version, self._model_age_ms = scorer, scorer.version, model_age_ms
        self.text, self.template = "", 0  # the template of the alert that was scored last, its key,
        self.is_new = False  # whether nobody was ever paged for it,
        self.doubt: Guard | None = None  # and why its score cannot be believed

    def begin(self, alert: Alert, code: int, now_ms: int, around: Circumstances) -> Score:
        """An alert begins to fire."""
        fields = fields_of(alert)
        labels, annotations = fields["labels"], fields["annotations"]
        claims = {"event": EVENT} if around.is_event else {}
        claimed = SEVERITY.get(fields["severity"], 0.0)
        if claimed:
            claims["severity"] = claimed
        tier = labels.get(TIER)
        if tier in TIERS:
            claims["tier"] = TIERS[tier]
        if around.flaps:
            claims["flaps"] = FLAPS
        if "runbook_url" in annotations or "runbook" in annotations:
            claims["runbook"] = RUNBOOK
        if around.is_changed:
            claims["change"] = CHANGE
        self.text = template_of(alert)
        self.template = _keyed(self.text)
        hour, judged = self._hour(now_ms), self._judged.term(self.template, now_ms)
        if hour:
            claims["hour"] = hour
        if judged:
            claims["judged"] = judged
        place = _place_of(subject_of(labels))
        found = self._usual.begin(self.template, code, place, now_ms, sum(claims.values()) if claims else 0.0)
        score = self._score(found, claims)
        return score if self._version is None else self._asked(score, now_ms)

    def _hour(self, now_ms: int) -> float:
        """What it says that its kind comes at this time of day: as it does each day, or as it hardly ever does."""
        known, about = self._spells.hours(self.template, now_ms)
        return round(HOUR * ln(DAY_HOURS * (about + 1.0) / (known + DAY_HOURS)) * 1024.0) / 1024.0 if known else 0.0

    def _asked(self, score: Score, now_ms: int) -> Score:
        """With what the model says of it."""
        begun, ends = (score.template_begun, score.alert_begun), (score.ended, score.short)
        features, template = features_of(score.terms, begun, score.watched_ms, ends), self.template ^ _TEMPLATE_SALT
        learned, self.doubt = opinion_of(self._scorer, features, template, (now_ms, self._model_age_ms))
        if learned is None or learned <= score.probability:
            return score.altered(learned=learned, learned_by=self._version)
        parts = parts_of(self._scorer, features, template)
        return score.altered(probability=learned, learned=learned, learned_by=self._version, learned_terms=parts)

    def _score(self, found: list[float], claims: dict[str, float]) -> Score:
        template, alert, place, scope, rhythm, self_resolved, probability = found[:_KNOWN]
        template_begun, alert_begun, watched_ms, ended, short, paged = found[_KNOWN:]
        terms = {}
        if template:
            terms["template"] = template
        if alert:
            terms["alert"] = alert
        if place:
            terms["place"] = place
        if scope:
            terms["scope"] = scope
        if rhythm:
            terms["rhythm"] = rhythm
        if self_resolved:
            terms["self_resolved"] = self_resolved
        self.is_new, self.doubt = not paged, None
        return Score.owning(
            {
                "probability": probability,
                "terms": terms | claims if claims else terms,
                "template_begun": template_begun,
                "alert_begun": alert_begun,
                "watched_ms": int(watched_ms),
                "ended": ended,
                "short": short,
                "learned": None,
                "learned_by": None,
                "learned_terms": {},
            }
        )

    def end(self, code: int, began_ms: int, after_ms: int) -> None:
        """An alert says that it is over, so long after it began to fire."""
        template = self._usual.end(code, after_ms)
        if template:
            self._spells.end(template, code, began_ms, after_ms)


def raised(probability: float, before: Severity, after: Severity) -> float:
    """The probability when an alert claims a worse severity than it began with."""
    more = SEVERITY.get(after, 0.0) - SEVERITY.get(before, 0.0)
    if not 0.0 < probability < 1.0 or more <= 0.0:
        return probability
    return probability_of(ln(probability / (1.0 - probability)) + more)


@lru_cache(maxsize=65536)
def _place_of(subject: str) -> int:
    return hash_of(subject) ^ _PLACE_SALT if subject else 0
