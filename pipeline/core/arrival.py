"""What an event does to its alert and its incident: a new one is placed, one fires again, one ends."""

from dataclasses import replace

from pipeline.core.deadlines import Deadlines
from pipeline.core.facets import facets
from pipeline.core.flap import changed, ends_at_ms
from pipeline.core.group import fitting, group_of
from pipeline.core.incident import account, add, open_incident, quieten, reopen, revive, standing
from pipeline.core.overflow import overflow
from pipeline.core.paging import reason_of
from pipeline.core.policy import Policy
from pipeline.core.quiet import Quiet
from pipeline.core.state import Live, Open, ScopeState
from pipeline.core.tell import Teller
from pipeline.core.weather import Weather
from pipeline.core.window import Change, over_ms
from schemas import Alert, Reason

_SURFACES = {Reason.HELD: Reason.HOLD_ENDED, Reason.TOO_FEW: Reason.ENOUGH}
_NOBODY = (False, False, False)


class Arrival:
    """Applies events and deadlines of alerts to one scope."""

    def __init__(self, state: ScopeState, policy: Policy, quiet: Quiet, deadlines: Deadlines, teller: Teller) -> None:
        self._state = state
        self._policy = policy
        self._quiet = quiet
        self._deadlines = deadlines
        self._teller = teller
        self._weather = Weather(state, policy, deadlines)
        for live in state.alerts.values():
            if live.is_alive:
                quiet.begin(live)

    def place(self, alert: Alert, now_ms: int) -> tuple[Reason, str]:
        """Put an alert that is in no incident into one. Why it pages or not, and the incident's id."""
        known = self._state.alerts.get(alert.fingerprint)
        if self._quiet.alive >= self._policy.max_live_alerts:
            incident = self._state.incidents.get(self._state.overflow_id or "")
            if incident is not None and incident.resolved_at_ms is None:
                is_unwanted = self._quiet.is_unwanted(alert, now_ms)
                return overflow(incident, alert, self._teller, is_unwanted=is_unwanted), incident.incident_id
            incident = self._open(alert, {"overflow": self._state.name}, now_ms)
            self._state.overflow_id = incident.incident_id
            return self._enter(alert, known, incident, now_ms)
        rule = self._quiet.rule(alert)
        group = group_of(alert, rule)
        incident = None if self._quiet.is_unwanted(alert, now_ms) else self._weather.arrives(alert, now_ms)
        if incident is None:
            incident = fitting(self._state, group, now_ms, rule) or self._open(alert, group, now_ms)
        return self._enter(alert, known, incident, now_ms)

    def repeat(self, alert: Alert, live: Live, now_ms: int) -> int:
        """An alert that fires says so again, no worse than before. When something happens next if no event comes."""
        incident = self._state.incidents[live.incident_id]
        live.events += 1
        live.last_at_ms = now_ms
        incident.events += 1
        due_ms = over_ms(alert, now_ms, self._state, self._quiet.rule_of(alert.fingerprint))
        # The later end rules, as in Alertmanager (types/types.go, Merge): a twin's shorter lease ends nothing.
        live.due_ms = max(live.due_ms, due_ms)
        next_ms = live.due_ms if live.review_at_ms is None and live.flap_ends_ms is None else live.next_ms
        return next_ms if incident.due_ms is None or next_ms < incident.due_ms else incident.due_ms

    def again(self, alert: Alert, live: Live, change: Change, now_ms: int) -> Reason:
        """An alert that is in an incident fires again, or still and worse than before."""
        incident = self._state.incidents[live.incident_id]
        rule = self._quiet.rule(alert)
        due_ms = over_ms(alert, now_ms, self._state, rule)
        live.due_ms = max(live.due_ms, due_ms) if live.is_firing else due_ms
        was = standing(live)
        # The slower twin of a pair may tell of a firing that is over; that is no change of the condition.
        is_new_firing = alert.starts_at_ms != live.alert.starts_at_ms
        # Another severity may be another route, and another source or target of an inhibition.
        freed = self._quiet.end(alert.fingerprint) if facets(alert) != facets(live.alert) else []
        live.alert, live.severity = alert, alert.severity
        if change is Change.DUPLICATE:
            reason = self._settle(live, incident, was, (Reason.DUPLICATE, Reason.SURFACED), now_ms)
        else:
            reason = self._refire(live, incident, was, change, is_new_firing=is_new_firing)
        for fingerprint in sorted(freed):
            self._review_if_waiting(fingerprint, now_ms)
        return reason

    def _refire(
        self, live: Live, incident: Open, was: tuple[bool, bool, bool], change: Change, *, is_new_firing: bool
    ) -> Reason:
        """An alert that was over fires again, in the incident that it was in."""
        now_ms = live.last_at_ms
        live.is_firing, live.fired_at_ms = True, now_ms
        calm, opening = Reason.REFIRED, Reason.SURFACED
        if change is Change.REOPENED:
            reopen(self._state, incident, now_ms)
            opening = Reason.REOPENED
        live.is_echo = not is_new_firing
        if is_new_firing:
            self._flap(live, incident, now_ms)
        if live.flap.is_flapping:
            calm = Reason.FLAPPING
        return self._settle(live, incident, was, (calm, opening), now_ms)

    def end(self, live: Live, incident: Open, now_ms: int) -> Reason:
        """The alert says, or its time says, that it is over."""
        was = standing(live)
        was_held = incident.paged_rank is None and live.quiet is Reason.HELD
        incident.ended_by = Reason.RESOLVED
        live.is_firing = False
        live.due_ms = now_ms + self._quiet.rule(live.alert).expire_after_ms
        if not live.is_echo:
            self._flap(live, incident, now_ms)
        self._leave(live, incident, was, now_ms)
        if live.flap.is_flapping:
            return Reason.FLAPPING
        return Reason.TRANSIENT if was_held else Reason.RESOLVED

    def review(self, live: Live, now_ms: int) -> None:
        """Ask again whether the alert, which is alive, is kept quiet."""
        incident = self._state.incidents[live.incident_id]
        was, before = standing(live), live.quiet
        live.quiet, live.review_at_ms = self._quiet.judge(live, now_ms)
        if live.quiet is before:
            self._deadlines.alert(live.alert.fingerprint, live.next_ms)
            return
        account(incident, live, was)
        self._deadlines.alert(live.alert.fingerprint, live.next_ms)
        cause = None
        if live.is_loud:
            cause = _SURFACES.get(before, Reason.QUIET_ENDED) if before is not None else None
        self._teller.change(incident, cause)

    def rejudge(self, incident: Open, now_ms: int) -> None:
        """Ask again of everything in it that is loud: it may have been silenced since it was paged."""
        for fingerprint in incident.members:
            live = self._state.alerts[fingerprint]
            if live.is_loud:
                self.review(live, now_ms)

    def forget(self, incident: Open) -> None:
        """It may not reopen any more. Where memory is short, its alerts that are over go with it."""
        del self._state.incidents[incident.incident_id]
        if len(self._state.alerts) <= self._policy.max_live_alerts:
            return
        for fingerprint in incident.members:
            live = self._state.alerts.get(fingerprint)
            if live is not None and live.incident_id == incident.incident_id:
                del self._state.alerts[fingerprint]

    def alert_due(self, key: str, due_ms: int) -> None:
        """A deadline of an alert has come, or was put off."""
        live = self._state.alerts.get(key)
        if live is None:
            return
        incident = self._state.incidents.get(live.incident_id)
        if incident is None:  # long over
            if live.due_ms <= due_ms:
                del self._state.alerts[key]
                return
        elif live.flap_ends_ms is not None and live.flap_ends_ms <= due_ms:
            self._stop_flapping(live, incident, due_ms)
        elif live.is_firing and live.due_ms <= due_ms:
            self.end(live, incident, due_ms)
            incident.ended_by = Reason.EXPIRED
        elif live.review_at_ms is not None and live.review_at_ms <= due_ms and live.is_alive:
            self.review(live, due_ms)
        elif live.due_ms <= due_ms:  # over, but its incident still tells of it
            live.due_ms = due_ms + self._quiet.rule(live.alert).expire_after_ms
        self._deadlines.alert(key, live.next_ms)

    def storm_due(self, due_ms: int) -> None:
        """The storm may be over."""
        incident = self._weather.due(due_ms)
        if incident is not None and incident.resolved_at_ms is None:
            self._teller.change(incident, Reason.STORM_ENDED)

    def _enter(self, alert: Alert, known: Live | None, incident: Open, now_ms: int) -> tuple[Reason, str]:
        """A new alert joins `incident`, or has opened it."""
        is_first = not incident.members
        due_ms = over_ms(alert, now_ms, self._state, self._quiet.rule(alert))
        live = Live(alert, incident.incident_id, True, alert.severity, now_ms, now_ms, due_ms, now_ms)
        if known is not None:
            live.flap = known.flap
        self._state.alerts[alert.fingerprint] = live
        add(incident, live, now_ms)
        incident.events += 1
        self._flap(live, incident, now_ms)
        calm, opening = Reason.JOINED, Reason.OPENED if is_first else Reason.SURFACED
        if incident.incident_id == self._state.storm_id:
            calm, opening = Reason.STORM, Reason.STORM_BEGAN
        elif incident.incident_id == self._state.overflow_id:
            opening = Reason.OVERFLOW
        return self._settle(live, incident, _NOBODY, (calm, opening), now_ms), incident.incident_id

    def _settle(
        self, live: Live, incident: Open, was: tuple[bool, bool, bool], reasons: tuple[Reason, Reason], now_ms: int
    ) -> Reason:
        """The alert fires in `incident`: count it, judge it, say why it pages or not. `reasons`: (calm, opening)."""
        calm, opening = reasons
        was_dead = not incident.alive
        others = self._quiet.begin(live)
        live.quiet, live.review_at_ms = self._quiet.judge(live, now_ms)
        account(incident, live, was)
        self._teller.renew(incident, live)
        if was_dead:
            self._revive(incident)
        self._deadlines.alert(live.alert.fingerprint, live.next_ms)
        if self._teller.is_calling(incident) and live.quiet is None:
            reason = calm
        else:
            reason = reason_of(incident, live, calm, opening)
        self._teller.change(incident, reason if reason.pages else None)
        for fingerprint in sorted(others):
            self._review_if_waiting(fingerprint, now_ms)
        return reason

    def _leave(self, live: Live, incident: Open, was: tuple[bool, bool, bool], now_ms: int) -> None:
        if not live.is_alive:
            live.quiet = live.review_at_ms = None
        account(incident, live, was)
        self._teller.renew(incident, live)
        self._deadlines.alert(live.alert.fingerprint, live.next_ms)
        self._teller.change(incident, None)
        if live.is_alive:
            return
        resolves_at_ms = quieten(incident, now_ms, self._teller.rule_of(incident))
        if resolves_at_ms is not None:
            self._deadlines.incident(incident.incident_id, resolves_at_ms)
        for fingerprint in sorted(self._quiet.end(live.alert.fingerprint)):
            self._review_if_waiting(fingerprint, now_ms)

    def _review_if_waiting(self, fingerprint: str, now_ms: int) -> None:
        live = self._state.alerts.get(fingerprint)  # one that is foreseen is not there yet
        if live is not None and live.is_alive and live.quiet is not None:
            self.review(live, now_ms)

    def _revive(self, incident: Open) -> None:
        due_ms = revive(incident, self._teller.rule_of(incident))
        if due_ms is not None:
            self._deadlines.incident(incident.incident_id, due_ms)

    def _flap(self, live: Live, incident: Open, now_ms: int) -> None:
        """Count a change; the one that makes the alert flap is told once to whoever was paged.

        Only of a state: an event that is over because its window has passed has not changed.
        """
        if not (live.alert.is_state or live.alert.source in self._state.states):
            return
        was_flapping = live.flap.is_flapping
        live.flap = changed(live.flap, now_ms, self._policy.flapping)
        live.flap_ends_ms = ends_at_ms(live.flap, self._policy.flapping) if live.flap.is_flapping else None
        if live.flap.is_flapping and not was_flapping:
            self._teller.change(incident, Reason.FLAPPING)

    def _stop_flapping(self, live: Live, incident: Open, now_ms: int) -> None:
        was = standing(live)
        live.flap = replace(live.flap, is_flapping=False)
        live.flap_ends_ms = None
        self._leave(live, incident, was, now_ms)
        self._teller.change(incident, Reason.FLAP_ENDED)

    def _open(self, alert: Alert, group: dict[str, str], now_ms: int) -> Open:
        return open_incident(self._state, alert, group, now_ms, self._policy)
