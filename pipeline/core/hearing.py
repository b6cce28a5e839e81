"""What one event does to its alert, and the decision on it: the only way in, but for the scan of plain duplicates."""

from pipeline.core.arrival import Arrival, Scope
from pipeline.core.events import near
from pipeline.core.incidents import Open
from pipeline.core.live import Live
from pipeline.core.run import Run, decided
from pipeline.core.seeking import Seeking
from pipeline.core.window import Change, change_of
from schemas import Alert, Decision, Reason, Status

MOST_SOURCES = 10_000  # a source's name comes from outside


class Hearing:
    """Hears the events of one scope, one by one."""

    def __init__(self, scope: Scope, arrival: Arrival, seeking: Seeking) -> None:
        self._state, self._policy, self._alerts = scope.state, scope.policy, scope.alerts
        self._arrival, self._seeking, self._teller = arrival, seeking, scope.teller

    def hear(self, run: Run, *, is_unknown: bool = False) -> Decision:
        """Apply the next event, and say what was decided."""
        alert, watermark_ms = run.alert, self._state.watermark_ms
        is_late = watermark_ms is not None and alert.at_ms < watermark_ms
        now_ms = watermark_ms if watermark_ms is not None and is_late else alert.at_ms
        self._state.watermark_ms = now_ms
        code = run.code
        live = None if is_unknown else self._alerts.find(code)
        near(alert.starts_at_ms)
        if alert.status is Status.RESOLVED:
            self._hear_resolved(alert.source, run)
        change = change_of(alert, live)
        if change is Change.NEW:
            reason, incident, entered = self._arrival.place(alert, code, live, now_ms)
            return self._decision(alert, reason, incident, entered, is_late=is_late)
        if live is None:
            return decided(alert, Reason.NEVER_FIRED, None, self._policy.name, is_late=is_late)
        if self._seeking.strays(alert, live, change, now_ms):
            reason, live = self._seeking.seek(alert, live, now_ms)
            return self._decision(alert, reason, live.incident, live, is_late=is_late)
        reason = self._known(alert, live, change, now_ms)
        return self._decision(alert, reason, live.incident, live, is_late=is_late)

    def _hear_resolved(self, source: str, run: Run) -> None:
        states = self._state.states
        if source not in states and len(states) < MOST_SOURCES:
            states[source] = True
            run.hear_resolved(states)

    def _known(self, alert: Alert, live: Live, change: Change, now_ms: int) -> Reason:
        """Apply an event about an alert that has been seen before."""
        live.events += 1
        live.last_at_ms = now_ms
        if live.incident.is_forgotten:
            return Reason.ALREADY_RESOLVED
        live.incident.hear()
        if change is Change.ALREADY_RESOLVED:
            return Reason.ALREADY_RESOLVED
        if change is Change.RESOLVED:
            return self._arrival.end(live, now_ms)
        return self._arrival.again(alert, live, change, now_ms)

    def _decision(self, alert: Alert, reason: Reason, incident: Open, live: Live | None, *, is_late: bool) -> Decision:
        next_at_ms = None if incident.is_forgotten else incident.due_ms
        if live is not None and live.is_alive:
            next_at_ms = live.next_ms if next_at_ms is None else min(live.next_ms, next_at_ms)
            if reason.pages and (again_ms := self._teller.repeats_at_ms(incident)) is not None:
                next_at_ms = min(next_at_ms, again_ms)
        return decided(alert, reason, incident.incident_id, self._policy.name, is_late=is_late, next_at_ms=next_at_ms)
