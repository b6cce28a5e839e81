"""Log-like events that come within half a second are placed together, those least known first.

What is rare tells where a burst belongs; what is everyday would join the incident that was there before, and open its
door for the rest. States are never waited for, and neither is anything where the policy says group_by.
"""

from pipeline.core.arrival import Arrival, Scope
from pipeline.core.facets import facets
from pipeline.core.incident import forget
from pipeline.core.placement import Arriving
from pipeline.core.policy import Rule
from pipeline.core.run import Run
from pipeline.core.seeking import Seeking
from pipeline.core.window import Change, change_of
from schemas import Alert, Status


class Gathering:
    """Plans where the events of one scope go that are placed together."""

    def __init__(self, scope: Scope, arrival: Arrival, seeking: Seeking) -> None:
        self._state, self._policy, self._alerts = scope.state, scope.policy, scope.alerts
        self._placement, self._seeking = arrival.placement, seeking
        self._to = 0  # records of the run before this one are planned

    def begin(self) -> None:
        """A run begins."""
        self._to = 0

    def until_ms(self, run: Run) -> int | None:
        """How long the next event waits for others; None: it does not."""
        if not self._policy.gather_ms or run.nth < self._to:
            return None
        if self._rule(run.alert, run.code) is None:
            return None
        return self._now_ms(run.alert) + self._policy.gather_ms

    def plan(self, run: Run, to: int) -> None:
        """Place all events before the record `to` that look for an incident."""
        self._to = to
        known = self._state.correlation.known
        seen: set[int] = set()
        found: list[tuple[int, int, int, Arriving, Rule]] = []
        for nth, (alert, code) in enumerate(run.events_before(to)):
            if code in seen:
                continue
            seen.add(code)
            rule = self._rule(alert, code)
            if rule is None:
                continue
            live = self._alerts.find(code)
            at_ms = self._now_ms(alert)
            arriving = Arriving(alert, code, None, at_ms)
            if live is not None:
                arriving = Arriving(alert, code, live.last_at_ms, at_ms, self._placement.home_of(live))
            heard = known[code].heard if code in known else 0
            heard += live.events if live is not None else 0
            found.append((heard, at_ms, nth, arriving, rule))
        found.sort(key=lambda one: one[:3])
        for *_, arriving, rule in found:
            self._placement.planned[arriving.code] = self._placement.place(arriving, rule)

    def end(self, run: Run) -> None:
        """Forget what was planned and not needed, once all that it was for has been decided."""
        planned = self._placement.planned
        if not planned or (run.nth < self._to and not run.is_over):
            return
        for incident in planned.values():
            if not incident.members and not incident.is_forgotten:
                self._state.correlation.close(incident)
                forget(self._state, incident)
        planned.clear()

    def _rule(self, alert: Alert, code: int) -> Rule | None:
        """The rule of an event that looks for an incident by correlation."""
        if alert.status is not Status.FIRING or self._placement.says_resolved(alert):
            return None
        live = self._alerts.find(code)
        change = change_of(alert, live)
        if change is not Change.NEW and (
            live is None or not self._seeking.strays(alert, live, change, self._now_ms(alert))
        ):
            return None
        rule = self._policy.rules[self._policy.rule_of(facets(alert))]
        return rule if rule.group_by is None else None

    def _now_ms(self, alert: Alert) -> int:
        watermark_ms = self._state.watermark_ms
        return alert.at_ms if watermark_ms is None else max(alert.at_ms, watermark_ms)
