"""An alert goes on to another incident when that fits better by now; in the old one it is over."""

from pipeline.core.arrival import Arrival, Before
from pipeline.core.columns import FOREVER_MS, NEVER_MS
from pipeline.core.departure import Departure
from pipeline.core.facets import facets
from pipeline.core.incidents import trace_of
from pipeline.core.live import Live
from pipeline.core.placement import Arriving
from pipeline.core.review import Scope
from pipeline.core.trace import rename
from pipeline.core.window import SEEKING, Change
from schemas import Alert, Reason

_OUTAGE = 3  # alerts: of two, each may be what the other is about


class Seeking:
    """Lets alerts of one scope look for their incident anew."""

    def __init__(self, scope: Scope, arrival: Arrival, departure: Departure) -> None:
        self._state, self._policy = scope.state, scope.policy
        self._alerts, self._deadlines = scope.alerts, scope.deadlines
        self._arrival, self._departure = arrival, departure

    def strays(self, alert: Alert, live: Live, change: Change, now_ms: int) -> bool:
        """Whether an alert that was correlated looks for its incident anew.

        An event does after a silence; a state only where its incident would have been forgotten by now, had not other
        alerts kept it open, or had it not flapped itself, or where it is but a guest; in a storm none opens one.
        """
        if change not in SEEKING or self._alerts.is_full():
            return False
        stray_ms = live.incident.stray_ms
        if not self._arrival.placement.says_resolved(alert):
            return stray_ms != FOREVER_MS and (change is not Change.DUPLICATE or now_ms - live.last_at_ms >= stray_ms)
        if change is Change.DUPLICATE or not live.incident.is_correlated:
            return False
        if self._state.storm_id is None and self._arrival.placement.is_guest(live):
            return True
        return change is Change.REFIRED and self._is_late(live, now_ms)

    def is_left_over(self, alert: Alert, live: Live, change: Change, now_ms: int) -> bool:
        """Whether all else of an outage is over, and the alert is milder than that was: it is not the outage again."""
        incident = live.incident
        if change not in {Change.REFIRED, Change.REOPENED} or not incident.is_correlated or self._alerts.is_full():
            return False
        is_milder = alert.severity.rank < incident.lead_rank and len(incident.members) - incident.parted >= _OUTAGE
        if not is_milder or incident.alive != incident.flapping:
            return False
        if change is Change.REOPENED:
            return True
        over_ms = now_ms - self._policy.rules[live.rule].resolve_after_ms  # a shorter gap ends no outage
        return NEVER_MS < self._alerts.steady_ms(incident.members) <= over_ms

    def seek(self, alert: Alert, live: Live, now_ms: int) -> tuple[Reason, Live]:
        """An event of an alert that is in an incident, after a silence. Why it pages or not, and the alert as it is."""
        index = self._policy.rule_of(facets(alert))
        code, home, was_firing = live.code, live.incident, live.is_firing
        arriving = Arriving(alert, code, live.last_at_ms, now_ms, self._arrival.placement.home_of(live))
        found = self._arrival.placement.place(arriving, self._policy.rules[index]) or home  # it opens one: no storm
        if found is not home:
            # What never stopped firing is not held anew: otherwise one that repeats each minute would never page.
            before = Before(
                live.flap,
                live.fired_at_ms if was_firing else None,
                live.score,
                live.begun_at_ms,
                live.guard,
                live.hold_ms,
            )
            self._arrival.placement.count(live)
            self._part(live, now_ms)
            trace = self._alerts.find(code ^ trace_of(found.incident_id))
            if trace is None:
                reason, _, live = self._arrival.enter(alert, (code, index), None, found, now_ms, before)
                return reason, live
            live = trace
            live.incident.parted -= 1
            live.score, live.begun_at_ms, live.guard = before[2:5]
            live.hold_ms = 0
            self._rename(live, code, is_parted=False)
        else:
            self._arrival.placement.why = None  # it only comes home
        live.events += 1
        live.last_at_ms = now_ms
        found.hear()
        if live.is_firing and alert.severity.rank <= live.severity.rank:
            live.due_ms = max(live.due_ms, self._arrival.over_ms(alert, index, found, now_ms))
            return Reason.DUPLICATE, live
        change = Change.DUPLICATE if live.is_firing else Change.REFIRED
        return self._arrival.again(alert, live, change, now_ms, goes_on=was_firing), live

    def _is_late(self, live: Live, now_ms: int) -> bool:
        """Whether its incident would have been forgotten by now, had not others kept it open, or its own flapping."""
        incident, reopen_ms = live.incident, self._policy.rules[live.rule].reopen_within_ms
        if live.is_flapping:  # an outage that is over must not stay open for that
            all_flap = incident.alive == incident.flapping
            return all_flap and NEVER_MS < self._alerts.steady_ms(incident.members) <= now_ms - reopen_ms
        stray_ms = incident.stray_ms
        return now_ms - live.last_at_ms >= (reopen_ms if stray_ms == FOREVER_MS else max(reopen_ms, stray_ms))

    def _part(self, live: Live, now_ms: int) -> None:
        """The alert goes on elsewhere: here it is over, and stays as what it was."""
        if live.incident.is_forgotten:
            self._alerts.remove(live)
            return
        if live.is_flapping:
            self._departure.calm(live, now_ms)
        if live.is_alive:
            self._departure.expire(live, now_ms)
        trace = live.code ^ trace_of(live.incident.incident_id)
        live.incident.parted += 1
        self._rename(live, trace, is_parted=True)

    def _rename(self, live: Live, code: int, *, is_parted: bool) -> None:
        rename(live.incident, live, code)
        self._alerts.rename(live, code, is_parted=is_parted)
        self._deadlines.alert(live)
