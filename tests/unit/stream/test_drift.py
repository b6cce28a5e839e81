"""What an engine scores is counted by its mean, what is new, and how far it is from what the model was taught with."""

import math

from prometheus_client import REGISTRY

from pipeline.codec import encode
from pipeline.core.actionability.drift import bins_of
from pipeline.core.actionability.scorer import Untaught
from pipeline.core.learned import Learned
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from pipeline.log import Entry
from pipeline.stream.drift import RECENT, Drift
from pipeline.stream.engine import Engine
from schemas import Guard, Score
from schemas.topics import ALERTS
from tests.scene import alert, at, resolved

PARTITION = 93


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def score(probability: float, begun: float = 1.0, watched_ms: int = 10**9) -> Score:
    return Score(
        probability=probability,
        terms={},
        template_begun=begun,
        alert_begun=begun,
        watched_ms=watched_ms,
        ended=0,
        short=0,
    )


def test_an_engine_counts_each_beginning_with_its_score_once_and_no_repeat() -> None:
    names = ("pagesieve_triage_score_count", "pagesieve_triage_score_sum")
    before = [value(name) for name in names]
    new, known = (value("pagesieve_triage_beginnings_total", template=kind) for kind in ("new", "known"))
    records = [
        *at(0, alert("disk", host="a")),
        *at(5, alert("disk", host="a")),
        *at(60, resolved("disk", host="a")),
        *at(9000, alert("disk", host="a")),
    ]
    engine = Engine(PARTITION, Policy())
    engine.step([Entry(ALERTS.name, 0, nth, "", encode(one), {}, 0) for nth, one in enumerate(records)])
    count, total = (value(name) - was for name, was in zip(names, before, strict=True))
    assert count == 2
    assert 0 < total < 2
    assert value("pagesieve_triage_beginnings_total", template="new") - new == 1
    assert value("pagesieve_triage_beginnings_total", template="known") - known == 1


def test_without_a_model_nothing_drifts_and_with_one_it_is_told_by_feature() -> None:
    expected = {
        "score": bins_of([n / 1000 for n in range(1000)]),
        "prior": bins_of([0.0, 1.0]),
        "unknown": bins_of([1]),
    }
    assert Engine(PARTITION + 1, Policy()).policy
    of = {"of": "score", "partition": str(PARTITION + 1)}
    assert REGISTRY.get_sample_value("pagesieve_model_drift", of) is None
    Engine(PARTITION + 1, Policy(), Triage(Policy(), Learned(expected=expected)))
    assert math.isnan(REGISTRY.get_sample_value("pagesieve_model_drift", of) or 0)
    assert REGISTRY.get_sample_value("pagesieve_model_drift", of | {"of": "unknown"}) is None


class _Taught(Untaught):
    trained_at_ms = 1_764_000_000_000

    def __init__(self, version: str) -> None:
        self.version = version  # type: ignore[assignment]  # nothing learned has none


def trained() -> dict[str, float]:
    """The age of the model, by its name, as a monitor reads it."""
    [metric] = [one for one in REGISTRY.collect() if one.name == "pagesieve_model_trained_timestamp_seconds"]
    return {sample.labels["model"]: sample.value for sample in metric.samples}


def test_without_a_model_there_is_no_time_at_which_it_was_trained_so_that_no_alert_on_its_age_fires() -> None:
    assert Engine(PARTITION + 4, Policy()).policy
    assert trained() == {}
    Engine(PARTITION + 4, Policy(), Triage(Policy(), Learned(scorer=_Taught("a1:1"))))
    assert trained() == {"a1:1": 1_764_000_000}
    Engine(PARTITION + 4, Policy(), Triage(Policy(), Learned(scorer=_Taught("a1:2"))))
    assert trained() == {"a1:2": 1_764_000_000}
    assert Engine(PARTITION + 4, Policy()).policy
    assert trained() == {}


def test_scores_as_they_were_taught_drift_nowhere_and_others_do() -> None:
    drift = Drift(PARTITION + 2, {"score": bins_of([n / 1000 for n in range(1000)])})
    drift.count([(score(n / 500), None) for n in range(500)], Policy())
    assert drift.of("score") < 0.05
    drift.count([(score(0.999), Guard.TIER)] * (2 * RECENT), Policy())
    assert drift.of("score") > 0.25


def test_what_was_not_watched_for_long_enough_is_not_compared() -> None:
    drift = Drift(PARTITION + 3, {"score": bins_of([0.5])})
    drift.count([(score(0.5, watched_ms=1000), None)] * 1000, Policy())
    assert math.isnan(drift.of("score"))
