"""What the kernels of the live table do in a second of one core, beside a dict and the oracle; what growth costs."""

import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.programs import done
from benchmarks.report import Report, Table
from benchmarks.report import Row as Line
from pipeline.core.columns import FOREVER_MS, INCIDENT, NEVER_MS, RHYTHM, Batch, Row, new_batch
from pipeline.core.jit import warm_up
from pipeline.core.table import LiveTable
from tests.laws.table_oracle import Incident, OracleTable, events_of

SEED = 7
BATCH = 4096  # events that are decided together
INCIDENTS = 50_000
WAITS_MS = [[1000, 1000]]  # by the only rule
ORACLE_LIVE = 100_000  # more alerts would be gigabytes of tuples
LOOK_UPS = ("live alerts", "`look_up`", "`find`, one by one", "a dict")
SCANS = ("live alerts", "duplicates only", "90 % duplicates, 10 % new and inserted", "the oracle, 90 % duplicates")
GROWTH = (
    "live alerts",
    "µs an insert",
    "longest insert: ms CPU",
    "ms wall",
    "bytes an alert",
    "resident bytes an alert",
)
START = ("numba's cache", "s CPU to import", "s CPU to warm up")
STARTED = (
    "import time; a = time.process_time(); from pipeline.core import jit, table; b = time.process_time();"
    "jit.warm_up(); print(b - a, time.process_time() - b)"
)


class Size(NamedTuple):
    """How much of everything, and how often."""

    live: tuple[int, ...]
    events: int
    runs: int


def measure(*, is_quick: bool) -> Report:
    """Let a table grow to each size and ask it there."""
    size = Size((500, 2_000), 8192, 1) if is_quick else Size((10_000, 65_536, 1_000_000, 4_000_000), 1 << 20, 5)
    warm_up()
    chance = np.random.default_rng(SEED)
    look_ups, scans, growth = list[Line](), list[Line](), list[Line]()
    with _no_garbage_collection():
        for live in size.live:
            keys = chance.integers(0, 1 << 64, live + size.events, dtype=np.uint64)
            asked = keys[chance.integers(0, live, size.events)]
            table, name = LiveTable(len(keys)), f"{live:,}"
            growth.append((name, *_grow(table, keys[:live].tolist())))
            look_ups.append((name, *_look_ups(table, keys[:live], asked, size.runs)))
            scans.append((name, *_scans(table, asked, keys[live:], size.runs)))
    return Report(
        "kernels",
        [
            Table("Look-ups in random order, million a second of CPU", LOOK_UPS, look_ups),
            Table(f"Events in random order, {BATCH} at a time: look_up, then scan; million/s of CPU", SCANS, scans),
            Table("A table that grows, insert by insert", GROWTH, growth),
            Table("The start of a process", START, _start()),
        ],
        notes=[
            f"Medians of {size.runs} runs over {size.events:,} events, seed {SEED}; one core, the batches made before.",
            "Wall time is also what others did to the machine meanwhile; CPU time has the page faults in it.",
        ],
    )


def _grow(table: LiveTable, keys: list[int]) -> tuple[float, ...]:
    """Insert `keys` one by one: the mean and the longest, and what an alert takes in memory then."""
    longest_cpu_ns = longest_wall_ns = 0
    resident_bytes, started_s = _resident_bytes(), time.process_time()
    for number, key in enumerate(keys):
        wall_ns, cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
        table.insert(Row(key, 0, 0, incident=number % INCIDENTS, rank=3))
        cpu_ns, wall_ns = time.thread_time_ns() - cpu_ns, time.perf_counter_ns() - wall_ns
        longest_cpu_ns, longest_wall_ns = max(longest_cpu_ns, cpu_ns), max(longest_wall_ns, wall_ns)
    return (
        (time.process_time() - started_s) / len(keys) * 1e6,
        longest_cpu_ns / 1e6,
        longest_wall_ns / 1e6,
        table.memory_bytes() / len(keys),
        (_resident_bytes() - resident_bytes) / len(keys),
    )


def _look_ups(table: LiveTable, keys: NDArray[np.uint64], asked: NDArray[np.uint64], runs: int) -> tuple[float, ...]:
    """The same questions to the kernel, to its `find`, and to a dict."""
    batch = _batch(asked)
    by_key = dict(zip(keys.tolist(), range(len(keys)), strict=True))
    some = asked[: len(asked) // 8].tolist()
    return (
        len(asked) / _cpu_s(lambda: table.look_up(batch), runs) / 1e6,
        len(some) / _cpu_s(lambda: [table.find(key) for key in some], runs) / 1e6,
        len(some) / _cpu_s(lambda: [by_key.get(key, -1) for key in some], runs) / 1e6,
    )


def _scans(
    table: LiveTable, asked: NDArray[np.uint64], fresh: NDArray[np.uint64], runs: int
) -> tuple[float, float, float | None]:
    """Streams of duplicates, and of duplicates with alerts among them that are new."""
    events = len(asked)
    mixed = asked.copy()
    mixed[::10] = fresh[::10]
    duplicates, mixture = _split(_batch(asked)), _split(_batch(mixed))
    oracle = None
    if len(table) <= ORACLE_LIVE:
        some = mixture[: len(mixture) // 8 + 1]
        oracle = sum(map(len, some)) / _run_oracle(table, some) / 1e6
    return (
        events / _cpu_s(lambda: _run(table, duplicates), runs) / 1e6,
        events / _cpu_s(lambda: _run(table, mixture), runs, lambda: _forget(table, mixed[::10])) / 1e6,
        oracle,
    )


def _run(table: LiveTable, batches: list[Batch]) -> None:
    homes, waits_ms, watermark_ms = (
        (np.zeros(INCIDENTS, INCIDENT), np.zeros(INCIDENTS, RHYTHM)),
        np.array(WAITS_MS),
        None,
    )
    homes[0]["due_ms"] = homes[1]["stray_ms"] = FOREVER_MS
    for batch in batches:
        table.look_up(batch)
        start = 0
        while start < len(batch):
            start, watermark_ms, _ = table.scan(batch, start, (watermark_ms, None), homes, waits_ms)
            if start < len(batch):
                event = batch[start]
                table.insert(Row(int(event["key"]), int(event["at_ms"]), 0, incident=0))
                start += 1


def _run_oracle(table: LiveTable, batches: list[Batch]) -> float:
    """The same in plain Python; how many seconds of CPU it took."""
    oracle, watermark_ms = OracleTable(table.limit), None
    incidents = [Incident() for _ in range(INCIDENTS)]
    for row in table.live_rows():
        oracle.insert(table.get(row))
    told = [events_of(batch) for batch in batches]
    started_s = time.process_time()
    for events in told:
        oracle.look_up(events)
        start = 0
        while start < len(events):
            start, watermark_ms, _ = oracle.scan(events, start, (watermark_ms, None), incidents, WAITS_MS)
            if start < len(events):
                event = events[start]
                oracle.insert(Row(event.key, event.at_ms, 0, incident=0))
                start += 1
    return time.process_time() - started_s


def _forget(table: LiveTable, keys: NDArray[np.uint64]) -> None:
    for key in keys.tolist():
        table.remove(table.find(key))


def _start() -> list[Line]:
    """A process that uses the core for the first time on a machine, and then again."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {"NUMBA_CACHE_DIR": cache}
        return [
            (name, *map(float, done([sys.executable, "-c", STARTED], environment).split()))
            for name in ("empty", "warm")
        ]


def _batch(keys: NDArray[np.uint64]) -> Batch:
    batch = new_batch(len(keys))
    batch["key"], batch["at_ms"] = keys, np.arange(len(keys))
    batch["is_firing"], batch["expires_at_ms"] = 1, NEVER_MS
    return batch


def _split(batch: Batch) -> list[Batch]:
    return [batch[start : start + BATCH] for start in range(0, len(batch), BATCH)]


def _cpu_s(do: Callable[[], object], runs: int, undo: Callable[[], object] = lambda: None) -> float:
    """The median of what `do` takes of this core."""
    took_s = []
    for _ in range(runs):
        started_s = time.process_time()
        do()
        took_s.append(time.process_time() - started_s)
        undo()
    return statistics.median(took_s)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A collection walks all dicts and tuples of the benchmark itself, in the middle of whatever is measured."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
