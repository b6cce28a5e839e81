"""Does `Triage.step` keep up with a storm: 20,000 new alerts in ten seconds, amid 10,000 that are open?"""

import time
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.report import Report, Row, Table
from benchmarks.step import CHUNK, CORRELATED, POLICY, TOGETHER, Stream
from pipeline.command.collection import collect_rarely
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from pipeline.stream.app import BATCH_RECORDS
from schemas import Alerts

CALM_MS = 15_000  # from one record of ten to the next before the storm: fewer a minute than a storm has
STORM_MS = 5  # and in it
TARGET_MS = 200.0
COLUMNS = ("policy", "batches", "p50 ms", "p99 ms", "target", "longest ms", "alerts behind, at most", "s CPU in all")
POLICIES = {
    "the default: it becomes one incident": Policy(),
    "correlated, storms off": CORRELATED,
    "group_by, storms off": POLICY,
}


class Told(NamedTuple):
    """How a storm went."""

    taken_s: list[float]  # by each batch
    behind: int  # alerts that waited at most


def measure(*, is_quick: bool) -> Report:
    """Play the same storm to each policy."""
    live, alerts = (CHUNK, CHUNK) if is_quick else (10_000, 20_000)
    collect_rarely()  # as every process of ours
    rows: list[Row] = []
    for name, policy in POLICIES.items():
        triage, stream = Triage(policy), Stream(250, CALM_MS)
        while stream.live < live:
            triage.step(stream.chunk(1.0, TOGETHER))
        stream.pace_ms = STORM_MS
        storm = [record for _ in range(alerts // CHUNK) for record in stream.chunk(1.0, TOGETHER)]
        told = _told(triage, storm)
        taken_ms = sorted([1000 * taken_s for taken_s in told.taken_s])
        p50, p99 = (taken_ms[int(share * (len(taken_ms) - 1))] for share in (0.5, 0.99))
        rows.append((name, len(taken_ms), p50, p99, TARGET_MS, taken_ms[-1], told.behind, sum(told.taken_s)))
    table = Table(f"{alerts:,} new alerts in {alerts * STORM_MS // TOGETHER // 1000} s", COLUMNS, rows)
    note = (
        f"A record of {TOGETHER} every {STORM_MS} ms, after {live:,} alerts that came one record in "
        f"{CALM_MS // 1000} s. A batch is what has come while the one before was decided, at most {BATCH_RECORDS} "
        "records; time goes on by the CPU that deciding took, or to the next record."
    )
    return Report("storm", [table], notes=[note])


def _told(triage: Triage, storm: Sequence[Alerts]) -> Told:
    """Decide the records as they come."""
    now_s, start, behind, taken_s = 0.0, 0, 0, list[float]()
    while start < len(storm):
        now_s = max(now_s, start * STORM_MS / 1000)
        come = min(int(now_s * 1000 / STORM_MS) + 1, len(storm))
        end = min(come, start + BATCH_RECORDS)
        began_s = time.process_time()
        triage.step(storm[start:end])
        taken_s.append(time.process_time() - began_s)
        now_s += taken_s[-1]
        behind, start = max(behind, (come - start) * TOGETHER), end
    return Told(taken_s, behind)
