"""How the events of one scope are decided, and what its deadlines do. Time is event time; nothing here waits."""

from typing import NamedTuple

from pipeline.core.deadlines import Deadlines, Due
from pipeline.core.describe import fault_page, incident_record, page_record
from pipeline.core.fingerprint import VERSION, incident_id
from pipeline.core.group import fitting, group_of
from pipeline.core.incident import fire, open_incident, quieten, resolve
from pipeline.core.policy import Policy
from pipeline.core.state import Live, Open, ScopeState
from pipeline.core.window import Change, change_of, over_ms
from schemas import Alert, Alerts, Decision, Decisions, Incident, Page, PageKind, Reason, Status

_KINDS = {Reason.OPENED: PageKind.TRIGGER, Reason.RESOLVED: PageKind.RESOLVE}


class Facts(NamedTuple):
    """What a step concluded, each list in the order in which it came about."""

    decisions: list[Decisions]
    incidents: list[Incident]
    pages: list[Page]


class ScopeTriage:
    """Decides one scope."""

    def __init__(self, state: ScopeState, policy: Policy) -> None:
        self.state = state
        self._policy = policy
        self._deadlines = Deadlines(state)
        # Incidents that this record changed, with the reason to page if there is one: told once, at its end.
        self._changed: dict[str, Reason | None] = {}

    def next_deadline_ms(self) -> int | None:
        """When something may happen without an event."""
        return self._deadlines.next_ms()

    def tick(self, at_ms: int, facts: Facts) -> None:
        """Move the watermark; one at or below it is invisible."""
        if self.state.watermark_ms is not None and at_ms > self.state.watermark_ms:
            self._advance(at_ms, facts)

    def decide(self, record: Alerts, facts: Facts) -> None:
        """Decide the alerts of one record together. A fault of ours pages each of them instead of losing any."""
        try:
            decisions = [self._event(alert, facts) for alert in record.alerts]
            self._tell(facts)
        except Exception as exc:  # in doubt, page and say why: whatever failed, nobody may miss these
            decisions = [self._fault(alert, type(exc).__name__, facts) for alert in record.alerts]
        facts.decisions.append(
            Decisions.trusted(
                scope=record.scope,
                raw_partition=record.raw_partition,
                raw_offset=record.raw_offset,
                decisions=tuple(decisions),
            )
        )

    def _event(self, alert: Alert, facts: Facts) -> Decision:
        watermark_ms = self.state.watermark_ms
        is_late = watermark_ms is not None and alert.at_ms < watermark_ms
        if watermark_ms is None or alert.at_ms > watermark_ms:
            self._tell(facts)
            self._advance(alert.at_ms, facts)
        now_ms = watermark_ms if watermark_ms is not None and is_late else alert.at_ms
        if alert.status is Status.RESOLVED:
            self.state.states[alert.source] = True
        live = self.state.alerts.get(alert.fingerprint)
        change = change_of(alert, live, self.state)
        if change is Change.NEW:
            reason = self._place(alert, now_ms)
        elif live is None:
            reason = Reason.NEVER_FIRED
        else:
            reason = self._known(alert, live, change, now_ms)
        return self._decision(alert, reason, is_late=is_late)

    def _place(self, alert: Alert, now_ms: int) -> Reason:
        """Put a new alert into an incident."""
        group = group_of(alert, self._policy)
        incident = fitting(self.state, group, now_ms, self._policy)
        reason = Reason.JOINED if incident is not None else Reason.OPENED
        if incident is None:
            incident = open_incident(self.state, alert, group, now_ms, self._policy)
        due_ms = over_ms(alert, now_ms, self.state, self._policy)
        live = Live(alert, incident.incident_id, True, alert.severity, now_ms, now_ms, due_ms)
        self.state.alerts[alert.fingerprint] = live
        self._deadlines.alert(alert.fingerprint, due_ms)
        incident.members.append(alert.fingerprint)
        incident.grew_at_ms = now_ms
        incident.events += 1
        return self._fire(incident, alert, reason)

    def _known(self, alert: Alert, live: Live, change: Change, now_ms: int) -> Reason:
        """Apply an event about an alert that has been seen before."""
        live.events += 1
        live.last_at_ms = now_ms
        incident = self.state.incidents.get(live.incident_id)
        if incident is None:
            return Reason.ALREADY_RESOLVED
        incident.events += 1
        if change is Change.ALREADY_RESOLVED:
            return Reason.ALREADY_RESOLVED
        if change is Change.RESOLVED:
            self._end(live, incident, now_ms)
            return Reason.RESOLVED
        live.due_ms = over_ms(alert, now_ms, self.state, self._policy)
        self._deadlines.alert(alert.fingerprint, live.due_ms)
        if change is Change.DUPLICATE:
            if alert.severity.rank <= live.severity.rank:
                return Reason.DUPLICATE
            incident.firing -= 1  # it fires anew, and worse
        live.alert, live.is_firing, live.severity = alert, True, alert.severity
        return self._fire(incident, alert, Reason.DUPLICATE if change is Change.DUPLICATE else Reason.REFIRED)

    def _fire(self, incident: Open, alert: Alert, reason: Reason) -> Reason:
        is_worse = fire(incident, alert.severity)
        # A page that is due at the end of this very record tells the worse severity already.
        if is_worse and self._changed.get(incident.incident_id) is None:
            reason = Reason.RAISED
        self._change(incident, reason if reason.pages else None)
        return reason

    def _end(self, live: Live, incident: Open, now_ms: int) -> None:
        live.is_firing = False
        live.due_ms = now_ms + self._policy.expire_after_ms
        self._deadlines.alert(live.alert.fingerprint, live.due_ms)
        resolves_at_ms = quieten(incident, now_ms, self._policy)
        if resolves_at_ms is not None:
            self._deadlines.incident(incident.incident_id, resolves_at_ms)
        self._change(incident, None)

    def _advance(self, to_ms: int, facts: Facts) -> None:
        """Let everything happen that is due by `to_ms`, in time order, each at its own time."""
        while (due := self._deadlines.pop(to_ms)) is not None:
            due_ms, what, key = due
            if self.state.watermark_ms is not None and due_ms > self.state.watermark_ms:
                self._tell(facts)  # what happened at one time is told at once, at that time
            self.state.watermark_ms = max(due_ms, self.state.watermark_ms or due_ms)
            if what is Due.ALERT:
                self._alert_due(key, due_ms)
            elif key in self.state.incidents and self.state.incidents[key].resolves_at_ms == due_ms:
                self._changed[key] = Reason.RESOLVED
        self._tell(facts)
        self.state.watermark_ms = to_ms

    def _alert_due(self, key: str, due_ms: int) -> None:
        live = self.state.alerts[key]
        if live.due_ms <= due_ms:
            incident = self.state.incidents.get(live.incident_id)
            if incident is None:  # long over: forget it
                del self.state.alerts[key]
                return
            if live.is_firing:
                self._end(live, incident, due_ms)
            else:  # its incident still tells of it
                live.due_ms = due_ms + self._policy.expire_after_ms
        self._deadlines.alert(key, live.due_ms)

    def _change(self, incident: Open, page: Reason | None) -> None:
        self._changed[incident.incident_id] = self._changed.get(incident.incident_id) or page

    def _tell(self, facts: Facts) -> None:
        """State each changed incident once, at its new revision, and page where there is a reason to."""
        if not self._changed:
            return
        context = (self.state.name, self._policy)
        for key, reason in self._changed.items():
            incident = self.state.incidents[key]
            incident.revision += 1
            incident.updated_at_ms = self.state.watermark_ms or 0
            members = [self.state.alerts[fingerprint] for fingerprint in incident.members]
            is_resolved = reason is Reason.RESOLVED
            facts.incidents.append(incident_record(incident, members, context, is_resolved=is_resolved))
            if reason is not None:
                kind = _KINDS.get(reason, PageKind.UPDATE)
                facts.pages.append(page_record(incident, members, kind, reason, context))
            if is_resolved:
                resolve(self.state, incident)
        self._changed.clear()

    def _decision(self, alert: Alert, reason: Reason, *, is_late: bool) -> Decision:
        live = self.state.alerts.get(alert.fingerprint)
        incident = self.state.incidents.get(live.incident_id) if live is not None else None
        next_at_ms = None
        if live is not None and live.is_firing:
            next_at_ms = live.due_ms
        elif incident is not None:
            next_at_ms = incident.resolves_at_ms
        return Decision.trusted(
            fingerprint=alert.fingerprint,
            source_fingerprint=alert.source_fingerprint,
            incident_id=live.incident_id if live is not None else None,
            reason=reason,
            score=None,
            paged=reason.pages,
            is_late=is_late,
            at_ms=alert.at_ms,
            next_at_ms=next_at_ms,
            policy_version=self._policy.name,
            model_version=None,
            fingerprint_version=VERSION,
        )

    def _fault(self, alert: Alert, error: str, facts: Facts) -> Decision:
        fault_id = incident_id(f"fault:{self.state.name}", alert.fingerprint, alert.at_ms, 0)
        is_firing = alert.status is Status.FIRING
        if is_firing:
            facts.pages.append(fault_page(alert, fault_id, error, (self.state.name, self._policy)))
        return Decision.trusted(
            fingerprint=alert.fingerprint,
            source_fingerprint=alert.source_fingerprint,
            incident_id=fault_id if is_firing else None,
            reason=Reason.FAULT,
            score=None,
            paged=is_firing,
            is_late=False,
            at_ms=alert.at_ms,
            next_at_ms=None,
            policy_version=self._policy.name,
            model_version=None,
            fingerprint_version=VERSION,
        )
