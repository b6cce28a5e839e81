"""The score of an alert: what is seldom, and comes with much else that is seldom, is likelier to need a person."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.actionability.scoring import raised
from pipeline.core.actionability.surprise import probability_of
from pipeline.core.actionability.words import said
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from schemas import Alerts, Decision, Reason, Score, Severity, Tick
from tests.scene import alert, at, decided, play, resolved

DAY_S = 86_400
POLICY = Policy(group_by=("service",), gap="5m", resolve_after="1m", reopen_within="1m", expire_after="2h")


def last(*records: list[Alerts | Tick]) -> Decision:
    return decided(play(*records, policy=POLICY))[-1]


def everyday(days: int, host: str, service: str = "shop") -> list[list[Alerts | Tick]]:
    """The disk alert that fires each hour, and resolves after two minutes."""
    told = []
    for hour in range(24 * days):
        told.append(at(hour * 3600, alert("disk", host=host, service=service)))
        told.append(at(hour * 3600 + 120, resolved("disk", host=host, service=service)))
    return told


def test_what_comes_every_hour_scores_lower_than_what_never_came() -> None:
    usual = last(*everyday(5, host="h1"), at(5 * DAY_S, alert("disk", host="h1", service="shop")))
    new = last(*everyday(5, host="h1"), at(5 * DAY_S, alert("raid", host="h1")))
    assert usual.score is not None
    assert new.score is not None
    assert usual.score < 0.01 < new.score


def test_a_score_says_what_it_came_from() -> None:
    decision = last(*everyday(5, host="h1"), at(5 * DAY_S, alert("disk", host="h1", service="shop")))
    assert decision.scored is not None
    words = said(decision.scored)
    assert words[0] == "alerts of its kind began about 106 times in 5 days (-3.19)"
    assert "100 % of the times it fired lately it resolved by itself within ten minutes" in words[1]


def test_what_was_watched_for_seconds_is_not_said_to_be_watched_for_no_time() -> None:
    scored = last(at(0, alert("disk", host="h1")), at(3, alert("disk", host="h2"))).scored
    assert scored is not None
    assert "alerts of its kind began about once in less than a minute (-0.69)" in said(scored)


def test_terms_add_up_to_the_score() -> None:
    scored = last(*everyday(3, host="h1"), at(3 * DAY_S + 7, alert("cpu", severity="critical", host="h1"))).scored
    assert scored is not None
    assert scored.probability == probability_of(sum(scored.terms.values()))
    assert scored.terms["severity"] == 0.5
    assert sum(reversed(scored.terms.values())) == sum(scored.terms.values())


@pytest.mark.parametrize(("hour", "sign", "words"), [(0, -1, "usually comes"), (12, 1, "hardly ever comes")])
def test_a_nightly_job_is_news_by_day(hour: int, sign: int, words: str) -> None:
    nightly = [
        record
        for day in range(10)
        for record in (
            at(day * DAY_S, alert("backup", host="h1")),
            at(day * DAY_S + 1200, resolved("backup", host="h1")),
        )
    ]
    scored = last(*nightly, at(10 * DAY_S + hour * 3600, alert("backup", host="h1"))).scored
    assert scored is not None
    assert scored.terms["hour"] * sign > 0.1
    assert scored.probability == probability_of(sum(scored.terms.values()))
    assert any(line.startswith(f"its kind {words} at this time of day (") for line in said(scored, 20))
    first = last(at(0, alert("backup", host="h1"))).scored
    assert first is not None
    assert "hour" not in first.terms


def test_a_duplicate_has_the_score_of_its_alert_and_says_nothing_more() -> None:
    first, again = decided(play(at(0, alert("disk", host="h1")), at(60, alert("disk", host="h1")), policy=POLICY))
    assert again.reason is Reason.DUPLICATE
    assert again.score == first.score
    assert again.scored is None


def test_a_state_that_is_repeated_is_one_episode_and_an_event_after_a_silence_another() -> None:
    state = decided(play(*(at(n * 3600, alert("disk", host="h1")) for n in range(2)), policy=POLICY))
    assert state[0].scored is not None
    window = Policy(group_by=("service",), event_window="1h")
    event = decided(
        play(*(at(n * 400, alert("scan", source="ids", host="h1")) for n in range(3)), policy=window),
    )
    assert [one.reason for one in event] == [Reason.OPENED, Reason.DUPLICATE, Reason.DUPLICATE]
    assert [one.scored.alert_begun > n - 0.1 for n, one in enumerate(event) if one.scored] == [True] * 3


def test_a_worse_severity_scores_higher_at_once() -> None:
    first, worse = decided(
        play(at(0, alert("disk", host="h1")), at(60, alert("disk", severity="critical", host="h1")), policy=POLICY)
    )
    assert first.score is not None
    assert worse.score == raised(first.score, Severity.WARNING, Severity.CRITICAL) > first.score


def test_an_incident_has_the_highest_score_of_its_alerts() -> None:
    facts = play(
        *everyday(2, host="h1", service="shop"),
        at(2 * DAY_S, alert("disk", host="h1", service="shop"), alert("raid", host="h1", service="shop")),
        policy=POLICY,
    )
    scores = [one.score for one in decided(facts)[-2:]]
    incident = facts.incidents[-1]
    assert incident.score == max(score for score in scores if score is not None) == scores[1]
    assert incident.scored is not None
    assert incident.scored.probability == incident.score


def test_a_resolve_of_something_never_seen_has_no_score() -> None:
    [decision] = decided(play(at(0, resolved("disk", host="h1")), policy=POLICY))
    assert decision.score is None


@given(st.floats(-60, 60))
def test_the_probability_is_the_logistic_function(logit: float) -> None:
    assert probability_of(logit) == pytest.approx(1 / (1 + math.exp(-logit)), rel=1e-8)


@given(st.floats(-60, 60), st.floats(-60, 60))
def test_more_log_odds_are_never_less_likely(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert probability_of(low) <= probability_of(high)


@given(st.floats(0, 1), st.sampled_from(Severity), st.sampled_from(Severity))
def test_a_severity_never_lowers_a_score(probability: float, before: Severity, after: Severity) -> None:
    after_that = raised(probability, before, after)
    assert after_that <= 1
    assert after_that >= probability or after_that == pytest.approx(probability)


def test_every_term_has_words() -> None:
    names = [
        "template",
        "alert",
        "place",
        "scope",
        "rhythm",
        "hour",
        "judged",
        "self_resolved",
        "severity",
        "tier",
        "flaps",
        "runbook",
    ]
    scored = Score(
        probability=0.5,
        terms=dict.fromkeys([*names, "change"], 0.5),
        template_begun=1,
        alert_begun=0,
        watched_ms=3_600_000,
        ended=0,
        short=0,
    )
    told = said(scored, 20)
    assert len(told) == 13
    assert not any(line.startswith(name + " ") for line in told for name in names)


def test_a_snapshot_keeps_what_is_usual() -> None:
    records = [record for several in everyday(2, host="h1") for record in several]
    first = Triage(POLICY)
    first.step(records)
    restored = Triage.restore(POLICY, first.snapshot())
    more = at(2 * DAY_S, alert("disk", host="h1"))
    assert restored.step(more) == first.step(more)
