"""The live table over its life: it grows without a pause, gives back what is removed, is full, is kept and restored."""

from itertools import pairwise

import numpy as np
import pytest

from pipeline.core.columns import ROW, Row
from pipeline.core.table import LiveTable, TableFull
from tests.laws.table_keys import FAMILIES
from tests.laws.table_oracle import Event, batch_of


def test_deleting_and_inserting_for_ever_leaves_no_trace() -> None:
    table = LiveTable(1000)
    for key in range(500):
        table.insert(Row(key, 0, 0))
    before = table.memory_bytes()
    for key in range(500, 5000):
        table.remove(table.find(key - 500))
        table.insert(Row(key, 0, 0))
    assert table.memory_bytes() == before
    assert len(table._old) == 0
    assert np.count_nonzero(table._slots) == len(table) == 500


@pytest.mark.parametrize("family", ["strided", "last homes"])
def test_while_it_grows_every_key_stands_in_exactly_one_index_that_is_never_crowded(family: str) -> None:
    table, places = LiveTable(400), dict[int, int]()
    keys = FAMILIES[family]
    asked = batch_of([Event(key, 0) for key in keys])
    for nth, key in enumerate(keys):
        places[key] = table.insert(Row(key, 0, 0))
        if nth % 5 == 4:
            gone = keys[nth - 2]
            table.remove(places.pop(gone))
        table.look_up(asked)
        assert asked["row"].tolist() == [places.get(key, -1) for key in keys]
        slots = np.concatenate((table._slots, table._old))
        assert np.count_nonzero(slots & np.uint64(0xFFFFFFFF)) == len(table) == len(places)
        assert len(table) * 8 <= len(table._slots) * 5


def test_an_index_has_moved_before_it_has_to_grow_again() -> None:
    table, sizes = LiveTable(20_000), [128]
    for key in range(20_000):
        was_growing = len(table._old) > 0
        table.insert(Row(key, 0, 0))
        if len(table._slots) != sizes[-1]:
            assert not was_growing
            sizes.append(len(table._slots))
    assert all(after == 2 * before for before, after in pairwise(sizes))
    assert len(sizes) == 9


def test_a_full_table_says_so_and_takes_the_next_once_one_has_gone() -> None:
    table = LiveTable(70)
    for key in range(70):
        table.insert(Row(key, 0, 0))
    with pytest.raises(TableFull):
        table.insert(Row(70, 0, 0))
    table.remove(3)
    assert table.insert(Row(70, 0, 0)) == 3


@pytest.mark.parametrize("wrong", [{"rank": 256}, {"place": 1 << 31}, {"key": -1}, {"key": 1 << 64}])
def test_an_insert_that_fails_changes_nothing(wrong: dict[str, int]) -> None:
    table = LiveTable(10)
    table.insert(Row(1, 0, 0))
    before = table.snapshot(), table.memory_bytes()
    with pytest.raises(OverflowError):
        table.insert(Row(2, 3, 3)._replace(**wrong))
    assert (table.snapshot(), table.memory_bytes()) == before
    assert table.columns.events.tolist()[1:] == table.columns.starts_at_ms.tolist()[1:] == [0] * 9
    assert table.insert(Row(2, 0, 0)) == 1


def test_equal_content_has_equal_bytes_whatever_came_before() -> None:
    one, other = LiveTable(1000), LiveTable(2000)
    for key in range(300):
        one.insert(Row(key, key, 3, queued_ms=key))
    for key in reversed(range(600)):
        other.insert(Row(key, key, 3))
    for key in range(300, 600):
        other.remove(other.find(key))
    assert one.snapshot() == other.snapshot()


def test_a_limit_that_was_lowered_loses_no_alert() -> None:
    table = LiveTable(500)
    for key in range(500):
        table.insert(Row(key, 0, 0))
    lower = LiveTable.restore(100, table.snapshot())
    assert len(lower) == 500
    with pytest.raises(TableFull):
        lower.insert(Row(500, 0, 0))


def test_a_damaged_snapshot_is_refused() -> None:
    table = LiveTable(10)
    table.insert(Row(1, 0, 0))
    table.insert(Row(2, 0, 0))
    good = table.snapshot()
    assert len(LiveTable.restore(10, good)) == 2
    row = ROW.itemsize
    swapped = good[:16] + good[16 + row : 16 + 2 * row] + good[16 : 16 + row] + good[16 + 2 * row :]
    for bad in (b"", good[:-1], good + b"\0", b"dead" + good[4:], good[:4] + b"\1" + good[5:], swapped):
        with pytest.raises(ValueError, match="snapshot"):
            LiveTable.restore(10, bad)


@pytest.mark.parametrize("limit", [0, -1, 1 << 31])
def test_a_limit_that_no_row_number_can_hold_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        LiveTable(limit)
