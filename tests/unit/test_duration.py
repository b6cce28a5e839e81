"""Durations are read as people write them, and written so that they read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.duration import LONGEST_MS, milliseconds, written


@pytest.mark.parametrize(
    ("text", "ms"),
    [("90s", 90_000), ("5m", 300_000), ("1h30m", 5_400_000), ("1d", 86_400_000), ("250ms", 250), (2.5, 2500), (0, 0)],
)
def test_a_duration_is_read(text: object, ms: int) -> None:
    assert milliseconds(text) == ms


@pytest.mark.parametrize("text", ["", "soon", "5", "5 m", "m", "1m2h", "-5m", True, None, [5], "5M"])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="write a duration like"):
        milliseconds(text)


@given(st.integers(0, LONGEST_MS))
def test_what_is_written_reads_back(ms: int) -> None:
    assert milliseconds(written(ms)) == ms
