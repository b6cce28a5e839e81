"""What `Triage.step` takes of one core, beside a dict that counts; what much state costs."""

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from benchmarks.programs import done
from benchmarks.report import Report, Row, Table
from pipeline.command.collection import collect_rarely
from pipeline.core.fingerprint import fingerprint_of
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from schemas import Alert, Alerts, Severity, Status

SEED = 7
CHUNK = 1000  # events that are decided together, and made just before, as the worker decodes them
TOGETHER = 10  # alerts in a record
SMALL = 1_000, 500  # alerts and open incidents: few that are as small as where there are 50,000
NOON_MS = 1_700_000_000_000
LIMITS = {"storm": {"floor": 1 << 30}, "max_live_alerts": 1 << 22}
POLICY = Policy.model_validate(LIMITS | {"group_by": ["alertname", "cluster", "namespace"]})
ALONE = Policy.model_validate(LIMITS | {"group_by": ["instance"]})
CORRELATED = Policy.model_validate(LIMITS)
STREAMS = ("stream", "events/s", "target", "µs an event", "a dict that only counts, events/s")
SIZES = ("state", "duplicates/s", "events/s at 90 % duplicates", "resident bytes an alert")
KEPT = ("state", "MB", "s CPU to take", "s CPU to restore")


class Size(NamedTuple):
    """How much of everything."""

    live: int  # alerts when a stream begins
    incidents: int
    events: int
    states: tuple[tuple[int, int], ...]  # (live alerts, open incidents)


class Stream:
    """Decoded events of alerts that are live, or new, in so many groups: 40 names, 25 clusters, some namespaces."""

    def __init__(self, incidents: int, pace_ms: int | None = None) -> None:
        self._incidents = incidents
        self.pace_ms = pace_ms  # from one record to the next; by default half a millisecond an alert, and one more
        self._chance = random.Random(SEED)  # noqa: S311  # a fixed order, no secret
        self._at_ms, self._offset = NOON_MS, 0
        self.live = 0

    def chunk(self, new: float, together: int) -> list[Alerts]:
        """The records of the next events, of which this share is new."""
        numbers = []
        for _ in range(CHUNK):
            if self._chance.random() < new:
                self.live += 1
                numbers.append(self.live)
            else:
                numbers.append(self._chance.randint(1, self.live))
        records = []
        for start in range(0, CHUNK, together):
            self._at_ms += together // 2 + 1 if self.pace_ms is None else self.pace_ms
            self._offset += 1
            alerts = tuple([self._alert(number) for number in numbers[start : start + together]])
            records.append(
                Alerts.trusted(kind="alerts", scope="", raw_partition=0, raw_offset=self._offset, part=0, alerts=alerts)
            )
        return records

    def _alert(self, number: int) -> Alert:
        # The first open each incident once; the others come to them in no order.
        group = (number if number <= self._incidents else number * 2_654_435_761 % (1 << 32)) % self._incidents
        instance = f"10.0.{number >> 8 & 255}.{number & 255}:{number >> 16}"
        labels = {
            "alertname": f"Alert{group % 40}",
            "cluster": f"c{group // 40 % 25}",
            "namespace": f"ns{group // 1000}",
            "instance": instance,
            "job": "node",
            "severity": "warning",
            "team": "core",
        }
        return Alert.trusted(
            source="alertmanager",
            name=labels["alertname"],
            labels=labels,
            annotations={"summary": f"{instance} is bad", "description": "something is wrong there, look at it"},
            severity=Severity.WARNING,
            status=Status.FIRING,
            at_ms=self._at_ms,
            starts_at_ms=NOON_MS,
            ends_at_ms=None,
            expires_at_ms=None,
            fingerprint=fingerprint_of(number * 0x9E3779B97F4A7C15 & (1 << 64) - 1),
            source_fingerprint=f"{number * 0xBF58476D1CE4E5B9 & (1 << 64) - 1:016x}",
            is_state=True,
            url=f"http://prometheus/graph?g0.expr={group % 40}",
            tenant=None,
        )


def measure(*, is_quick: bool) -> Report:
    """Give one triage streams of each kind, and let others grow large."""
    size = Size(10_000, 250, 100_000, ((10_000, 500), (1_000_000, 500), (100_000, 500), (100_000, 50_000)))
    if is_quick:
        size = Size(2_000, 50, 2_000, ((1_000, 50), (3_000, 50), (3_000, 1_000)))
    collect_rarely()  # as every process of ours
    sizes, kept = list[Row](), list[Row]()
    for live, incidents in (*size.states, SMALL):
        name = f"{live:,} alerts in {incidents:,} incidents"
        is_small = (live, incidents) == SMALL
        how = [str(live), str(incidents), str(size.events), *(["small"] if is_small else [])]
        duplicates, mixed, *others = json.loads(done([sys.executable, "-m", "benchmarks.step", *how], {}))
        if is_small:
            sizes.append((name, duplicates, mixed, None))
            continue
        resident, snapshot_bytes, taken_s, restored_s = others
        sizes.append((name, duplicates, mixed, resident))
        kept.append((name, snapshot_bytes / 1e6, taken_s, restored_s))
    return Report(
        "step",
        [
            Table("Decoded events, group_by", STREAMS, list(_streams(size, POLICY))),
            Table("The same streams, correlated (the default)", STREAMS, list(_streams(size, CORRELATED))),
            Table(
                "The same streams, grouped by instance: a new alert opens an incident and pages, as when correlated",
                STREAMS,
                list(_streams(size, ALONE)),
            ),
            Table("Much state, ten alerts a record", SIZES, sizes),
            Table("Snapshots of it", KEPT, kept),
        ],
        notes=[
            f"CPU of one core, medians of chunks of {CHUNK} events that are made just before, seed {SEED}. The streams "
            f"begin at {size.live:,} live alerts in {size.incidents} incidents; storms are off. Correlated, they have "
            "no targets of their own, and nearly every new alert opens an incident and pages.",
            "Each state has a process of its own; resident is what it grew by, incidents and caches with it.",
            f"What a new alert costs depends on how large its incident is: the second and third change what is said of "
            f"it, the hundredth does not. So {size.states[-1][1]:,} open incidents are to be compared with the "
            f"{SMALL[1]:,} of the last row, which have as few alerts: after each chunk with new alerts they are "
            "made anew.",
        ],
    )


def _streams(size: Size, policy: Policy) -> Iterator[Row]:
    triage, stream = _grown(size.live, size.incidents, policy)
    events = size.events if policy is POLICY else max(size.events // 4, CHUNK)
    kinds = (
        ("duplicates only, ten a record", 0.0, TOGETHER, None),
        ("duplicates only, one a record", 0.0, 1, None),
        ("90 % duplicates, ten a record", 0.1, TOGETHER, 200_000.0),
        ("90 % duplicates, one a record", 0.1, 1, 200_000.0),
        ("every event new, ten a record", 1.0, TOGETHER, 60_000.0),
        ("every event new, one a record", 1.0, 1, 60_000.0),
    )
    for name, new, together, target in kinds:
        taken_s, counted_s, known = [], [], dict[str, list[int]]()
        for _ in range(events // CHUNK):
            records = stream.chunk(new, together)
            taken_s.append(_step(triage, records))
            counted_s.append(_count(known, records))
        second = statistics.median(taken_s) / CHUNK
        yield name, 1 / second, target if policy is POLICY else None, second * 1e6, CHUNK / statistics.median(counted_s)


def _grown(live: int, incidents: int, policy: Policy = POLICY) -> tuple[Triage, Stream]:
    """A triage that remembers so many alerts."""
    triage, stream = Triage(policy), Stream(incidents)
    while stream.live < live:
        triage.step(stream.chunk(1.0, TOGETHER))
    return triage, stream


def _step(triage: Triage, records: Sequence[Alerts]) -> float:
    started_s = time.process_time()
    triage.step(records)
    return time.process_time() - started_s


def _count(known: dict[str, list[int]], records: Sequence[Alerts]) -> float:
    """The least that can be done about a duplicate: to find it by its fingerprint and count it."""
    started_s = time.process_time()
    for alert in chain.from_iterable(record.alerts for record in records):
        found = known.get(alert.fingerprint)
        if found is None:
            known[alert.fingerprint] = [alert.at_ms, alert.at_ms, 1]
        else:
            found[1] = alert.at_ms
            found[2] += 1
    return time.process_time() - started_s


def _state(live: int, incidents: int, events: int) -> tuple[float, ...]:
    """What so much state costs, in a process that had none before."""
    collect_rarely()
    _grown(CHUNK, 1)  # what is made once, whatever the state
    before_bytes = _resident_bytes()
    triage, stream = _grown(live, incidents)
    resident = (_resident_bytes() - before_bytes) / live
    rates = [CHUNK / statistics.median(_chunks(triage, stream, new, events // CHUNK)) for new in (0.0, 0.1)]
    started_s = time.process_time()
    snapshot = triage.snapshot()
    taken_at_s = time.process_time()
    Triage.restore(POLICY, snapshot)
    ended_s = time.process_time()
    return (*rates, resident, len(snapshot), taken_at_s - started_s, ended_s - taken_at_s)


def _small(live: int, incidents: int, events: int) -> tuple[float, ...]:
    """What few incidents cost that stay as small as where there are many."""
    collect_rarely()
    chunks = events // CHUNK
    known = _chunks(*_grown(live, incidents), 0.0, chunks)
    mixed = [_chunks(*_grown(live, incidents), 0.1, 1)[0] for _ in range(chunks)]
    return CHUNK / statistics.median(known), CHUNK / statistics.median(mixed)


def _chunks(triage: Triage, stream: Stream, new: float, chunks: int) -> list[float]:
    """What each of so many chunks takes, of which this share is new."""
    return [_step(triage, stream.chunk(new, TOGETHER)) for _ in range(chunks)]


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    measured = _small if sys.argv[4:] == ["small"] else _state
    print(json.dumps(measured(*map(int, sys.argv[1:4]))))
