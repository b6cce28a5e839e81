"""Calibration figures against numbers worked out by hand."""

import numpy as np
import pytest

from benchmarks.quality.calibration import brier, expected_error, reliability


def test_scores_that_are_right_as_often_as_they_say_have_no_error() -> None:
    scores, truth = np.array([0.25] * 4 + [1.0] * 2), np.array([1, 0, 0, 0, 1, 1], np.float64)
    assert expected_error(scores, truth) == 0
    assert reliability(scores, truth) == [("0.2 to 0.3", 4, 0.25, 0.25), ("0.9 to 1.0", 2, 1.0, 1.0)]


def test_an_error_counts_by_the_size_of_its_bin() -> None:
    scores, truth = np.array([0.05, 0.05, 0.05, 0.95]), np.array([0, 0, 0, 0], np.float64)
    assert expected_error(scores, truth) == pytest.approx((3 * 0.05 + 0.95) / 4)
    assert brier(scores, truth) == pytest.approx((3 * 0.05**2 + 0.95**2) / 4)


def test_without_any_there_is_no_error() -> None:
    nothing = np.zeros(0)
    assert (expected_error(nothing, nothing), brier(nothing, nothing), reliability(nothing, nothing)) == (0, 0, [])
