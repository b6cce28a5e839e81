"""A learned score is a second opinion: it may make an alert louder, and where it cannot be believed it pages."""

from collections.abc import Mapping
from typing import Any

import pytest

from pipeline.core.actionability.features import FEATURES, TERMS, Features, features_of
from pipeline.core.actionability.surprise import probability_of
from pipeline.core.actionability.words import said
from pipeline.core.clusters import key_of
from pipeline.core.learned import Learned
from pipeline.core.template import template_of
from pipeline.core.triage import Triage
from schemas import Decision, Guard, Reason
from tests.scene import EPOCH_MS, alert, at, decided, identity
from tests.unit.core.test_suppression import DISK, NOW_S, everyday, policy

DAY_MS = 86_400_000


class Says:
    """A model with one answer."""

    version = "a1:test"

    def __init__(self, answer: Any, trained_at_ms: int = EPOCH_MS) -> None:
        self._answer, self.trained_at_ms = answer, trained_at_ms
        self.heard: list[tuple[Features, int]] = []

    def probability(self, features: Features, template: int) -> float | None:
        self.heard.append((features, template))
        if isinstance(self._answer, Exception):
            raise self._answer
        answer: float | None = self._answer  # or whatever else a model may return
        return answer

    def parts(self, features: Features, template: int) -> Mapping[int | str, float]:
        return {FEATURES.index("template"): 0.25, "lean": 1.5, "usual": -0.9}


def last(model: Says, **more: Any) -> Decision:
    """The everyday alert fires once more."""
    records = [record for several in [*everyday(service="shop"), at(NOW_S, DISK)] for record in several]
    return decided(Triage(policy(**more), Learned(scorer=model)).step(records))[-1]


def test_a_model_that_is_sure_pages_what_the_prior_would_keep_quiet() -> None:
    decision = last(Says(0.7))
    assert (decision.reason, decision.guard, decision.score) == (Reason.OPENED, None, 0.7)
    assert decision.scored is not None
    assert (decision.scored.learned, decision.scored.learned_by, decision.model_version) == (0.7, "a1:test", "a1:test")
    assert said(decision.scored)[0] == "from what people said of such alerts, 0.7 (a1:test)"


def test_what_speaks_for_a_model_is_said_in_words_where_it_counts() -> None:
    decision = last(Says(0.7))
    assert decision.scored is not None
    assert decision.scored.learned_terms == {"template": 0.25, "lean": 1.5, "usual": -0.9}
    assert said(decision.scored)[1:4] == [
        "what people said of its kind (+1.50)",
        "what people say of alerts of which nothing is known (-0.90)",
        "alerts of its kind began about 106 times in 5 days (+0.25)",
    ]
    lower = last(Says(0.0), page_above=0.002)
    assert lower.scored is not None
    assert lower.scored.learned_terms == {}


@pytest.mark.parametrize("parts", [{99: 1.0}, {0: float("nan")}, {0: "x"}, None, ValueError("broken")])
def test_a_model_that_cannot_say_why_is_believed_all_the_same(parts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Any:
        if isinstance(parts, Exception):
            raise parts
        return parts

    monkeypatch.setattr(Says, "parts", broken)
    decision = last(Says(0.7))
    assert (decision.reason, decision.guard, decision.score) == (Reason.OPENED, None, 0.7)
    assert decision.scored is not None
    assert decision.scored.learned_terms == {}


def test_a_model_that_says_less_than_the_prior_makes_nothing_quieter() -> None:
    decision = last(Says(0.0), page_above=0.002)
    assert decision.scored is not None
    assert decision.score == probability_of(sum(decision.scored.terms.values())) > 0.002
    assert decision.reason is Reason.OPENED
    assert said(decision.scored)[0].endswith(", which is the lower")


@pytest.mark.parametrize(
    "answer", [None, float("nan"), float("inf"), -0.1, 1.1, 1, True, "0.7", [0.7], ValueError("broken")]
)
def test_what_cannot_be_believed_pages_and_the_prior_is_the_score(answer: Any) -> None:
    decision = last(Says(answer))
    assert (decision.reason, decision.guard) == (Reason.OPENED, Guard.FAULT)
    assert decision.scored is not None
    assert decision.scored.learned is None
    assert decision.score == probability_of(sum(decision.scored.terms.values()))
    assert said(decision.scored)[0] == "the model a1:test gave nothing that can be believed"


@pytest.mark.parametrize(
    ("age_days", "expected"), [(89, (Reason.SUPPRESSED, None)), (91, (Reason.OPENED, Guard.OLD_MODEL))]
)
def test_an_old_model_keeps_nothing_quiet(age_days: int, expected: tuple[Reason, Guard | None]) -> None:
    decision = last(Says(0.0, EPOCH_MS + NOW_S * 1000 - age_days * DAY_MS))
    assert (decision.reason, decision.guard) == expected


def test_how_old_it_may_be_is_the_policys_to_say() -> None:
    model = Says(0.0, EPOCH_MS + NOW_S * 1000 - 2 * DAY_MS)
    assert last(model, guardrails={"model_age": "1d"}).guard is Guard.OLD_MODEL


def test_a_model_is_asked_of_beginnings_only_and_hears_the_same_numbers_as_the_score_says() -> None:
    model = Says(0.0)
    triage = Triage(policy(), Learned(scorer=model))
    told = alert("disk", service="shop")
    first, again = decided(triage.step([*at(0, told), *at(5, told)]))
    [(features, template)] = model.heard
    assert template == key_of(template_of(identity(told)))
    assert again.scored is None
    assert first.scored is not None
    scored = first.scored
    begun, ends = (scored.template_begun, scored.alert_begun), (scored.ended, scored.short)
    assert features == features_of(scored.terms, begun, scored.watched_ms, ends)
    assert len(features) == len(FEATURES)
    assert features[0] == sum(features[1 : 1 + len(TERMS)])


def test_what_a_model_may_look_at_is_fixed() -> None:
    expected = (
        *(
            "prior",
            "template",
            "alert",
            "place",
            "scope",
            "rhythm",
            "hour",
            "self_resolved",
            "event",
            "severity",
            "tier",
        ),
        *("flaps", "runbook", "change", "template_begun", "alert_begun", "watched_days", "ended", "short"),
    )
    assert expected == FEATURES  # another list is another `VERSION`: models of this one would be asked wrongly
