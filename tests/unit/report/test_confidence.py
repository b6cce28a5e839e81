"""The interval holds what it promises, exactly: of one week, and of weeks that drew at other rates."""

from fractions import Fraction
from itertools import product
from math import comb

import pytest

from pipeline.report.confidence import Drawn, interval


def chance_of(part: int, drawn: int, number: int, population: int) -> Fraction:
    return Fraction(comb(number, part) * comb(population - number, drawn - part), comb(population, drawn))


@pytest.mark.parametrize("weeks", [[(12, 4), (9, 5)], [(20, 5), (6, 3)], [(8, 2), (5, 2), (6, 5)], [(9, 3), (4, 4)]])
def test_whatever_the_truth_of_each_week_it_lies_within_in_at_least_95_percent(weeks: list[tuple[int, int]]) -> None:
    seen = list(product(*(range(drawn + 1) for _, drawn in weeks)))
    told = {
        parts: interval([Drawn(part, drawn, of) for part, (of, drawn) in zip(parts, weeks, strict=True)])
        for parts in seen
    }
    for truth in product(*(range(of + 1) for of, _ in weeks)):
        held = Fraction(0)
        for parts, (low, high) in told.items():
            if low <= sum(truth) <= high:
                chance = Fraction(1)
                for part, number, (of, drawn) in zip(parts, truth, weeks, strict=True):
                    chance *= chance_of(part, drawn, number, of)
                held += chance
        assert held >= Fraction(95, 100)


def test_where_all_were_graded_there_is_no_doubt_and_where_none_was_nothing_but() -> None:
    assert interval([Drawn(3, 10, 10), Drawn(1, 5, 5)]) == (4, 4)
    assert interval([Drawn(3, 10, 10), Drawn(0, 0, 7)]) == (3, 10)
    one = interval([Drawn(2, 20, 100)])
    assert interval([Drawn(2, 20, 100), Drawn(3, 10, 10)]) == (one[0] + 3, one[1] + 3)


def test_several_weeks_are_narrower_than_the_sum_of_each() -> None:
    week = Drawn(3, 60, 300)
    low, high = interval([week])
    together = interval([week] * 4)
    assert 4 * low < together[0]
    assert together[1] < 4 * high * 0.8


@pytest.mark.parametrize(
    ("part", "whole", "of"), [(0, 20, 100), (1, 20, 100), (5, 50, 60), (0, 60, 5000), (3, 3, 3), (2, 40, 41)]
)
def test_the_interval_is_that_of_the_tails_counted_one_by_one(part: int, whole: int, of: int) -> None:
    def chance(number: int, seen: range) -> Fraction:
        return Fraction(sum(comb(number, k) * comb(of - number, whole - k) for k in seen), comb(of, whole))

    tail = Fraction(1, 40)
    fits = [
        number
        for number in range(part, of - (whole - part) + 1)
        if chance(number, range(part, whole + 1)) > tail and chance(number, range(part + 1)) > tail
    ]
    assert interval([Drawn(part, whole, of)]) == (fits[0], fits[-1])


def test_of_very_many_it_is_the_textbooks_interval() -> None:
    low, high = interval([Drawn(5, 50, 10_000_000)])  # Clopper and Pearson, binomial: 3.33 to 21.81 %
    assert (low / 1e7, high / 1e7) == pytest.approx((0.0333, 0.2181), abs=1e-4)
