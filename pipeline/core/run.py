"""A run of records of one scope, decided in order: where it stands, and what was decided so far."""

from bisect import bisect_right
from collections.abc import Container, Sequence
from itertools import accumulate, compress

import numpy as np
from numpy.typing import NDArray

from pipeline.core.columns import Batch, new_batch
from pipeline.core.events import batch_of, hear_resolved
from pipeline.core.fingerprint import VERSION
from pipeline.core.memory import Memory
from pipeline.core.table import Clock, LiveTable, Scanned
from schemas import Alert, Alerts, Decision, Decisions, Reason, Status


class Run:
    """Walks over the events of some records, from the first to the last."""

    def __init__(
        self, records: Sequence[Alerts], salt: int, states: Container[str], batch: Batch | None = None
    ) -> None:
        self.alerts = [alert for record in records for alert in record.alerts]
        self.batch = batch if batch is not None else batch_of(self.alerts, salt, states)
        self.foreseen: list[int] = []  # codes of alerts of this record that are expected
        self._records = records
        self._ends = list(accumulate([len(record.alerts) for record in records]))
        self.nth = 0  # the record that is being decided
        self._start = 0  # its first event
        self._index = 0
        self._codes: list[int] = (self.batch["key"] ^ np.uint64(salt)).tolist()
        self._rows: list[int] = []
        self._come: set[int] = set()  # codes of what was more
        self._decided: dict[int, Decision] = {}  # what is more than a plain duplicate
        if self.alerts:
            self._enter(bisect_right(self._ends, 0))

    @classmethod
    def of_faults(cls, record: Alerts) -> "Run":
        """A run of one record that cannot be scanned."""
        return cls([record], 0, (), new_batch(len(record.alerts)))

    @property
    def is_over(self) -> bool:
        """Whether every event is decided."""
        return self._index == len(self.alerts)

    @property
    def record(self) -> Alerts:
        """The record that is being decided."""
        return self._records[self.nth]

    @property
    def alert(self) -> Alert:
        """The event that is to be decided next."""
        return self.alerts[self._index]

    @property
    def code(self) -> int:
        """Its fingerprint's 64 bits."""
        return self._codes[self._index]

    @property
    def is_at_start(self) -> bool:
        """Whether no event of the record is decided yet."""
        return self._index == self._start

    @property
    def is_at_end(self) -> bool:
        """Whether all events of the record are."""
        return self._index == self._ends[self.nth]

    @property
    def is_unknown(self) -> bool:
        """Whether no alert has the next event's key: none had it when the run began, and none has come since."""
        return self._rows[self._index] < 0 and self._codes[self._index] not in self._come

    def look_up(self, table: LiveTable) -> None:
        """Find the alerts of all events at once."""
        table.look_up(self.batch)
        self._rows = self.batch["row"].tolist()

    def scan(self, memory: Memory, clock: Clock, waits_ms: NDArray[np.int64], *, is_single: bool) -> Scanned:
        """Decide plain duplicates up to the first event that is more, or to the end: of the run, or of this record."""
        batch = self.batch[: self._ends[self.nth]] if is_single else self.batch
        found = memory.table.scan(batch, self._index, clock, memory.incidents.numbers, waits_ms)
        self._index = found.stop
        if found.stop < len(batch):
            self._enter(bisect_right(self._ends, found.stop))
        elif not is_single:
            self._enter(len(self._ends) - 1)
        return found

    def decide(self, decision: Decision) -> None:
        """The next event is decided, and was more than a plain duplicate."""
        self._come.add(self._codes[self._index])
        self._decided[self._index] = decision
        self._index += 1

    def fail(self, decisions: Sequence[Decision]) -> None:
        """The whole record is decided so, whatever was decided of it before."""
        self._come.update(self._codes[self._start : self._ends[self.nth]])
        self._decided.update(enumerate(decisions, self._start))
        self._index = self._ends[self.nth]

    def begin_next(self) -> None:
        """The record is over: the next event is of another."""
        self.foreseen.clear()
        if not self.is_over:
            self._enter(bisect_right(self._ends, self._index))

    def hear_resolved(self, states: Container[str]) -> None:
        """A source has said resolved for the first time."""
        hear_resolved(self.batch, self.alerts, states)

    def decisions(self, ids: Sequence[str | None], policy_version: str) -> list[Decisions]:
        """What was decided, record by record."""
        decided_events = self._all(ids, policy_version)
        return Decisions.owning_each(
            [
                {
                    "scope": record.scope,
                    "raw_partition": record.raw_partition,
                    "raw_offset": record.raw_offset,
                    "decisions": tuple(decided_events[start:end]),
                }
                for record, start, end in zip(self._records, [0, *self._ends], self._ends, strict=False)
            ]
        )

    def _all(self, ids: Sequence[str | None], policy_version: str) -> list[Decision]:
        """A decision for each event."""
        more = self._decided
        is_plain = np.ones(len(self.alerts), np.bool_)
        is_plain[list(more)] = False
        batch = self.batch[is_plain]
        numbers = batch["incident"].tolist()
        found = zip(
            compress(self.alerts, is_plain.tolist()),
            numbers,
            batch["next_ms"].tolist(),
            (batch["is_late"] > 0).tolist(),
            strict=True,
        )
        plain = Decision.owning_each(
            [  # as `decided`, for nine of ten
                {
                    "fingerprint": alert.fingerprint,
                    "source_fingerprint": alert.source_fingerprint,
                    "incident_id": ids[number],
                    "reason": Reason.DUPLICATE,
                    "score": None,
                    "paged": False,
                    "is_late": is_late,
                    "at_ms": alert.at_ms,
                    "next_at_ms": next_ms,
                    "policy_version": policy_version,
                    "model_version": None,
                    "fingerprint_version": VERSION,
                }
                for alert, number, next_ms, is_late in found
            ]
        )
        if not more:
            return plain
        others = iter(plain)
        return [more[index] if index in more else next(others) for index in range(len(self.alerts))]

    def _enter(self, nth: int) -> None:
        self.nth = nth
        self._start = self._ends[nth - 1] if nth else 0


def decided(  # noqa: PLR0913  # the parts of a decision
    alert: Alert,
    reason: Reason,
    incident_id: str | None,
    policy_version: str,
    *,
    is_late: bool = False,
    next_at_ms: int | None = None,
) -> Decision:
    """The decision on one event."""
    return Decision.owning(
        {
            "fingerprint": alert.fingerprint,
            "source_fingerprint": alert.source_fingerprint,
            "incident_id": incident_id,
            "reason": reason,
            "score": None,
            "paged": reason.pages and alert.status is Status.FIRING,
            "is_late": is_late,
            "at_ms": alert.at_ms,
            "next_at_ms": next_at_ms,
            "policy_version": policy_version,
            "model_version": None,
            "fingerprint_version": VERSION,
        }
    )
