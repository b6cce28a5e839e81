"""What an event does to its alert and its incident: a new one is placed, one fires again, one ends."""

from typing import NamedTuple

from pipeline.core.columns import FOREVER_MS
from pipeline.core.deadlines import Deadlines
from pipeline.core.facets import facets
from pipeline.core.incident import (
    account,
    add,
    forget,
    quieten,
    reopen,
    revive,
    special,
    standing,
)
from pipeline.core.incidents import Incidents, Open
from pipeline.core.live import Live, LiveAlerts
from pipeline.core.overflow import overflow
from pipeline.core.paging import reason_of
from pipeline.core.placement import Arriving, Placement
from pipeline.core.policy import Policy
from pipeline.core.quiet import Quiet
from pipeline.core.state import ScopeState
from pipeline.core.tell import Teller
from pipeline.core.weather import Weather
from pipeline.core.window import Change, over_ms
from schemas import Alert, Reason

_SURFACES = {Reason.HELD: Reason.HOLD_ENDED, Reason.TOO_FEW: Reason.ENOUGH}
_NOBODY = (False, False, False)


class Scope(NamedTuple):
    """What there is of one scope: what it remembers, what is to come, and who judges and tells."""

    state: ScopeState
    policy: Policy
    book: Incidents
    alerts: LiveAlerts
    deadlines: Deadlines
    quiet: Quiet
    teller: Teller


class Arrival:
    """Applies events and deadlines of alerts to one scope."""

    def __init__(self, scope: Scope) -> None:
        self._state, self._policy, self._book, self._alerts, self._deadlines, self._quiet, self._teller = scope
        self.placement = Placement(self._state, self._policy, scope.book)
        self._weather = Weather(self._state, self._policy, self._deadlines, self._book)

    def place(self, alert: Alert, code: int, known: Live | None, now_ms: int) -> tuple[Reason, Open, Live | None]:
        """Put an alert that is in no incident into one. Why it pages or not, and the alert if it is remembered."""
        seen = facets(alert)
        index = self._policy.rule_of(seen)
        rule = self._policy.rules[index]
        is_unwanted = self._quiet.may_hush and self._quiet.hushed(seen, rule, now_ms) is not None
        if self._quiet.alive >= self._policy.max_live_alerts or (known is None and self._alerts.is_full):
            incident = self._state.incidents.get(self._state.overflow_id or "")
            if incident is not None and incident.resolved_at_ms is None:
                return overflow(incident, alert, self._teller, is_unwanted=is_unwanted), incident, None
            incident = self.placement.open(special(alert, "overflow", self._state.name, now_ms))
            self._state.overflow_id = incident.incident_id
            return self.enter(alert, (code, index), known, incident, now_ms)
        found = None
        # Log-like events come in bursts as it is: only time tells theirs apart, and one incident for all would not.
        if not is_unwanted and (rule.group_by is not None or self.placement.says_resolved(alert)):
            found = self._weather.arrives(alert, now_ms)
        if found is None:
            last_at_ms = None if known is None else known.last_at_ms
            found = self.placement.place(Arriving(alert, code, last_at_ms, now_ms), rule)
        return self.enter(alert, (code, index), known, found, now_ms)

    def again(self, alert: Alert, live: Live, change: Change, now_ms: int) -> Reason:
        """An alert that is in an incident fires again, or still and worse than before."""
        seen = facets(alert)
        index = self._policy.rule_of(seen)
        due_ms = self.over_ms(alert, index, live.incident, now_ms)
        live.due_ms = max(live.due_ms, due_ms) if live.is_firing else due_ms
        was = standing(live)
        # The slower twin of a pair may tell of a firing that is over; that is no change of the condition.
        is_new_firing = alert.starts_at_ms != live.starts_at_ms
        # Another severity may be another route, and another source or target of an inhibition.
        freed = self._quiet.end(live) if seen != facets(live.alert) else []
        live.say(alert)
        live.rule = index
        if change is Change.DUPLICATE:
            reason = self._settle(live, was, (Reason.DUPLICATE, Reason.SURFACED), now_ms)
        else:
            reason = self._refire(live, was, change, is_new_firing=is_new_firing)
        for code in sorted(freed):
            self._review_if_waiting(code, now_ms)
        return reason

    def _refire(self, live: Live, was: tuple[bool, bool, bool], change: Change, *, is_new_firing: bool) -> Reason:
        """An alert that was over fires again, in the incident that it was in."""
        now_ms = live.last_at_ms
        live.is_firing, live.fired_at_ms = True, now_ms
        calm, opening = Reason.REFIRED, Reason.SURFACED
        if change is Change.REOPENED:
            reopen(self._state, live.incident, now_ms)
            opening = Reason.REOPENED
        live.is_echo = not is_new_firing
        if is_new_firing:
            self._flap(live, now_ms)
        if live.is_flapping:
            calm = Reason.FLAPPING
        return self._settle(live, was, (calm, opening), now_ms)

    def end(self, live: Live, now_ms: int) -> Reason:
        """The alert says, or its time says, that it is over."""
        incident = live.incident
        was = standing(live)
        was_held = incident.paged_rank is None and live.quiet is Reason.HELD
        incident.ended_by = Reason.RESOLVED
        live.is_firing = False
        live.due_ms = now_ms + self._policy.rules[live.rule].expire_after_ms
        if not live.is_echo:
            self._flap(live, now_ms)
        self._leave(live, was, now_ms)
        if live.is_flapping:
            return Reason.FLAPPING
        return Reason.TRANSIENT if was_held else Reason.RESOLVED

    def expire(self, live: Live, now_ms: int) -> None:
        """It is over without its source saying so."""
        self.end(live, now_ms)
        live.incident.ended_by = Reason.EXPIRED

    def review(self, live: Live, now_ms: int) -> None:
        """Ask again whether the alert, which is alive, is kept quiet."""
        incident = live.incident
        was, before = standing(live), live.quiet
        live.quiet, live.review_at_ms = self._quiet.judge(live, now_ms)
        self._deadlines.alert(live)
        if live.quiet is before:
            return
        account(incident, live, was)
        cause = None
        if live.is_loud:
            cause = _SURFACES.get(before, Reason.QUIET_ENDED) if before is not None else None
        self._teller.change(incident, cause)

    def rejudge(self, incident: Open, now_ms: int) -> None:
        """Ask again of everything in it that is loud: it may have been silenced since it was paged."""
        for code in incident.members:
            live = self._alerts.at(code)
            if live.is_loud:
                self.review(live, now_ms)

    def forget(self, incident: Open) -> None:
        """It may not reopen any more. Where memory is short, its alerts that are over go with it."""
        members = forget(self._state, incident)
        if len(self._alerts) <= self._policy.max_live_alerts and not incident.is_correlated:
            return
        is_short = len(self._alerts) > self._policy.max_live_alerts
        for code in members:
            live = self._alerts.find(code)
            if live is not None and live.incident is incident and (is_short or live.is_parted):
                self._alerts.remove(live)

    def alert_due(self, code: int, due_ms: int) -> None:
        """A deadline of an alert has come, or was put off."""
        live = self._alerts.find(code)
        if live is None or live.queued_ms != due_ms:
            return  # an entry that a later one replaced
        live.queued_ms = FOREVER_MS
        if live.incident.is_forgotten:  # long over
            if live.due_ms <= due_ms:
                self._alerts.remove(live)
                return
        elif live.flap_ends_ms <= due_ms:
            self._stop_flapping(live, due_ms)
        elif live.is_firing and live.due_ms <= due_ms:
            self.expire(live, due_ms)
        elif live.review_at_ms <= due_ms and live.is_alive:
            self.review(live, due_ms)
        elif live.due_ms <= due_ms:  # over, but its incident still tells of it
            live.due_ms = due_ms + self._policy.rules[live.rule].expire_after_ms
        self._deadlines.alert(live)

    def storm_due(self, due_ms: int) -> None:
        """The storm may be over."""
        incident = self._weather.due(due_ms)
        if incident is not None and incident.resolved_at_ms is None:
            self._teller.change(incident, Reason.STORM_ENDED)

    def enter(  # noqa: PLR0913, PLR0917  # an alert is placed by all of them
        self,
        alert: Alert,
        marks: tuple[int, int],
        known: Live | None,
        incident: Open,
        now_ms: int,
        fired_at_ms: int | None = None,
    ) -> tuple[Reason, Open, Live]:
        """A new alert joins `incident`, or has opened it. `marks`: (its code, its rule)."""
        code, rule = marks
        is_first = not incident.members
        live = Live(
            self._alerts,
            code,
            incident,
            rule,
            alert.severity,
            alert.starts_at_ms,
            first_at_ms=now_ms,
            last_at_ms=now_ms,
            due_ms=self.over_ms(alert, rule, incident, now_ms),
            fired_at_ms=now_ms if fired_at_ms is None else fired_at_ms,
            told=alert,
        )
        if known is not None:
            live.flap_penalty, live.flap_at_ms = known.flap_penalty, known.flap_at_ms
            live.is_flapping = known.is_flapping
        self._alerts.add(live, known)
        add(incident, live, now_ms)
        incident.hear()
        self._flap(live, now_ms)
        calm, opening = Reason.JOINED, Reason.OPENED if is_first else Reason.SURFACED
        if incident.incident_id == self._state.storm_id:
            calm, opening = Reason.STORM, Reason.STORM_BEGAN
        elif incident.incident_id == self._state.overflow_id:
            opening = Reason.OVERFLOW
        return self._settle(live, _NOBODY, (calm, opening), now_ms), incident, live

    def _settle(self, live: Live, was: tuple[bool, bool, bool], reasons: tuple[Reason, Reason], now_ms: int) -> Reason:
        """The alert fires in its incident: count it, judge it, say why it pages or not. `reasons`: (calm, opening)."""
        calm, opening = reasons
        incident = live.incident
        was_dead = not incident.alive
        others = () if live.is_counted else self._quiet.begin(live)
        live.quiet, live.review_at_ms = self._quiet.judge(live, now_ms)
        account(incident, live, was)
        self._teller.renew(incident, live)
        if was_dead:
            self._revive(incident)
        self._deadlines.alert(live)
        if live.quiet is None and self._teller.is_calling(incident):
            reason = calm
        else:
            reason = reason_of(incident, live, calm, opening)
        self._teller.change(incident, reason if reason.pages else None)
        if others:
            for code in sorted(others):
                self._review_if_waiting(code, now_ms)
        return reason

    def _leave(self, live: Live, was: tuple[bool, bool, bool], now_ms: int) -> None:
        incident = live.incident
        if not live.is_alive:
            live.quiet, live.review_at_ms = None, FOREVER_MS
        account(incident, live, was)
        self._teller.renew(incident, live)
        self._deadlines.alert(live)
        self._teller.change(incident, None)
        if live.is_alive:
            return
        resolves_at_ms = quieten(incident, now_ms, self._teller.rule_of(incident))
        if resolves_at_ms is not None:
            self._deadlines.incident(incident.incident_id, resolves_at_ms)
        for code in sorted(self._quiet.end(live)):
            self._review_if_waiting(code, now_ms)

    def _review_if_waiting(self, code: int, now_ms: int) -> None:
        live = self._alerts.find(code)  # one that is foreseen is not there yet
        if live is not None and live.is_alive and live.quiet is not None:
            self.review(live, now_ms)

    def _revive(self, incident: Open) -> None:
        due_ms = revive(incident, self._teller.rule_of(incident))
        if due_ms is not None:
            self._deadlines.incident(incident.incident_id, due_ms)

    def _flap(self, live: Live, now_ms: int) -> None:
        """Count a change; the one that makes the alert flap is told once to whoever was paged.

        Only of a state: an event that is over because its window has passed has not changed.
        """
        if self.placement.says_resolved(live.alert) and live.change(now_ms, self._policy.flapping):
            self._teller.change(live.incident, Reason.FLAPPING)

    def _stop_flapping(self, live: Live, now_ms: int) -> None:
        was = standing(live)
        live.is_flapping = False
        live.flap_ends_ms = FOREVER_MS
        self._leave(live, was, now_ms)
        self._teller.change(live.incident, Reason.FLAP_ENDED)

    def over_ms(self, alert: Alert, rule: int, incident: Open, now_ms: int) -> int:
        """When the alert is over if nothing more is heard of it: one of an everyday event, not before its incident."""
        says_resolved = self.placement.says_resolved(alert)
        due_ms = over_ms(alert, now_ms, self._policy.rules[rule], says_resolved=says_resolved)
        if says_resolved or alert.expires_at_ms is not None or incident.stray_ms == FOREVER_MS:
            return due_ms
        return max(due_ms, now_ms + incident.stray_ms)
