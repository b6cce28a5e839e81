"""Triage: events in, facts out. The one class that the worker, the embedded log, replay and the tests all drive."""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import TypeAdapter

from pipeline.core.policy import Policy
from pipeline.core.scoped import ScopeTriage
from pipeline.core.silence import Silences
from pipeline.core.state import ScopeState
from pipeline.core.tell import Facts
from schemas import Alerts, Control, Silence, Tick

__all__ = ["Facts", "Triage"]

SNAPSHOT_VERSION = 2


class Snapshot(NamedTuple):
    """All that a partition's triage remembers."""

    version: int
    silences: list[Silence]
    scopes: list[ScopeState]


_SNAPSHOT = TypeAdapter(Snapshot)


class Triage:
    """Decides every event of one partition of `alerts`, in log order.

    Pure: the facts depend on the records alone, not on when, where or in which batches they are stepped.
    Scopes share nothing; a tick moves every scope that exists.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._silences = Silences(policy)
        self._scopes: dict[str, ScopeTriage] = {}

    def step(self, records: Sequence[Alerts | Tick | Control]) -> Facts:
        """Decide `records`: one `Decisions` for each `Alerts`, every incident that changed, every page caused."""
        facts = Facts([], [], [])
        for record in records:
            if isinstance(record, Alerts):
                scope = self._scopes.get(record.scope) or self._scope(record.scope)
                scope.decide(record, facts)
                continue
            for name in sorted(self._scopes):
                self._scopes[name].tick(record.at_ms, facts)
            if isinstance(record, Control):
                self._control(record, facts)
        return facts

    def _scope(self, name: str) -> ScopeTriage:
        scope = self._scopes[name] = ScopeTriage(ScopeState(name), self._policy, self._silences)
        return scope

    def _control(self, control: Control, facts: Facts) -> None:
        """Hear what people said. It is in every partition, and each scope takes of it what is its own."""
        scopes = [self._scopes[name] for name in sorted(self._scopes)]
        if control.silence is not None:
            self._silences.set(control.silence, control.at_ms)
            for scope in scopes:
                scope.silences_changed(facts)
        if control.outcome is not None:
            for scope in scopes:
                scope.outcome(control.outcome.incident_id, control.outcome.verdict, control.outcome.by, facts)

    def next_deadline_ms(self) -> int | None:
        """When a tick may next change something; None if nothing is left to happen."""
        return min(
            (due for scope in self._scopes.values() if (due := scope.next_deadline_ms()) is not None), default=None
        )

    def watermark_ms(self) -> int | None:
        """The newest event time of any scope."""
        return max(
            (mark for scope in self._scopes.values() if (mark := scope.state.watermark_ms) is not None), default=None
        )

    def snapshot(self) -> bytes:
        """Everything remembered, as JSON; the same state always gives the same bytes."""
        scopes = [self._scopes[name].state for name in sorted(self._scopes)]
        return _SNAPSHOT.dump_json(Snapshot(SNAPSHOT_VERSION, self._silences.records(), scopes))

    @classmethod
    def restore(cls, policy: Policy, snapshot: bytes) -> "Triage":
        """The triage that `snapshot` was taken of. Raises ValueError if it is damaged or of another version."""
        found = _SNAPSHOT.validate_json(snapshot)
        if found.version != SNAPSHOT_VERSION:
            raise ValueError(f"snapshot of version {found.version}, not {SNAPSHOT_VERSION}")
        triage = cls(policy)
        triage._silences = Silences(policy, found.silences)
        triage._scopes = {state.name: ScopeTriage(state, policy, triage._silences) for state in found.scopes}
        return triage
