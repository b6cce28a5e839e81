"""A scorer is taught how people differ from the prior; the same examples give the same, and damage is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation import figures_of, reliability
from models.examples import Examples, by_time
from models.scorer import Scorer, _shapley
from models.teaching import METHODS, _scorer, sigmoid, teach
from models.verdicts import judge
from pipeline.core.actionability.scorer import Scorer as Asked
from schemas import Outcome, Verdict

HOUR_MS = 3_600_000
NOBODY_KNOWS, DISK, RAID = 1, 2, 3


def examples(count: int = 400, *, seed: int = 7) -> Examples:
    """One in four needs a person: where the second feature is high, and of RAID whatever it is; the prior is blind."""
    rng = np.random.default_rng(seed)
    features = np.stack([rng.normal(-2, 0.5, count), rng.normal(0, 1, count), rng.normal(0, 1, count)], axis=1)
    template = rng.choice(np.array([DISK, RAID], np.uint64), count, p=(0.9, 0.1))
    truth = (features[:, 1] > 1.0) | (template == RAID)
    at_ms = np.arange(count, dtype=np.int64) * HOUR_MS
    return Examples(features, template, at_ms, truth, np.ones(count), np.arange(count, dtype=np.int64))


def test_what_people_said_is_learned_and_calibrated_on_a_later_time() -> None:
    known, later = examples(), examples(seed=8)
    taught = teach(known, 5)
    assert (taught.is_calibrated, taught.scorer.trained_at_ms) == (True, 5)
    learned = figures_of(taught.scorer.probabilities(later.features, later.template), later)
    prior = figures_of(sigmoid(later.features[:, 0]), later)
    assert learned["ap"] > 0.9
    assert prior["ap"] < 0.4
    assert learned["lost_at_90"] < prior["lost_at_90"]
    assert learned["brier"] < 0.05
    assert learned["calibration_error"] < 0.05


def test_a_few_marks_change_little_and_only_of_what_was_marked() -> None:
    few = examples().of(np.arange(6))
    taught = teach(few, 0)
    assert taught.method == "prior"
    row = (-2.0, 0.0, 0.0)
    assert taught.scorer.probability(row, NOBODY_KNOWS) == pytest.approx(float(sigmoid(np.array([-2.0]))[0]), abs=1e-3)


def test_marks_of_one_kind_only_lean_for_or_against_it() -> None:
    all_true = (
        examples().of(np.arange(30))._replace(is_true=np.ones(30, np.bool_), template=np.full(30, RAID, np.uint64))
    )
    scorer = teach(all_true, 0).scorer
    row = (-2.0, 0.0, 0.0)
    assert (scorer.probability(row, RAID) or 0.0) > 0.5 > (scorer.probability(row, DISK) or 1.0)


def test_the_same_examples_give_the_same_scorer() -> None:
    one, other = (teach(examples(), 0).scorer for _ in range(2))
    assert one.version == other.version
    assert one.version != teach(examples(seed=8), 0).scorer.version


def test_it_is_what_the_core_asks() -> None:
    asked: Asked = teach(examples(), 0).scorer
    assert asked.version is not None
    assert asked.version.startswith("a1:")
    said = [asked.probability((odds, 0.0, 0.0), DISK) for odds in (-100.0, 0.0, 100.0)]
    assert all(type(one) is float and 0.0 <= one <= 1.0 for one in said)


def _of(method: str) -> Scorer:
    known = examples()
    return _scorer(METHODS[method](known), known, 0, (1.2, -0.3))


TAUGHT = {method: _of(method) for method in METHODS}
numbers = st.one_of(st.just(0.0), st.floats(-5, 5))


@given(
    st.sampled_from(sorted(TAUGHT)), st.tuples(numbers, numbers, numbers), st.sampled_from([NOBODY_KNOWS, DISK, RAID])
)
def test_the_parts_of_what_it_says_add_up_to_its_log_odds(method: str, row: tuple[float, ...], template: int) -> None:
    scorer = TAUGHT[method]
    said, parts = scorer.probability(row, template), scorer.parts(row, template)
    assert said is not None
    assert 1 / (1 + math.exp(-sum(parts.values()))) == pytest.approx(said, rel=1e-6, abs=1e-9)
    assert not {nth for nth, value in enumerate(row) if not value} & set(parts)  # what is not there does nothing
    assert ("lean" in parts) == (template != NOBODY_KNOWS)


def test_a_part_of_a_tree_is_the_mean_over_the_orders_in_which_its_features_become_known() -> None:
    """And: 3 where both are above 0.5, else 0. Each alone does nothing, both together 3: so 1.5 each."""
    both = (0, 0.5, 0.0, (1, 0.5, 0.0, 3.0))
    assert _shapley(both, (0, 1), (1.0, 1.0)) == {0: 1.5, 1: 1.5}
    assert _shapley(both, (0, 1), (1.0, 0.2)) == {0: 0.0, 1: 0.0}
    assert _shapley((0, 0.5, 1.0, 3.0), (0,), (1.0, 9.0)) == {0: 2.0}


def test_other_features_are_a_fault() -> None:
    with pytest.raises(ValueError, match="4 features, not 3"):
        teach(examples(), 0).scorer.probability((0.0, 0.0, 0.0, 0.0), DISK)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("linear", [np.nan, 1.0, 1.0]),
        ("says", [1.0, 0.0]),
        ("says", [0.0, 1.5]),
        ("at", [1.0, 1.0]),
        ("keys", [3, 2]),
        ("lean", [0.5]),
        ("roots", [0]),
        ("trained_at_ms", []),
    ],
)
def test_damaged_arrays_are_refused(name: str, value: list[float]) -> None:
    arrays = teach(examples().of(np.arange(6)), 0).scorer.arrays
    small = arrays._replace(at=np.array([-1.0, 1.0]), says=np.array([0.1, 0.9]))
    Scorer(small)
    with pytest.raises(ValueError, match=name):
        Scorer(small._replace(**{name: np.array(value, getattr(small, name).dtype)}))


def test_a_tree_that_goes_round_is_refused() -> None:
    arrays = teach(examples().of(np.arange(6)), 0).scorer.arrays
    one, zero = np.zeros(1, np.int32), np.zeros(1)
    with pytest.raises(ValueError, match="child that does not stand behind"):
        Scorer(arrays._replace(roots=one, feature=one, threshold=zero, left=one, right=one, value=zero))


def test_an_incident_is_on_one_side_of_a_cut_in_time() -> None:
    found = examples(40)._replace(incident=np.arange(40, dtype=np.int64) // 3)
    early, late = by_time(found, 0.5)
    assert not set(early.incident.tolist()) & set(late.incident.tolist())
    assert len(early.at_ms) + len(late.at_ms) == 40
    assert early.at_ms.min() < late.at_ms.min()


def test_an_incident_is_lost_when_nothing_of_it_is_left() -> None:
    found = examples(100)._replace(is_true=np.arange(100) < 2, incident=np.minimum(np.arange(100), 98).astype(np.int64))
    scores = np.linspace(0.0, 0.9, 100)
    scores[0] = 1.0  # of the two that are true one is loudest, the other the lowest but one
    figures = figures_of(scores, found)
    assert (figures["true_incidents"], figures["lost_at_90"], figures["lost_at_99"]) == (2, 1, 1)
    assert figures["precision_at_20"] == 1 / 20


def test_of_equal_scores_noise_is_kept_first() -> None:
    found = examples(100)._replace(is_true=np.arange(100) < 1)
    assert figures_of(np.full(100, 0.5), found)["lost_at_90"] == 1
    assert reliability(np.full(100, 0.5), found) == [(0.5, 100.0, 0.5, 0.01)]


def said(verdict: Verdict, at_ms: int, *, is_person: bool = True) -> Outcome:
    return Outcome(incident_id="inc1:x", verdict=verdict, by="ada", via="api", at_ms=at_ms, is_person=is_person)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([said(Verdict.ACTIONABLE, 1), said(Verdict.NOT_ACTIONABLE, 2)], (False, 1.0)),
        ([said(Verdict.ACTIONABLE, 1), said(Verdict.NOT_ACTIONABLE, 2, is_person=False)], (True, 1.0)),
        ([said(Verdict.NOT_ACTIONABLE, 2, is_person=False)], (False, 0.5)),
        ([said(Verdict.NOT_ACTIONABLE, 1), said(Verdict.RESOLVED, 2)], (False, 1.0)),
        ([said(Verdict.POOR_DETAILS, 1)], (True, 1.0)),
        ([said(Verdict.DUPLICATE, 1), said(Verdict.ACKNOWLEDGED, 2)], None),
        ([said(Verdict.ACKNOWLEDGED, 1)], (True, 0.2)),
        ([said(Verdict.ACKNOWLEDGED, 1), said(Verdict.RESOLVED, 2)], (True, 0.5)),
        ([said(Verdict.RESOLVED, 2, is_person=False)], None),
        ([], None),
    ],
)
def test_a_person_is_believed_before_a_program_and_a_mark_before_a_deed(
    outcomes: list[Outcome], expected: tuple[bool, float] | None
) -> None:
    assert judge(outcomes) == expected
