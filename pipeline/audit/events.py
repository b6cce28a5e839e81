"""Every event that was sent is rejected or decided exactly once: counted by its place on `alerts.raw`.

Nothing is kept of an event but numbers at its place. What was rejected and decided of each raw record is summed up
first; then the raw records are read, and each is asked how many events it holds. What triage decides twice is found
without remembering what it decided: in a scope, the raw offsets of a partition only rise.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable

from pipeline.audit.balance import Balance, Flaw, Place
from pipeline.audit.column import Column
from pipeline.codec import decode_alerts
from pipeline.core.policy import Policy
from pipeline.errors import Rejected
from pipeline.log import Entry
from pipeline.log.extent import Extent, Extents
from pipeline.normalise import MOST_TOGETHER
from pipeline.normalise.normaliser import Normaliser
from schemas import Alerts, Decisions
from schemas import Rejected as RejectedRecord
from schemas.topics import ALERTS, DECISIONS, RAW, REJECTED

_NOTHING = Extent(0, 0)
REJECTED_WHOLE = 1  # no digest: what stands at this place of `alerts` was rejected


class EventBook:
    """The books of events. Takes `alerts.rejected` and `decisions`, then `alerts`, then `alerts.raw`."""

    def __init__(self, extents: Extents, balance: Balance, *, is_drained: bool) -> None:
        self._extents = extents
        self._balance = balance
        self._is_drained = is_drained
        self._normaliser = Normaliser(Policy())  # how many events a body holds is no policy's business
        self._settled: dict[int, Column] = defaultdict(lambda: Column("i"))  # by raw place: events rejected or decided
        self._waiting: dict[int, Column] = defaultdict(lambda: Column("i"))  # by raw place: events not triaged yet
        self._decided: dict[int, Column] = defaultdict(lambda: Column("Q"))  # by place on `alerts`: two digests
        self._rejected: dict[int, Column] = defaultdict(lambda: Column("Q"))  # by raw place: a digest
        self._further: dict[tuple[int, int], set[int]] = {}  # digests where there are several
        self._highest: dict[tuple[int, int], tuple[int, int, int]] = {}  # (scope, raw partition) → see `_is_new`
        self._outputs_from_ms: dict[tuple[str, int], int] = {}  # partitions that are cut, and their oldest record

    def reject(self, entry: Entry, record: RejectedRecord) -> None:
        """One record of `alerts.rejected` about the input."""
        self._note_beginning(entry)
        if record.partition is None or record.offset is None:
            self._balance.refused += 1
            return
        if record.topic == ALERTS.name:
            self._balance.repeated += self._decided[record.partition][record.offset]
            self._decided[record.partition][record.offset] = REJECTED_WHOLE
        elif record.topic == RAW.name:
            if not self._is_first(record.partition, record.offset, _digest(entry.value)):
                self._balance.repeated += 1
            elif record.offset < self._extent(RAW.name, record.partition).first:
                self._balance.earlier += record.items
            else:
                self._balance.rejected += record.items
                self._settled[record.partition][record.offset] += record.items

    def decide(self, entry: Entry, record: Decisions, position: tuple[int, int]) -> bool:
        """One record of `decisions` on what stands at `position` of `alerts`. Whether it is no repetition."""
        self._note_beginning(entry)
        partition, offset = position
        events = len(record.decisions)
        fingerprints = [decision.fingerprint for decision in record.decisions]
        identity = _identity(record.raw_partition, record.raw_offset, record.scope, fingerprints)
        digests = _digest(entry.value) << 32 | identity
        known = self._decided[partition][offset]
        if known == digests:
            self._balance.repeated += 1
            return False
        if known:
            self._balance.decided += events
            self._doubled(
                _place(entry), f"{_at(ALERTS.name, *position)} is decided or rejected already, otherwise", events
            )
            return False
        self._decided[partition][offset] = digests
        if record.raw_offset < self._extent(RAW.name, record.raw_partition).first:
            self._balance.earlier += events
            return True
        self._balance.decided += events
        if self._is_new(record, position):
            self._settled[record.raw_partition][record.raw_offset] += events
        else:
            raw = _at(RAW.name, record.raw_partition, record.raw_offset)
            self._doubled(_place(entry), f"what came of {raw} is decided already", events)
        return True

    def arrive(self, entry: Entry) -> None:
        """One record of `alerts`."""
        digests = self._decided[entry.partition].take(entry.offset)
        try:
            record = decode_alerts(entry.value)
        except Rejected:  # another producer's; it is on `alerts.rejected`, and comes of no raw record
            return
        if not isinstance(record, Alerts):
            return
        raw = (record.raw_partition, record.raw_offset)
        if digests == REJECTED_WHOLE:
            if record.raw_offset >= self._extent(RAW.name, record.raw_partition).first:
                self._balance.rejected += len(record.alerts)
                self._settled[raw[0]][raw[1]] += len(record.alerts)
        elif digests:
            fingerprints = [alert.fingerprint for alert in record.alerts]
            if digests & 0xFFFFFFFF != _identity(*raw, record.scope, fingerprints):
                self._balance.flaws.add(Flaw.ALTERED, _place(entry), "its decisions are about other alerts")
        elif entry.offset >= (self._extent(ALERTS.name, entry.partition).committed or 0):
            self._waiting[raw[0]][raw[1]] += len(record.alerts)
        # Else it repeats what was decided before, or is lost: its raw record will tell.

    def send(self, entry: Entry) -> None:
        """One record of `alerts.raw`."""
        held = self._events_in(entry)
        due = held - self._settled[entry.partition].take(entry.offset)
        waiting = self._waiting[entry.partition].take(entry.offset)
        self._balance.sent += held
        if due < 0:
            self._doubled(_place(entry), f"{held - due} events rejected or decided of the {held} that it holds", -due)
        elif due > 0:
            is_unread = entry.offset >= (self._extent(RAW.name, entry.partition).committed or 0)
            on_the_way = due if is_unread else min(due, waiting)
            if on_the_way:
                self._balance.on_the_way += on_the_way
                oldest_ms = self._balance.oldest_on_the_way_ms
                self._balance.oldest_on_the_way_ms = min(entry.timestamp_ms, oldest_ms or entry.timestamp_ms)
                if self._is_drained:
                    what = f"{on_the_way} of its {held} events not decided yet"
                    self._balance.flaws.add(Flaw.NOT_DRAINED, _place(entry), what, on_the_way)
            self._miss(entry, due - on_the_way, held)

    def close(self) -> None:
        """Everything was read: what is left over belongs to nothing in the log."""
        for flaw_topic, columns, count in (
            (RAW.name, self._settled, lambda number: number),
            (ALERTS.name, self._decided, lambda number: 0 if number == REJECTED_WHOLE else 1),
        ):
            self._find_strangers(flaw_topic, columns, count)
        for topic in (RAW.name, ALERTS.name):
            for partition, extent in self._extents.get(topic, {}).items():
                if extent.committed is not None and extent.committed < extent.first:
                    place = Place(topic, partition, extent.committed)
                    gone = extent.first - extent.committed
                    self._balance.flaws.add(Flaw.UNREAD, place, f"{gone} records were removed from here on", gone)

    def _events_in(self, entry: Entry) -> int:
        """How many events a raw record holds, good and bad. A body on which normalise itself fails counts as one."""
        try:
            found = self._normaliser.normalise(entry)
        except Exception:  # the worker rejects it whole, as one
            return 1
        return sum(len(record.alerts) for record in found.records) + sum(record.items for record in found.rejected)

    def _miss(self, entry: Entry, missing: int, held: int) -> None:
        if not missing:
            return
        if entry.timestamp_ms <= max(self._outputs_from_ms.values(), default=-1):
            self._balance.forgotten += missing
        else:
            what = f"{missing} of its {held} events neither rejected nor decided"
            self._balance.flaws.add(Flaw.LOST, _place(entry), what, missing)

    def _doubled(self, place: Place, what: str, events: int) -> None:
        self._balance.flaws.add(Flaw.DOUBLED, place, what, events)

    def _is_first(self, partition: int, offset: int, digest: int) -> bool:
        """Whether no such rejection of what stands there was seen. A record's bad parts may be told in several."""
        known = self._rejected[partition][offset]
        if not known:
            self._rejected[partition][offset] = digest
            return True
        further = self._further.get((partition, offset), set())
        if digest == known or digest in further:
            return False
        self._further[partition, offset] = further | {digest}
        return True

    def _is_new(self, record: Decisions, position: tuple[int, int]) -> bool:
        """Whether triage had not decided in this scope what came of this raw record.

        A long list becomes several records; of those with equal raw offsets all but the last are full.
        """
        key = (_digest(record.scope.encode()), record.raw_partition)
        offset, highest, events = self._highest.get(key, (-1, -1, 0))
        if position[1] < offset:
            return True  # written out of order, so this cannot tell; the sum at the raw record does
        is_new = record.raw_offset > highest or (record.raw_offset == highest and events == MOST_TOGETHER)
        if is_new:
            self._highest[key] = (position[1], record.raw_offset, len(record.decisions))
        return is_new

    def _find_strangers(self, topic: str, columns: dict[int, Column], count: Callable[[int], int]) -> None:
        for partition, column in sorted(columns.items()):
            first = self._extent(topic, partition).first
            for offset, number in column:
                if offset >= first and count(number):
                    what = "decided or rejected, but no such record stands there"
                    self._balance.flaws.add(Flaw.STRANGER, Place(topic, partition, offset), what, count(number))

    def _note_beginning(self, entry: Entry) -> None:
        """Remember how far back a topic of outputs reaches where its beginning was removed."""
        if entry.offset == 0 or entry.topic not in {DECISIONS.name, REJECTED.name}:
            return
        if self._extent(entry.topic, entry.partition).first > 0:
            self._outputs_from_ms.setdefault((entry.topic, entry.partition), entry.timestamp_ms)

    def _extent(self, topic: str, partition: int) -> Extent:
        return self._extents.get(topic, {}).get(partition, _NOTHING)


def _identity(raw_partition: int, raw_offset: int, scope: str, fingerprints: list[str]) -> int:
    """A digest of what a record of `alerts` and its decisions have in common."""
    return _digest("\0".join((str(raw_partition), str(raw_offset), scope, *fingerprints)).encode())


def _digest(value: bytes) -> int:
    """32 bits, never 0 or 1: enough to tell what should be equal from what is not, at one place."""
    return int.from_bytes(hashlib.blake2b(value, digest_size=4).digest()) | 2


def _place(entry: Entry) -> Place:
    return Place(entry.topic, entry.partition, entry.offset)


def _at(topic: str, partition: int, offset: int) -> str:
    return str(Place(topic, partition, offset))
