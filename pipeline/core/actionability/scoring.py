"""The score of an alert that begins to fire: a sum of log-odds, of which each term can be told in words."""

from functools import lru_cache
from typing import NamedTuple

from pipeline.core.actionability.surprise import fade
from pipeline.core.actionability.tuning import (
    ALERT,
    CHANGE,
    EVENT,
    FLAPS,
    PLACE,
    RHYTHM,
    RUNBOOK,
    SCOPE,
    SELF_RESOLVED,
    SEVERITY,
    TEMPLATE,
    TIERS,
)
from pipeline.core.actionability.usual import Usual
from pipeline.core.clusters import key_of
from pipeline.core.logarithm import ln
from pipeline.core.subject import subject_of
from pipeline.core.template import template_of
from schemas import Alert, Score, Severity
from schemas.record import fields_of

TIER = "tier"
RUNBOOKS = ("runbook_url", "runbook")
_WEIGHTS = (TEMPLATE, ALERT, PLACE, SCOPE, RHYTHM, SELF_RESOLVED)
_NAMES = ("template", "alert", "place", "scope", "rhythm", "self_resolved")
_GRAIN = 1024.0  # terms are multiples of its inverse: their sum is exact in any order
_PLACE_SALT, _TEMPLATE_SALT = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F  # a host may be called like a template
_LN_2_NANOS = 693_147_181


class Circumstances(NamedTuple):
    """What is known of an alert that begins to fire beside what it says."""

    is_event: bool = False  # log-like: its source never says when it is over
    flaps: bool = False
    is_changed: bool = False  # something it is about was changed just before


class Scoring:
    """Scores the alerts of one scope."""

    def __init__(self, usual: Usual) -> None:
        self._usual = usual
        self.is_new = False  # whether nobody was ever paged for the template of the alert that was scored last

    def begin(self, alert: Alert, code: int, now_ms: int, around: Circumstances) -> Score:
        """An alert begins to fire."""
        fields = fields_of(alert)
        labels, annotations = fields["labels"], fields["annotations"]
        found = self._usual.begin(
            key_of(template_of(alert)) ^ _TEMPLATE_SALT, code, _place_of(subject_of(labels)), now_ms
        )
        terms = {"event": EVENT} if around.is_event else {}
        for name, weight, value in zip(_NAMES, _WEIGHTS, found, strict=False):
            term = _grained(weight * value)
            if term:
                terms[name] = term
        claimed = SEVERITY.get(fields["severity"], 0.0)
        if claimed:
            terms["severity"] = claimed
        tier = TIERS.get(labels.get(TIER, ""))
        if tier is not None:
            terms["tier"] = tier
        if around.flaps:
            terms["flaps"] = FLAPS
        if annotations and any(name in annotations for name in RUNBOOKS):
            terms["runbook"] = RUNBOOK
        if around.is_changed:
            terms["change"] = CHANGE
        template_begun, alert_begun, watched_ms, ended, short, _, _, paged = found[len(_NAMES) :]
        self.is_new = not paged
        return Score.owning(
            {
                "probability": probability_of(sum(terms.values(), 0.0)),
                "terms": terms,
                "template_begun": template_begun,
                "alert_begun": alert_begun,
                "watched_ms": int(watched_ms),
                "ended": ended,
                "short": short,
            }
        )

    def end(self, code: int, after_ms: int) -> None:
        """An alert says that it is over, so long after it began to fire."""
        self._usual.end(code, after_ms)


def raised(probability: float, before: Severity, after: Severity) -> float:
    """The probability when an alert claims a worse severity than it began with."""
    more = SEVERITY.get(after, 0.0) - SEVERITY.get(before, 0.0)
    if not 0.0 < probability < 1.0 or more <= 0.0:
        return probability
    return probability_of(ln(probability / (1.0 - probability)) + more)


def probability_of(logit: float) -> float:
    """1 / (1 + e^-logit), by the same bits on every machine."""
    left = fade(int(abs(logit) * 1e9), _LN_2_NANOS)  # e^-|logit|
    return 1.0 / (1.0 + left) if logit >= 0.0 else left / (1.0 + left)


@lru_cache(maxsize=65536)
def _place_of(subject: str) -> int:
    return key_of(subject) ^ _PLACE_SALT if subject else 0


def _grained(value: float) -> float:
    return int(value * _GRAIN + (0.5 if value >= 0.0 else -0.5)) / _GRAIN
