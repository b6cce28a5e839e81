"""What was acknowledged against what became of it, event by event, without asking the code that decided it."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from pipeline.codec import decode
from pipeline.log.extent import Recording
from schemas import Decisions
from schemas import Rejected as RejectedRecord
from schemas.topics import DECISIONS, RAW, REJECTED
from tests.chaos.producer import Ledger

MARK = re.compile(rb"mark-\d+-\d+-\d+\.")

Place = tuple[int, int]  # partition, offset


@dataclass
class Count:
    """Events by what became of them, and each that is not as it should be, in words."""

    sent: int = 0
    unasked: int = 0  # arrived although nobody had acknowledged them
    decided: int = 0
    rejected: int = 0
    lost: int = 0
    doubled: int = 0
    problems: list[str] = field(default_factory=list)


def counted(recording: Recording, ledger: Ledger) -> Count:
    """Look for every attempt on `alerts.raw`, and for a decision of every event that stands there."""
    decided, rejected = _decided(recording), _rejected(recording)
    count = Count(sent=ledger.sent)
    arrived: Counter[str] = Counter()
    for entry in recording.read(RAW.name):
        found = MARK.search(entry.value)
        attempt = ledger.attempts.get(found[0].decode()) if found else None
        if found is None or attempt is None:
            count.problems.append(f"nobody sent what stands on {RAW.name}[{entry.partition}] at {entry.offset}")
            continue
        mark, events = found[0].decode(), attempt.post.events
        arrived[mark] += 1
        if not attempt.is_acknowledged:
            count.unasked += events
        place = (entry.partition, entry.offset)
        good, bad = decided.pop(place, 0), rejected.pop(place, 0)
        count.decided, count.rejected = count.decided + good, count.rejected + bad
        short = events - good - bad
        if short or bad != attempt.post.is_spoilt:
            count.problems.append(f"{mark} at {place}: of {events} events {good} are decided and {bad} rejected")
            count.lost, count.doubled = count.lost + max(0, short), count.doubled + max(0, -short)
    for mark, attempt in ledger.attempts.items():
        times = arrived[mark]
        if attempt.is_acknowledged and not times:
            count.problems.append(f"{mark} was acknowledged and is not on {RAW.name}")
            count.lost += attempt.post.events
        if times > 1:
            count.problems.append(f"{mark} was sent once and stands {times} times on {RAW.name}")
            count.doubled += attempt.post.events * (times - 1)
    for places, word in ((decided, "decided"), (rejected, "rejected")):
        count.problems += [f"{word}, but nothing stands there: {RAW.name} {place}" for place in places]
        count.doubled += sum(places.values())
    return count


def _decided(recording: Recording) -> Counter[Place]:
    """How many events were decided of each raw record; what was written again at its place counts once."""
    seen: set[tuple[str, str]] = set()
    events: Counter[Place] = Counter()
    for entry in recording.read(DECISIONS.name):
        position = (entry.headers["log_partition"], entry.headers["log_offset"])
        if position not in seen:
            seen.add(position)
            record = decode(Decisions, entry.value)
            events[record.raw_partition, record.raw_offset] += len(record.decisions)
    return events


def _rejected(recording: Recording) -> Counter[Place]:
    """How many events were rejected of each raw record; what was written again counts once."""
    seen: dict[Place, set[str]] = defaultdict(set)
    for entry in recording.read(REJECTED.name):
        record = decode(RejectedRecord, entry.value)
        if record.topic == RAW.name and record.partition is not None and record.offset is not None:
            seen[record.partition, record.offset].add(record.where)
    return Counter({place: len(wheres) for place, wheres in seen.items()})
