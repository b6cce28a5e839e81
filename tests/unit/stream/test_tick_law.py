"""When time may be told: only what is normalised is past."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.stream.tick_law import MAX_SAMPLES, TickLaw, normalised_offsets


def test_nothing_is_told_before_the_first_sample() -> None:
    assert TickLaw().tellable_ms({0: 10}) is None


def test_time_is_told_once_everything_that_had_arrived_is_normalised() -> None:
    law = TickLaw()
    law.sample(1000, {0: 5, 1: 2})
    assert law.tellable_ms({0: 5, 1: 1}) is None
    assert law.tellable_ms({0: 5, 1: 2}) == 1000


def test_while_normalise_lags_time_waits_for_it() -> None:
    law = TickLaw()
    law.sample(1000, {0: 5})
    law.sample(2000, {0: 9})
    law.sample(3000, {0: 20})
    assert law.tellable_ms({0: 9}) == 2000
    assert law.tellable_ms({0: 19}) == 2000
    assert law.tellable_ms({0: 20}) == 3000


def test_partitions_that_never_held_anything_do_not_stop_time() -> None:
    law = TickLaw()
    law.sample(1000, {0: 0, 1: 3})
    assert law.tellable_ms(normalised_offsets({0: None, 1: 3}, {0: 0, 1: 0})) == 1000


def test_what_retention_has_removed_does_not_stop_time() -> None:
    law = TickLaw()
    law.sample(1000, {0: 7})
    assert law.tellable_ms(normalised_offsets({0: None}, {0: 6})) is None
    assert law.tellable_ms(normalised_offsets({0: None}, {0: 7})) == 1000


def test_a_clock_that_is_set_back_makes_time_wait_not_return() -> None:
    law = TickLaw()
    law.sample(5000, {0: 1})
    law.sample(4000, {0: 2})
    assert law.tellable_ms({0: 2}) == 5000
    law.sample(5001, {0: 3})
    assert law.tellable_ms({0: 2}) == 5000


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=60))
def test_a_time_told_is_always_true_and_never_goes_back(turns: list[tuple[int, int]]) -> None:
    law, arrived, normalised, told = TickLaw(), 0, 0, 0
    arrived_by: dict[int, int] = {}
    for turn, (new, handled) in enumerate(turns, start=1):
        arrived += new
        normalised = min(arrived, normalised + handled)
        arrived_by[turn] = arrived
        law.sample(turn, {0: arrived})
        tellable = law.tellable_ms({0: normalised}) or 0
        assert tellable >= told
        assert arrived_by.get(tellable, 0) <= normalised
        told = tellable


def test_a_long_lag_costs_precision_not_memory() -> None:
    law = TickLaw()
    for second in range(1, 10 * MAX_SAMPLES):
        law.sample(second * 1000, {0: second})
    assert len(law._samples) <= MAX_SAMPLES
    newest_ms = (10 * MAX_SAMPLES - 1) * 1000
    assert law.tellable_ms({0: 10 * MAX_SAMPLES - 1}) == newest_ms
