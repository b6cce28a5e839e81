"""A run of records of one scope, decided in order: where it stands, and what was decided so far."""

from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import accumulate, chain
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.core.columns import Batch, new_batch
from pipeline.core.events import batch_of, hear_resolved
from pipeline.core.fingerprint import VERSION
from pipeline.core.memory import Memory
from pipeline.core.table import Clock, LiveTable, Scanned
from schemas import Alert, Alerts, Decision, Decisions, Guard, Held, Reason, Score, Status, Why
from schemas.record import fields_of

_DUPLICATE, _FIRING = Reason.DUPLICATE, Status.FIRING
_told = itemgetter("fingerprint", "source_fingerprint", "at_ms")

Decided = dict[str, Any]  # the fields of a decision: all of a run become records at once, which takes half as long
# To copy a dict and change half of it takes half as long as to write it anew.
_BLANK: Decided = dict.fromkeys(Decision.model_fields) | {"paged": False, "fingerprint_version": VERSION}


class Absorbed(NamedTuple):
    """An incident that merged before it was told: which goes on for it, and whether a page tells of that."""

    number: int
    into_number: int
    into_id: str
    is_calling: bool


class Run:
    """Walks over the events of some records, from the first to the last."""

    def __init__(
        self, records: Sequence[Alerts], salt: int, states: Container[str], batch: Batch | None = None
    ) -> None:
        several = [record.alerts for record in records]
        self.alerts = list(chain.from_iterable(several))
        self.fields = list(map(fields_of, self.alerts))
        self.batch = batch if batch is not None else batch_of(self.fields, salt, states)
        self.foreseen: list[int] = []  # codes of alerts of this record that are expected
        self._records = records
        self._ends = list(accumulate(map(len, several)))
        self.nth = 0  # the record that is being decided,
        self.start = self.end = 0  # its first event, and the one behind its last
        self.index = 0  # the event that is to be decided next
        self.count = len(self.alerts)
        self._salt = np.uint64(salt)
        self.codes: list[int] = (self.batch["key"] ^ self._salt).tolist()
        self.rows: list[int] = []  # of the alerts that were there when the run began
        self.is_planned = False  # whether it was decided where the events of this record go that are placed together
        self._gathered: list[int] = []  # the first event of each record that has such events
        self.repeated: set[int] = set()  # codes of alerts that have several events
        self._come: set[int] = set()  # codes of what was more
        self._decided: dict[int, Decided] = {}  # what is more than a plain duplicate
        if self.alerts:
            self._enter(bisect_right(self._ends, 0))

    @classmethod
    def of_faults(cls, record: Alerts) -> "Run":
        """A run of one record that cannot be scanned."""
        return cls([record], 0, (), new_batch(len(record.alerts)))

    @property
    def record(self) -> Alerts:
        """The record that is being decided."""
        return self._records[self.nth]

    @property
    def alert(self) -> Alert:
        """The event that is to be decided next; its code is in `codes`."""
        return self.alerts[self.index]

    def is_unknown(self) -> bool:
        """Whether no alert has the next event's key: none had it when the run began, and none has come since."""
        return self.rows[self.index] < 0 and self.codes[self.index] not in self._come

    def look_up(self, table: LiveTable) -> None:
        """Find the alerts of all events at once."""
        table.look_up(self.batch)
        self.rows = self.batch["row"].tolist()
        if self.count > 1:
            keys = np.sort(self.batch["key"])
            self.repeated = set((keys[1:][keys[1:] == keys[:-1]] ^ self._salt).tolist())

    def gather(self) -> None:
        """Find the records with several events of which one at least says that it is no state."""
        events = np.flatnonzero(self.batch["says_resolved"] == 0)
        if len(events):
            numbers = np.unique(np.searchsorted(self._ends, events, side="right")).tolist()
            starts = [0, *self._ends]
            self._gathered = [starts[number] for number in numbers if starts[number + 1] - starts[number] > 1]

    def scan(self, memory: Memory, clock: Clock, waits_ms: NDArray[np.int64], *, is_single: bool) -> Scanned:
        """Decide plain duplicates up to the first event that is more, or to the end: of the run, or of this record.

        In no case into a record whose events are placed together: that is planned before its first is decided.
        """
        until = self.end
        if not is_single:
            later = bisect_right(self._gathered, self.index)
            until = self._gathered[later] if later < len(self._gathered) else self.count
        found = memory.table.scan(self.batch[:until], self.index, clock, memory.incidents.homes, waits_ms)
        self.index = found.stop
        if found.stop < until or (not is_single and found.stop < self.count):
            self._enter(bisect_right(self._ends, found.stop))
        elif not is_single:
            self._enter(len(self._ends) - 1)
        return found

    def decide(self, decision: Decided) -> None:
        """The next event is decided, and was more than a plain duplicate."""
        index = self.index
        self._come.add(self.codes[index])
        self._decided[index] = decision
        self.index = index + 1

    def follow(self, merged: Mapping[str, Absorbed]) -> None:
        """Some incidents of this record merged before they were told: its decisions name what goes on for each.

        One alert at most is said to have paged for the page that tells of it.
        """
        numbers = self.batch["incident"][self.start : self.end]  # of plain duplicates
        for one in merged.values():
            numbers[numbers == one.number] = one.into_number
        decided = [fields for index in range(self.start, self.end) if (fields := self._decided.get(index)) is not None]
        told = {fields["incident_id"] for fields in decided if fields["paged"]}
        for fields in decided:
            if fields["incident_id"] not in merged:
                continue
            _, _, fields["incident_id"], is_calling = merged[fields["incident_id"]]
            if fields["paged"] and (not is_calling or fields["incident_id"] in told):
                fields["reason"], fields["paged"] = Reason.JOINED, False
            elif fields["paged"]:
                told.add(fields["incident_id"])

    def fail(self, decisions: Sequence[Decided]) -> None:
        """The whole record is decided so, whatever was decided of it before."""
        self._come.update(self.codes[self.start : self.end])
        self._decided.update(enumerate(decisions, self.start))
        self.index = self.end

    def begin_next(self) -> None:
        """The record is over: the next event is of another."""
        self.foreseen.clear()
        if self.index < self.count:
            nth = self.nth + 1
            self._enter(nth if self._ends[nth] > self.index else bisect_right(self._ends, self.index))

    @property
    def is_gathered(self) -> bool:
        """Whether this record has several events, of which one at least was no state when the run began."""
        gathered = self._gathered
        return bool(gathered) and self.start in gathered[bisect_left(gathered, self.start) :][:1]

    def hear_resolved(self, states: Container[str]) -> None:
        """A source has said resolved for the first time."""
        hear_resolved(self.batch, self.fields, states)

    def events_of_record(self) -> Iterator[tuple[Alert, int]]:
        """The events of the record that is being decided, with their codes."""
        return zip(self.alerts[self.start : self.end], self.codes[self.start : self.end], strict=True)

    def decisions(
        self, ids: NDArray[np.object_], policy_version: str, model_version: str | None = None
    ) -> list[Decisions]:
        """What was decided, record by record."""
        everything = self._all(ids, policy_version)
        if model_version is not None:
            for fields in everything:
                fields["model_version"] = model_version
        decided_events = tuple(Decision.owning_each(everything))
        return Decisions.owning_each(
            [
                {
                    "scope": record["scope"],
                    "raw_partition": record["raw_partition"],
                    "raw_offset": record["raw_offset"],
                    "decisions": decided_events[start:end],
                }
                for record, start, end in zip(map(fields_of, self._records), [0, *self._ends], self._ends, strict=False)
            ]
        )

    def _all(self, ids: NDArray[np.object_], policy_version: str) -> list[Decided]:
        """A decision for each event."""
        more = self._decided
        is_plain = np.ones(self.count, np.bool_)
        is_plain[list(more)] = False
        batch = self.batch[is_plain]
        plain = np.flatnonzero(is_plain).tolist()
        everything: list[Any] = list(map(more.get, range(self.count)))  # None: a plain duplicate, and filled in here
        found = zip(
            plain,
            map(_told, map(self.fields.__getitem__, plain)),
            ids[batch["incident"]].tolist(),
            batch["next_ms"].tolist(),
            batch["score"].tolist(),
            (batch["is_late"] > 0).tolist(),
            strict=True,
        )
        duplicate = _BLANK | {"reason": _DUPLICATE, "policy_version": policy_version}
        for index, (fingerprint, source_fingerprint, at_ms), incident_id, next_ms, score, is_late in found:
            everything[index] = fields = duplicate.copy()  # as `decided`, for nine of ten
            fields["fingerprint"] = fingerprint
            fields["source_fingerprint"] = source_fingerprint
            fields["incident_id"] = incident_id
            fields["score"] = score
            fields["is_late"] = is_late
            fields["at_ms"] = at_ms
            fields["next_at_ms"] = next_ms
        return everything

    def _enter(self, nth: int) -> None:
        self.is_planned = self.is_planned and nth == self.nth
        self.nth = nth
        self.start = self._ends[nth - 1] if nth else 0
        self.end = self._ends[nth]


def decided(  # noqa: PLR0913  # the parts of a decision
    alert: Alert,
    reason: Reason,
    incident_id: str | None,
    policy_version: str,
    *,
    is_late: bool = False,
    next_at_ms: int | None = None,
    score: float | None = None,
    scored: Score | None = None,
    guard: Guard | None = None,
    held: Held | None = None,
    why: Why | None = None,
) -> Decided:
    """The decision on one event."""
    fields, said = _BLANK.copy(), fields_of(alert)
    fields["fingerprint"], fields["source_fingerprint"], fields["at_ms"] = _told(said)
    fields["incident_id"], fields["reason"] = incident_id, reason
    fields["paged"] = reason.pages and said["status"] is _FIRING
    fields["is_late"], fields["next_at_ms"] = is_late, next_at_ms
    fields["policy_version"], fields["why"] = policy_version, why
    fields["score"], fields["scored"], fields["guard"], fields["held"] = score, scored, guard, held
    return fields
