"""The benchmark of pairs asks about what a model never saw, and knows right from wrong."""

import numpy as np

from benchmarks.quality.pairs import Labelled, judged
from models.training import train
from tests.unit.models.histories import Told, history

DAY = 86_400
FAILURES: list[Told] = [(n * DAY + more, name, "x") for n in range(20) for more, name in ((0, "db"), (2, "api"))]
MOMENTS = np.random.default_rng(3).integers(0, 20 * DAY, 4000).tolist()  # some of them by chance near a failure
DISKS: list[Told] = [(at, "disk", f"y{n}") for n, at in enumerate(MOMENTS)]


def scene() -> list[Told]:
    return sorted(FAILURES + DISKS)


def test_a_pair_of_one_failure_scores_above_a_pair_by_chance() -> None:
    told = scene()
    incident = np.array([-1 if name == "disk" else at // DAY for at, name, _ in told], np.int64)
    labelled = Labelled(history(told, told), np.concatenate([incident, incident]))
    found = judged(train(labelled.only([0]).history).model, labelled.only([1]))
    assert found.pairs == 36
    assert (found.share, found.auc) == (20 / found.pairs, 1.0)
    assert (found.precision, found.recall) == (1.0, 1.0)


def test_a_part_holds_its_own_places_with_their_truth() -> None:
    labelled = Labelled(history([(0, "a", "x"), (9, "b", "x")], [(5, "b", "x")]), np.array([1, -1, 2]))
    part = labelled.only([1])
    assert part.history.at_ms.tolist() == [5000]
    assert part.incident.tolist() == [2]
    assert part.history.keys.tolist() == labelled.history.keys.tolist()
