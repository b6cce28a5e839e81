"""What the benchmark teaches from: the first pages after the first day, and other networks, each apart."""

import numpy as np

from benchmarks.quality.stream import NOISE, Stream
from benchmarks.quality.taught import Known, _all, _first_paged, _incidents
from models.examples import Examples


def examples(scores: list[float]) -> Examples:
    count = len(scores)
    return Examples(
        np.array(scores)[:, None],
        np.ones(count, np.uint64),
        np.arange(count, dtype=np.int64),
        np.zeros(count, np.bool_),
        np.ones(count),
        np.arange(count, dtype=np.int64),
    )


def stream(incident: list[int]) -> Stream:
    count = len(incident)
    nothing = np.zeros(count, np.int64)
    at_s = np.arange(count, dtype=np.float64)
    return Stream(at_s, at_s, nothing, [], np.zeros(count, np.bool_), np.array(incident), ["a", "b"], ["a", "b"])


def test_only_what_is_paged_after_the_first_day_is_marked() -> None:
    prior = np.array([0.9, 0.001, 0.2, 0.005, 0.01])
    known = Known(stream([NOISE] * 5), examples(prior.tolist()), np.arange(5), np.arange(5) >= 1)
    assert _first_paged(known, prior).tolist() == [2, 4]


def test_incidents_of_two_networks_stay_two() -> None:
    together = _all([examples([0.0] * 3), examples([0.0] * 2)])
    assert together.incident.tolist() == [0, 1, 2, 3, 4]
    assert len(together.features) == len(together.weight) == 5


def test_a_session_is_of_the_first_incident_that_any_of_it_belongs_to() -> None:
    found = _incidents(stream([NOISE, 1, 0, NOISE]), np.array([0, 0, 0, 1]))
    assert found.tolist() == [1, NOISE]
