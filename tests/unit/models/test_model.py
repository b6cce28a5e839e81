"""A model answers as the core's protocol asks, whatever it holds, and refuses arrays that cannot be one."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.model import UNKNOWN, Arrays, Model
from models.training import train
from pipeline.core import clusters
from pipeline.core.clusters import UNLEARNED, Clusters, key_of
from tests.unit.models.histories import Told, history

DAY = 86_400
EACH: tuple[Told, ...] = ((0, "db", "x"), (3, "api", "x"), (5, "web", "x"), (9000, "disk", "y"), (9003, "raid", "y"))
DAILY = [(n * DAY + more, name, where) for n in range(30) for more, name, where in EACH]


def model(*places: list[Told]) -> Model:
    return train(history(*places)).model


def test_it_says_who_comes_with_whom_in_which_order_and_how_often() -> None:
    known: Clusters = model(DAILY)
    db, api, disk = (known.number(key_of(name)) for name in ("db", "api", "disk"))
    assert known.lift(db, api) > 50
    assert known.lift(db, disk) == 1.0
    assert known.leads(db, api) > 0.8
    assert known.gap_ms(db) == DAY * 1000
    assert known.family(db) == known.family(api) != known.family(disk) != UNKNOWN


def test_of_what_it_never_saw_it_says_what_no_model_says() -> None:
    known = model(DAILY)
    nobody, db = known.number(key_of("nobody")), known.number(key_of("db"))
    assert nobody == UNKNOWN == clusters.UNKNOWN
    for a, b in ((nobody, db), (db, nobody), (nobody, nobody), (10**6, db)):
        assert known.lift(a, b) == UNLEARNED.lift(a, b) == 1.0
        assert known.leads(a, b) == UNLEARNED.leads(a, b) == 0.0
    assert known.gap_ms(nobody) is UNLEARNED.gap_ms(nobody) is None
    assert known.family(nobody) == UNLEARNED.family(nobody)
    assert UNLEARNED.number(key_of("db")) == UNKNOWN
    assert UNLEARNED.version is None


moments = st.lists(
    st.tuples(st.integers(0, 5000), st.sampled_from("abcde"), st.sampled_from("xyz")), min_size=1, max_size=60
)


@settings(max_examples=30)
@given(moments)
def test_lift_is_symmetrical_and_positive_and_order_turns_around(told: list[Told]) -> None:
    known = model(sorted(told))
    numbers = range(len(known.arrays.keys))
    for a in numbers:
        assert known.number(int(known.arrays.keys[a])) == a
        for b in numbers:
            assert known.lift(a, b) == known.lift(b, a) > 0
            assert known.leads(a, b) == -known.leads(b, a)
            assert -1 < known.leads(a, b) < 1


@settings(max_examples=20)
@given(moments, moments)
def test_the_same_history_gives_the_same_bytes(told: list[Told], more: list[Told]) -> None:
    one, other = model(sorted(told), sorted(more)), model(sorted(told), sorted(more))
    assert one.version == other.version
    assert [array.tobytes() for array in one.arrays] == [array.tobytes() for array in other.arrays]


def test_another_history_gives_another_version() -> None:
    assert model(DAILY).version != model(DAILY[:-1]).version


def test_nothing_that_fires_is_a_model_that_knows_nothing() -> None:
    trained = train(history([(0, "~disk", "x")]))
    assert trained.figures.templates == 0
    assert trained.model.number(key_of("disk")) == UNKNOWN


def changed(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Arrays:
    arrays = model(DAILY).arrays
    return arrays._replace(**{name: change(getattr(arrays, name).copy())})


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("keys", lambda keys: keys[::-1], "keys: not in order"),
        ("keys", lambda keys: keys.astype(np.int64), "keys: 1 dimensions of <i8"),
        ("lift", lambda lift: lift.reshape(1, -1), "lift: 2 dimensions"),
        ("lift", lambda lift: lift * np.float32(np.nan), "lift: not a positive number"),
        ("lift", lambda lift: lift - lift, "lift: not a positive number"),
        ("leads", lambda leads: leads + np.float32(2), "leads: not between"),
        ("leads", lambda leads: leads[1:], "leads: "),
        ("pair_b", lambda b: b + np.int32(1000), "numbers that no template has"),
        ("pair_a", lambda a: a - np.int32(1), "numbers that no template has"),
        ("pair_a", lambda a: a[::-1], "pair_a, pair_b"),
        ("family", lambda family: family + np.int32(1000), "family"),
        ("gap_ms", lambda gap: gap - 10**12, "gap_ms"),
    ],
)
def test_arrays_that_cannot_be_a_model_are_refused(
    name: str, change: Callable[[np.ndarray], np.ndarray], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Model(changed(name, change))
