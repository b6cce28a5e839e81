"""Law 7, whatever a model says: guardrails hold, a higher score is never quieter, and a log has one set of facts."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.codec import encode
from pipeline.core.actionability.features import FEATURES, Features
from pipeline.core.actionability.surprise import probability_of
from pipeline.core.facets import facets
from pipeline.core.learned import Learned
from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from schemas import Alert, Alerts, Control, Decision, Guard, Severity, Tick
from tests.laws.events import CORRELATED, DOUBTING, DOUBTING_CORRELATED, POLICY, Record, logs
from tests.scene import EPOCH_MS

END = Tick(at_ms=10**14)
policies = st.sampled_from([DOUBTING, DOUBTING_CORRELATED])
RAISES = "raises"


def under_one() -> st.SearchStrategy[list[Record]]:
    """Logs in which the policy stays as it is, so that it can be said what its guardrails name."""
    return logs().map(lambda log: [one for one in log if not isinstance(one, Control) or one.policy is None])


good = st.floats(0, 1)
anything: st.SearchStrategy[object] = st.one_of(
    good,
    st.floats(),  # NaN, infinite, negative, large
    st.sampled_from([None, RAISES, 0, 1, True, "0.5", [], -0.0, 1.0000000001, math.nan, math.inf]),
)


class Says:
    """A model that answers of any beginning what its numbers, of which it keeps nothing, choose."""

    version = "a1:test"
    trained_at_ms = EPOCH_MS

    def __init__(self, answers: Sequence[object]) -> None:
        self._answers = answers

    def probability(self, features: Features, template: int) -> float | None:
        assert len(features) == len(FEATURES)
        chosen = self._answers[(sum(abs(int(1e6 * one)) for one in features) + template) % len(self._answers)]
        if chosen == RAISES:
            raise RuntimeError("the model broke")
        return chosen  # type: ignore[return-value]  # that is the point

    def parts(self, features: Features, template: int) -> Mapping[int | str, float]:
        """Of what is right as little can be relied on as of what is wrong."""
        chosen = self._answers[template % len(self._answers)]
        if chosen == RAISES:
            raise RuntimeError("the model broke")
        return {0: chosen, "lean": 1.0}  # type: ignore[dict-item]  # likewise


class Counting(Says):
    """Likewise, and counts how often it is asked."""

    times = 0

    def probability(self, features: Features, template: int) -> float | None:
        self.times += 1
        return super().probability(features, template)


class SaysOfNth(Says):
    """Likewise, but of one beginning, counted from 0, what it is told to."""

    def __init__(self, answers: Sequence[object], nth: int, answer: float) -> None:
        super().__init__(answers)
        self._left, self._answer = nth, answer
        self.was_asked = False

    def probability(self, features: Features, template: int) -> float | None:
        self._left -= 1
        if self._left == -1:
            self.was_asked = True
            return self._answer
        return super().probability(features, template)


def facts_of(policy: Policy, model: Says, log: Sequence[Record]) -> Facts:
    return Triage(policy, Learned(scorer=model)).step(log)


def each(log: Sequence[Record], facts: Facts) -> list[tuple[Alert, Decision]]:
    """Every event with its decision."""
    by_place = {(d.scope, d.raw_partition, d.raw_offset): d for d in facts.decisions}
    return [
        (alert, decision)
        for one in log
        if isinstance(one, Alerts)
        for alert, decision in zip(
            one.alerts, by_place[one.scope, one.raw_partition, one.raw_offset].decisions, strict=True
        )
    ]


def told(facts: Facts) -> list[bytes]:
    return [encode(record) for several in facts for record in several]


@given(policies, under_one(), st.lists(anything, min_size=1, max_size=5))
def test_whatever_a_model_says_guardrails_hold(policy: Policy, log: list[Record], answers: list[object]) -> None:
    for alert, decision in each(log, facts_of(policy, Says(answers), log)):
        assert decision.reason != "fault"
        is_critical, is_named = alert.severity is Severity.CRITICAL, policy.always_pages(facets(alert))
        if decision.reason == "suppressed":
            assert decision.guard is None
            assert not is_critical
            assert not is_named
            assert decision.score is not None
            assert decision.score < policy.page_above
        scored = decision.scored
        if scored is None:
            continue
        prior = probability_of(sum(scored.terms.values()))
        assert (scored.learned_by, scored.probability) == ("a1:test", max(prior, scored.learned or 0.0))
        assert 0.0 <= scored.probability <= 1.0
        assert (decision.guard is Guard.FAULT) == (scored.learned is None and scored.probability < policy.page_above)


@given(policies, under_one(), st.lists(anything, min_size=1, max_size=5), st.integers(1, 10**12))
def test_an_old_model_keeps_nothing_quiet(policy: Policy, log: list[Record], answers: list[object], late: int) -> None:
    model = Says(answers)
    model.trained_at_ms = EPOCH_MS - late - policy.guardrails.model_age_ms
    for _, decision in each(log, facts_of(policy, model, log)):
        if decision.scored is not None and decision.at_ms >= EPOCH_MS:
            assert decision.reason != "suppressed"
            if decision.guard is not None:
                assert decision.guard in {Guard.OLD_MODEL, Guard.FAULT}


@given(policies, under_one(), st.lists(anything, min_size=1, max_size=5), st.integers(0, 20), st.tuples(good, good))
def test_a_higher_answer_never_makes_it_quieter(
    policy: Policy, log: list[Record], answers: list[object], nth: int, two: tuple[float, float]
) -> None:
    asked = Counting(answers)
    facts_of(policy, asked, log)
    if not asked.times:
        return
    models = [SaysOfNth(answers, nth % asked.times, answer) for answer in sorted(two)]
    before, after = (Triage(policy, Learned(scorer=model)) for model in models)
    for record in log:  # until it is asked they are the same; the record with which it is, is the one to compare
        low, high = before.step([record]), after.step([record])
        if models[0].was_asked:
            break
        assert told(low) == told(high)
    quieter, louder = ([d for one in facts.decisions for d in one.decisions] for facts in (low, high))
    for a, b in zip(quieter, louder, strict=True):
        if a.scored != b.scored:
            assert (a.score or 0.0) <= (b.score or 0.0)
            assert b.reason != "suppressed" or a.reason == "suppressed"
            assert a.paged <= b.paged


@given(st.sampled_from([(DOUBTING, POLICY), (DOUBTING_CORRELATED, CORRELATED)]), under_one())
def test_what_a_model_is_sure_of_pages_as_without_any_score(both: tuple[Policy, Policy], log: list[Record]) -> None:
    doubting, other = both
    sure = [d for _, d in each(log, facts_of(doubting, Says([1.0]), log))]
    assert [(d.reason, d.paged) for d in sure] == [(d.reason, d.paged) for _, d in each(log, Triage(other).step(log))]


@given(policies, logs(), st.lists(anything, min_size=1, max_size=5), st.lists(st.integers(0, 40)), st.integers(0, 40))
def test_cuts_and_snapshots_change_nothing(
    policy: Policy, log: list[Record], answers: list[object], cuts: list[int], restored: int
) -> None:
    learned = Learned(scorer=Says(answers))
    triage, facts = Triage(policy, learned), list[Facts]()
    edges = [0, *sorted([*cuts, restored]), len(log)]
    for a, b in pairwise(edges):
        facts.append(triage.step(log[a:b]))
        if b == restored:
            triage = Triage.restore(None, triage.snapshot(), learned)
    whole = facts_of(policy, Says(answers), [*log, END])
    facts.append(triage.step([END]))
    assert [encode(r) for n in range(3) for one in facts for r in one[n]] == told(whole)
