"""The laws of the live table: it equals its oracle exactly, whatever happens in whatever order, JIT on or off."""

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.core.columns import Row
from pipeline.core.kernels import tag_of
from pipeline.core.table import LiveTable, TableFull
from tests.laws.table_oracle import Event, OracleTable, batch_of, events_of

INCIDENTS = 4
TOP = (1 << 64) - 1


def tags_of(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The tags of many keys at once, in numpy."""
    plain: Any = getattr(tag_of, "py_func", tag_of)
    tags: NDArray[np.uint64] = plain(keys)
    return tags


def same_tag() -> list[int]:
    """Different keys that share all 32 bits of their tag with another: only the row tells them apart."""
    keys = np.arange(1 << 20, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    tags = tags_of(keys)
    order = np.argsort(tags)
    twins = np.flatnonzero(np.diff(tags[order]) == 0)
    return [int(key) for place in twins[:100] for key in keys[order[place : place + 2]]]


def last_homes() -> list[int]:
    """Keys that all belong to the last slots of an index of up to 2^12 slots, so that they wrap around."""
    keys = np.arange(1 << 20, dtype=np.uint64)
    return [int(key) for key in keys[tags_of(keys) % np.uint64(1 << 12) >= np.uint64((1 << 12) - 2)]]


FAMILIES = {
    "small": list(range(400)),
    "top": [TOP - n for n in range(400)],
    "same low half": [n << 32 for n in range(400)],
    "same low bits": [n << 56 | 1 for n in range(256)],
    "strided": [n * 4096 for n in range(400)],
    "same tag": same_tag(),
    "last homes": last_homes()[:400],
}

keys = st.sampled_from(sorted(FAMILIES)).flatmap(lambda family: st.sampled_from(FAMILIES[family]))
ASKED = [key for family in FAMILIES.values() for key in family[::5]]
few_keys = st.sampled_from([0, 1, 2, TOP, 1 << 63, *FAMILIES["same tag"][:4]])
times = st.integers(0, 6).map(lambda tens: tens * 10)  # few, so that they meet
rows = st.builds(
    Row,
    key=few_keys,
    starts_at_ms=times,
    first_at_ms=times,
    last_at_ms=times,
    due_ms=times,
    queued_ms=st.sampled_from([0, 0, 20, 40]),
    events=st.integers(1, 3),
    incident=st.integers(-1, INCIDENTS),
    changes=st.integers(0, 3),
    is_firing=st.sampled_from([1, 1, 1, 0]),
    rank=st.integers(0, 3),
)
events = st.builds(
    Event,
    key=few_keys,
    at_ms=times,
    is_firing=st.sampled_from([True, True, True, True, False]),
    rank=st.sampled_from([0, 0, 0, 1, 3]),
    expires_at_ms=st.sampled_from([-(1 << 62), 30, 50]),
    quiet_ms=st.sampled_from([1, 10, 20, 60]),
    row=st.sampled_from([-1, 0, 1, 2, 5, 63, 64, -7, 10**9]),  # where its alert may have been once
)
clocks = st.tuples(st.none() | times, st.none() | times)


class Both:
    """A table and its oracle, driven together; each step compares what they answer."""

    def __init__(self, limit: int = 300) -> None:
        self.table, self.oracle = LiveTable(limit), OracleTable(limit)
        self.counts, self.oracle_counts = np.zeros(INCIDENTS, np.int64), [0] * INCIDENTS

    def insert(self, fresh: Row) -> None:
        assert answer(lambda: self.table.insert(fresh)) == answer(lambda: self.oracle.insert(fresh))

    def insert_many(self, family: str, first: int, count: int) -> None:
        for key in FAMILIES[family][first : first + count]:
            self.insert(Row(key, key % 7, 1, 2, 30, 0, incident=key % INCIDENTS))

    def remove(self, row: int) -> None:
        assert answer(lambda: self.table.remove(row)) == answer(lambda: self.oracle.remove(row))

    def remove_some(self, every: int) -> None:
        for row in self.oracle.live_rows()[::every]:
            self.remove(row)

    def change(self, row: int, values: tuple[int, int, int]) -> None:
        """What the caller writes into columns when an event is more than a duplicate."""
        if answer(lambda: self.oracle.get(row)) is KeyError:
            return
        named = dict(zip(("is_firing", "rank", "queued_ms"), values, strict=True))
        self.oracle.change(row, **named)
        for name, value in named.items():
            getattr(self.table.columns, name)[row] = value

    def scan(self, told: list[Event], clock: tuple[int | None, int | None], *, looks_up: bool) -> None:
        """A whole batch as triage will do it: scan, deal with what is more, go on."""
        batch = batch_of(told)
        if looks_up:
            self.table.look_up(batch)
            self.oracle.look_up(told)
        start = 0
        while start < len(told):
            found = self.table.scan(batch, start, clock, self.counts)
            assert found == self.oracle.scan(told, start, clock, self.oracle_counts)
            assert events_of(batch) == told
            if found.stop == len(told):
                break
            start = found.stop + 1
            event = told[found.stop]  # whatever it is: it becomes an alert if there is none
            self.insert(Row(event.key, event.at_ms, event.at_ms, event.at_ms, 60, 10, incident=1))
            clock = (found.watermark_ms, clock[1])
        assert self.counts.tolist() == self.oracle_counts

    def reload(self) -> None:
        """Snapshot and restore both; rows are numbered anew, in the order of keys."""
        content = self.oracle.content()
        self.oracle = OracleTable(self.oracle.limit)
        for row in content:
            self.oracle.insert(row)
        snapshot = self.table.snapshot()
        self.table = LiveTable.restore(self.table.limit, snapshot)
        assert self.table.snapshot() == snapshot

    def compare(self) -> None:
        """Everything that can be asked."""
        live = self.oracle.live_rows()
        assert len(self.table) == len(self.oracle)
        assert self.table.live_rows().tolist() == live
        assert [self.table.get(row) for row in live] == [self.oracle.get(row) for row in live]
        asked = [Event(key, 0) for key in ASKED]
        batch = batch_of(asked)
        self.table.look_up(batch)
        self.oracle.look_up(asked)
        assert batch["row"].tolist() == [event.row for event in asked]
        for event in asked[::10]:
            assert self.table.find(event.key) == event.row


def answer(ask: Callable[[], object]) -> object:
    """What it returns, or the kind of error that it raises."""
    try:
        return ask()
    except (KeyError, ValueError, TableFull) as exc:
        return type(exc)


steps = st.one_of(
    st.tuples(st.just("insert"), rows),
    st.tuples(st.just("insert_many"), st.sampled_from(sorted(FAMILIES)), st.integers(0, 300), st.integers(1, 150)),
    st.tuples(st.just("remove"), st.integers(-1, 40)),
    st.tuples(st.just("remove_some"), st.integers(1, 4)),
    st.tuples(st.just("change"), st.integers(0, 8), st.tuples(st.integers(0, 1), st.integers(0, 3), times)),
    st.tuples(st.just("scan"), st.lists(events, max_size=30), clocks, st.booleans()),
    st.tuples(st.just("reload")),
)


@given(st.lists(steps, max_size=30))
def test_the_table_equals_its_oracle(story: list[tuple[object, ...]]) -> None:
    both = Both()
    for name, *arguments in story:
        if name == "scan":
            told, clock, looks_up = arguments
            both.scan(told, clock, looks_up=looks_up)  # type: ignore[arg-type]  # hypothesis drew them for this
        else:
            getattr(both, str(name))(*arguments)
    both.compare()


@given(
    st.lists(rows, unique_by=lambda row: row.key),
    st.lists(events),
    clocks,
    st.booleans(),
)
def test_a_scan_equals_its_oracle(
    known: list[Row], told: list[Event], clock: tuple[int | None, int | None], looks_up: bool
) -> None:
    both = Both()
    for row in known:
        both.insert(row)
    both.scan(told, clock, looks_up=looks_up)
    both.compare()


@pytest.mark.parametrize("family", FAMILIES)
def test_keys_that_were_chosen_to_collide_are_only_slower(family: str) -> None:
    both = Both()
    both.insert_many(family, 0, 300)
    both.compare()
    both.remove_some(2)
    both.compare()
    both.insert_many(family, 0, 300)
    both.compare()


def test_deleting_and_inserting_for_ever_leaves_no_trace() -> None:
    table = LiveTable(1000)
    for key in range(500):
        table.insert(Row(key, 0, 0, 0, 0))
    before = table.memory_bytes()
    for key in range(500, 5000):
        table.remove(table.find(key - 500))
        table.insert(Row(key, 0, 0, 0, 0))
    assert table.memory_bytes() == before
    assert len(table._old) == 0
    assert np.count_nonzero(table._slots) == len(table) == 500


@pytest.mark.parametrize("family", ["strided", "last homes"])
def test_while_it_grows_every_key_stands_in_exactly_one_index_that_is_never_crowded(family: str) -> None:
    table, places = LiveTable(400), dict[int, int]()
    keys = FAMILIES[family]
    asked = batch_of([Event(key, 0) for key in keys])
    for nth, key in enumerate(keys):
        places[key] = table.insert(Row(key, 0, 0, 0, 0))
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
        table.insert(Row(key, 0, 0, 0, 0))
        if len(table._slots) != sizes[-1]:
            assert not was_growing
            sizes.append(len(table._slots))
    assert all(after == 2 * before for before, after in pairwise(sizes))
    assert len(sizes) == 9


def test_a_full_table_says_so_and_takes_the_next_once_one_has_gone() -> None:
    table = LiveTable(70)
    for key in range(70):
        table.insert(Row(key, 0, 0, 0, 0))
    with pytest.raises(TableFull):
        table.insert(Row(70, 0, 0, 0, 0))
    table.remove(3)
    assert table.insert(Row(70, 0, 0, 0, 0)) == 3


@pytest.mark.parametrize("wrong", [{"incident": 1 << 31}, {"rank": 256}, {"key": -1}, {"key": 1 << 64}])
def test_an_insert_that_fails_changes_nothing(wrong: dict[str, int]) -> None:
    table = LiveTable(10)
    table.insert(Row(1, 0, 0, 0, 0))
    before = table.snapshot(), table.memory_bytes()
    with pytest.raises(OverflowError):
        table.insert(Row(2, 3, 3, 3, 3)._replace(**wrong))
    assert (table.snapshot(), table.memory_bytes()) == before
    assert table.columns.events.tolist()[1:] == [0] * 9
    assert table.insert(Row(2, 0, 0, 0, 0)) == 1


def test_equal_content_has_equal_bytes_whatever_came_before() -> None:
    one, other = LiveTable(1000), LiveTable(2000)
    for key in range(300):
        one.insert(Row(key, key, 1, 2, 3, queued_ms=key))
    for key in reversed(range(600)):
        other.insert(Row(key, key, 1, 2, 3))
    for key in range(300, 600):
        other.remove(other.find(key))
    assert one.snapshot() == other.snapshot()


def test_a_limit_that_was_lowered_loses_no_alert() -> None:
    table = LiveTable(500)
    for key in range(500):
        table.insert(Row(key, 0, 0, 0, 0))
    lower = LiveTable.restore(100, table.snapshot())
    assert len(lower) == 500
    with pytest.raises(TableFull):
        lower.insert(Row(500, 0, 0, 0, 0))


def test_a_damaged_snapshot_is_refused() -> None:
    table = LiveTable(10)
    table.insert(Row(1, 0, 0, 0, 0))
    table.insert(Row(2, 0, 0, 0, 0))
    good = table.snapshot()
    assert len(LiveTable.restore(10, good)) == 2
    swapped = good[:16] + good[24:32] + good[16:24] + good[32:]
    for bad in (b"", good[:-1], good + b"\0", b"dead" + good[4:], good[:4] + b"\2" + good[5:], swapped):
        with pytest.raises(ValueError, match="snapshot"):
            LiveTable.restore(10, bad)


@pytest.mark.parametrize("limit", [0, -1, 1 << 31])
def test_a_limit_that_no_row_number_can_hold_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        LiveTable(limit)


def few_examples() -> None:
    """The law and the hard keys; without the JIT the kernels are plain Python, in which an overflow is an error."""
    settings(max_examples=15)(test_the_table_equals_its_oracle)()
    settings(max_examples=30)(test_a_scan_equals_its_oracle)()
    for family in ("same tag", "last homes", "top"):
        test_keys_that_were_chosen_to_collide_are_only_slower(family)


def test_the_table_equals_its_oracle_without_the_jit() -> None:
    code = (
        "import numba; assert numba.config.DISABLE_JIT; from tests.laws.test_table import few_examples; few_examples()"
    )
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.getcwd()}
    subprocess.run([sys.executable, "-W", "error", "-c", code], env=env, check=True)
