"""The laws of the live table: it equals its oracle exactly, whatever happens in whatever order, JIT on or off."""

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.columns import FOREVER_MS, NEVER_MS, Row
from pipeline.core.table import LiveTable, TableFull
from tests.laws.table_keys import ASKED, FAMILIES, TOP
from tests.laws.table_oracle import Event, Incident, OracleTable, batch_of, events_of, homes_of

INCIDENTS = 4
WAITS_MS = [[5, 40], [20, 60]]

few_keys = st.sampled_from([0, 1, 2, TOP, 1 << 63, *FAMILIES["same tag"][:4]])
times = st.integers(0, 6).map(lambda tens: tens * 10)  # few, so that they meet
rows = st.builds(
    Row,
    key=few_keys,
    last_at_ms=times,
    due_ms=times,
    review_at_ms=st.just(FOREVER_MS) | times,
    flap_ends_ms=st.just(FOREVER_MS) | times,
    queued_ms=times,
    events=st.integers(1, 3),
    incident=st.integers(-1, INCIDENTS),
    score=st.sampled_from([0.0, 0.25]),
    is_firing=st.sampled_from([1, 1, 1, 0]),
    rank=st.integers(0, 3),
    rule=st.sampled_from([0, 0, 1, 2]),
    starts_at_ms=times,
    first_at_ms=times,
    begun_at_ms=times,
    fired_at_ms=times,
    flap_at_ms=times,
    flap_penalty=st.sampled_from([0.0, 1.5]),
    place=times,
    hold_ms=st.integers(0, 3_600_000),
    severity=st.integers(0, 4),
    guard=st.integers(0, 9),
    is_echo=st.sampled_from([0, 1]),
    is_parted=st.sampled_from([0, 1]),
    quiet=times,
    is_flapping=st.just(1),
)
events = st.builds(
    Event,
    key=few_keys,
    at_ms=times,
    is_firing=st.sampled_from([True, True, True, True, False]),
    rank=st.sampled_from([0, 0, 0, 1, 3]),
    expires_at_ms=st.sampled_from([NEVER_MS, NEVER_MS, 30, 50]),
    says_resolved=st.booleans(),
    row=st.sampled_from([-1, 0, 1, 2, 5, 63, 64, -7, 10**9]),  # where its alert may have been once
)
clocks = st.tuples(st.none() | times, st.none() | times)


class Both:
    """A table and its oracle, driven together; each step compares what they answer."""

    def __init__(self, limit: int = 300) -> None:
        self.table, self.oracle = LiveTable(limit), OracleTable(limit)
        self.told_of = [
            Incident(due_ms=due_ms, stray_ms=stray_ms)
            for due_ms, stray_ms in ((FOREVER_MS, FOREVER_MS), (20, 5), (40, 500), (FOREVER_MS, 3_000))
        ]
        self.homes = homes_of(self.told_of)

    def insert(self, fresh: Row) -> None:
        assert answer(lambda: self.table.insert(fresh)) == answer(lambda: self.oracle.insert(fresh))

    def insert_many(self, family: str, first: int, count: int) -> None:
        for key in FAMILIES[family][first : first + count]:
            self.insert(Row(key, 2, 30, incident=key % INCIDENTS, starts_at_ms=key % 7))

    def remove(self, row: int) -> None:
        assert answer(lambda: self.table.remove(row)) == answer(lambda: self.oracle.remove(row))

    def remove_some(self, every: int) -> None:
        for row in self.oracle.live_rows()[::every]:
            self.remove(row)

    def change(self, row: int, values: tuple[int, int, int]) -> None:
        """What the caller writes into columns when an event is more than a duplicate."""
        if answer(lambda: self.oracle.get(row)) is KeyError:
            return
        named = dict(zip(("is_firing", "rank", "review_at_ms"), values, strict=True))
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
            found = self.table.scan(batch, start, clock, self.homes, np.array(WAITS_MS))
            assert found == self.oracle.scan(told, start, clock, self.told_of, WAITS_MS)
            assert events_of(batch) == told
            if found.stop == len(told):
                break
            start = found.stop + 1
            event = told[found.stop]  # whatever it is: it becomes an alert if there is none
            self.insert(Row(event.key, event.at_ms, 60, incident=1))
            clock = (found.watermark_ms, clock[1])
        assert [one.tolist() for one in self.homes] == [one.tolist() for one in homes_of(self.told_of)]

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


def few_examples() -> None:
    """The law and the hard keys; without the JIT the kernels are plain Python, in which an overflow is an error."""
    settings(settings.get_profile("fast"), max_examples=15)(test_the_table_equals_its_oracle)()
    settings(settings.get_profile("fast"), max_examples=30)(test_a_scan_equals_its_oracle)()
    for family in ("same tag", "last homes", "top"):
        test_keys_that_were_chosen_to_collide_are_only_slower(family)


def test_the_table_equals_its_oracle_without_the_jit() -> None:
    code = "import numba, tests.conftest; assert numba.config.DISABLE_JIT; "
    code += "from tests.laws.test_table import few_examples; few_examples()"
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.getcwd()}
    subprocess.run([sys.executable, "-W", "error", "-c", code], env=env, check=True)
