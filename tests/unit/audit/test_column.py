"""A column is a dictionary of numbers that costs a few bytes a number."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from pipeline.audit.column import ROWS, Column

offsets = st.one_of(st.integers(0, 20), st.integers(ROWS - 2, ROWS + 2), st.integers(10**12, 10**12 + 5))


@given(st.lists(st.tuples(offsets, st.integers(0, 2**64 - 1))))
def test_a_column_keeps_the_last_number_of_every_offset(written: list[tuple[int, int]]) -> None:
    column, known = Column("Q"), dict[int, int]()
    for offset, number in written:
        column[offset] = known[offset] = number
    assert list(column) == sorted((offset, number) for offset, number in known.items() if number)
    assert [column[offset] for offset, _ in written] == [known[offset] for offset, _ in written]
    for offset, _ in written:
        assert column.take(offset) == known.pop(offset, 0)
        assert column[offset] == 0


def test_a_million_numbers_take_eight_bytes_each() -> None:
    column = Column("Q")
    tracemalloc.start()
    for offset in range(1_000_000):
        column[offset] = 2**63
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 9e6  # the last page is not full, and a dictionary knows the pages
