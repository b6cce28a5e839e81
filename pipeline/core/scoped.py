"""How the events of one scope are decided, and what its deadlines do. Time is event time; nothing here waits."""

from pipeline.core.arrival import Arrival
from pipeline.core.deadlines import Deadlines, Due
from pipeline.core.describe import fault_page
from pipeline.core.fingerprint import VERSION, fingerprint, incident_id
from pipeline.core.incident import acknowledge, resolve
from pipeline.core.policy import Policy
from pipeline.core.quiet import Quiet
from pipeline.core.silence import Silences
from pipeline.core.state import Live, ScopeState
from pipeline.core.tell import Facts, Teller
from pipeline.core.window import Change, change_of
from schemas import Alert, Alerts, Decision, Decisions, Reason, Severity, Status, Verdict

MOST_SOURCES = 10_000  # a source's name comes from outside


class ScopeTriage:
    """Decides one scope."""

    def __init__(self, state: ScopeState, policy: Policy, silences: Silences) -> None:
        self.state = state
        self._policy = policy
        quiet = Quiet(policy, silences)
        self._deadlines = Deadlines(state)
        self._quiet = quiet
        self._teller = Teller(state, policy, quiet, self._deadlines)
        self._arrival = Arrival(state, policy, quiet, self._deadlines, self._teller)

    def next_deadline_ms(self) -> int | None:
        """When something may happen without an event."""
        return self._deadlines.next_ms()

    def tick(self, at_ms: int, facts: Facts) -> None:
        """Move the watermark; one at or below it is invisible. A fault of ours in what is due pages, once an hour."""
        if self.state.watermark_ms is None or at_ms <= self.state.watermark_ms:
            return
        try:
            self._advance(at_ms, facts)
        except Exception as exc:  # as in `decide`: a page that was to go out now may be missing
            alert = ours(self.state.name, at_ms - at_ms % 3_600_000)
            self._fault(alert, type(exc).__name__, facts)
            self.state.watermark_ms = at_ms

    def silences_changed(self, facts: Facts) -> None:
        """Look again at all that is silenced."""
        for live in [live for live in self.state.alerts.values() if live.quiet is Reason.SILENCED and live.is_alive]:
            self._arrival.review(live, self.state.watermark_ms or 0)
        self._teller.tell(facts)

    def outcome(self, key: str, verdict: Verdict, by: str, facts: Facts) -> None:
        """What a person did about an incident; nothing if it is not of this scope."""
        incident = self.state.incidents.get(key)
        if incident is not None and verdict is Verdict.ACKNOWLEDGED and acknowledge(incident, by):
            self._teller.change(incident, None)
            self._teller.tell(facts)

    def decide(self, record: Alerts, facts: Facts) -> None:
        """Decide the alerts of one record together. A fault of ours pages each of them instead of losing any.

        A record that was decided before is skipped: *normalise* writes again what it had not committed when it died.
        """
        place = (record.raw_offset, record.part)
        if place <= self.state.seen.get(record.raw_partition, (-1, 0)):
            return
        self.state.seen[record.raw_partition] = place
        try:
            if self._policy.inhibit and len(record.alerts) > 1:
                decisions = self._together(record.alerts, facts)
            else:
                decisions = [self._event(alert, facts) for alert in record.alerts]
            self._teller.tell(facts)
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

    def _together(self, alerts: tuple[Alert, ...], facts: Facts) -> list[Decision]:
        """What a record lists later may explain what it lists first, but nothing that was due before it."""
        if self.state.watermark_ms is None or alerts[0].at_ms > self.state.watermark_ms:
            self._advance(alerts[0].at_ms, facts)
        for alert in alerts:
            if alert.status is Status.FIRING:
                self._quiet.foresee(alert)
        decisions = [self._event(alert, facts) for alert in alerts]
        for alert in alerts:
            self._quiet.unforesee(alert.fingerprint)
        return decisions

    def _event(self, alert: Alert, facts: Facts) -> Decision:
        watermark_ms = self.state.watermark_ms
        is_late = watermark_ms is not None and alert.at_ms < watermark_ms
        if watermark_ms is None or alert.at_ms > watermark_ms:
            self._teller.tell(facts)
            self._advance(alert.at_ms, facts)
        now_ms = watermark_ms if watermark_ms is not None and is_late else alert.at_ms
        live = self.state.alerts.get(alert.fingerprint)
        if alert.status is Status.RESOLVED:
            if len(self.state.states) < MOST_SOURCES:
                self.state.states[alert.source] = True
        elif live is not None and live.is_firing and alert.severity.rank <= live.severity.rank:
            next_at_ms = self._arrival.repeat(alert, live, now_ms)  # nine events of ten
            return self._decided(alert, Reason.DUPLICATE, live.incident_id, is_late=is_late, next_at_ms=next_at_ms)
        change = change_of(alert, live, self.state)
        if change is Change.NEW:
            reason, incident = self._arrival.place(alert, now_ms)
            return self._decision(alert, reason, incident, is_late=is_late)
        if live is None:
            return self._decision(alert, Reason.NEVER_FIRED, None, is_late=is_late)
        reason = self._known(alert, live, change, now_ms)
        return self._decision(alert, reason, live.incident_id, is_late=is_late)

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
            return self._arrival.end(live, incident, now_ms)
        return self._arrival.again(alert, live, change, now_ms)

    def _advance(self, to_ms: int, facts: Facts) -> None:
        """Let everything happen that is due by `to_ms`, in time order, each at its own time."""
        next_ms = self._deadlines.next_ms()
        if next_ms is None or next_ms > to_ms:  # almost always
            self.state.watermark_ms = to_ms
            return
        while (due := self._deadlines.pop(to_ms)) is not None:
            due_ms, what, key = due
            if self.state.watermark_ms is not None and due_ms > self.state.watermark_ms:
                self._teller.tell(facts)  # what happened at one time is told at once, at that time
            self.state.watermark_ms = max(due_ms, self.state.watermark_ms or due_ms)
            if what is Due.ALERT:
                self._arrival.alert_due(key, due_ms)
            elif what is Due.INCIDENT:
                self._incident_due(key, due_ms, facts)
            else:
                self._arrival.storm_due(due_ms)
        self._teller.tell(facts)
        self.state.watermark_ms = to_ms

    def _incident_due(self, key: str, due_ms: int, facts: Facts) -> None:
        incident = self.state.incidents.get(key)
        if incident is None or incident.due_ms != due_ms:
            return
        rule = self._teller.rule_of(incident)
        if incident.resolved_at_ms is not None:
            self._teller.tell(facts)  # its end may be of this very millisecond
            self._arrival.forget(incident)
        elif not incident.alive:
            self._deadlines.incident(key, resolve(self.state, incident, due_ms, rule))
            self._teller.change(incident, incident.ended_by)
        elif rule.repeat_after_ms is not None and incident.acknowledged_by is None:
            self._arrival.rejudge(incident, due_ms)
            incident.due_ms = due_ms + rule.repeat_after_ms
            self._deadlines.incident(key, incident.due_ms)
            self._teller.change(incident, Reason.REPEATED)

    def _decision(self, alert: Alert, reason: Reason, incident_id: str | None, *, is_late: bool) -> Decision:
        live = self.state.alerts.get(alert.fingerprint)
        incident = self.state.incidents.get(incident_id) if incident_id is not None else None
        next_at_ms = None
        if live is not None and (live.is_firing or live.flap.is_flapping):
            next_at_ms = live.due_ms if live.review_at_ms is None and live.flap_ends_ms is None else live.next_ms
            if incident is not None and incident.due_ms is not None:
                next_at_ms = min(next_at_ms, incident.due_ms)
            if incident is not None and reason.pages and (again_ms := self._teller.repeats_at_ms(incident)) is not None:
                next_at_ms = min(next_at_ms, again_ms)
        elif incident is not None:
            next_at_ms = incident.due_ms
        return self._decided(alert, reason, incident_id, is_late=is_late, next_at_ms=next_at_ms)

    def _decided(
        self, alert: Alert, reason: Reason, incident_id: str | None, *, is_late: bool, next_at_ms: int | None
    ) -> Decision:
        return Decision.trusted(
            fingerprint=alert.fingerprint,
            source_fingerprint=alert.source_fingerprint,
            incident_id=incident_id,
            reason=reason,
            score=None,
            paged=reason.pages and alert.status is Status.FIRING,
            is_late=is_late,
            at_ms=alert.at_ms,
            next_at_ms=next_at_ms,
            policy_version=self._policy.name,
            model_version=None,
            fingerprint_version=VERSION,
        )

    def _fault(self, alert: Alert, error: str, facts: Facts) -> Decision:
        fault_id = fault_id_of(self.state.name, alert)
        is_firing = alert.status is Status.FIRING
        if is_firing:
            facts.pages.append(fault_page(alert, fault_id, error, (self.state.name, self._policy)))
        return self._decided(alert, Reason.FAULT, fault_id if is_firing else None, is_late=False, next_at_ms=None)


def ours(scope: str, at_ms: int) -> Alert:
    """The alert about ourselves: a deadline of the scope could not be handled."""
    name = "PagesieveFault"
    return Alert(
        source="pagesieve",
        name=name,
        labels={"alertname": name, "scope": scope},
        annotations={"summary": "a deadline could not be handled; a page may be missing: look at the open incidents"},
        severity=Severity.CRITICAL,
        status=Status.FIRING,
        at_ms=at_ms,
        starts_at_ms=at_ms,
        fingerprint=fingerprint(name, {"scope": scope}, ()),
    )


def fault_id_of(scope: str, alert: Alert) -> str:
    """The id under which a fault pages; the same for the same event."""
    return incident_id(f"fault:{scope}", alert.fingerprint, alert.at_ms, 0)
