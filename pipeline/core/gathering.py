"""The log-like events of one record are placed together, those least known first.

What is rare tells where a burst belongs; what is everyday would join the incident that was there before, and open its
door for the rest. States need none of it, and neither does anything where the policy says group_by.
"""

from pipeline.core.arrival import Arrival
from pipeline.core.facets import facets
from pipeline.core.incident import forget
from pipeline.core.placement import Arriving
from pipeline.core.policy import Rule
from pipeline.core.review import Scope
from pipeline.core.run import Run
from pipeline.core.seeking import Seeking
from pipeline.core.window import Change, change_of
from schemas import Alert, Status


class Gathering:
    """Plans where the events of a record go, before they are decided in their order."""

    def __init__(self, scope: Scope, arrival: Arrival, seeking: Seeking) -> None:
        self._state, self._policy, self._alerts = scope.state, scope.policy, scope.alerts
        self._placement, self._seeking = arrival.placement, seeking

    def plan(self, run: Run) -> None:
        """Place those events of the record that look for an incident."""
        known = self._state.correlation.known
        seen: set[int] = set()
        found: list[tuple[int, int, int, Arriving, Rule]] = []
        for nth, (alert, code) in enumerate(run.events_of_record()):
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
        if len(found) < 2:
            return
        found.sort(key=lambda one: one[:3])
        for *_, arriving, rule in found:
            placed = self._placement.correlate(arriving, rule)
            if placed is not None:  # no event is in a storm
                self._placement.planned[arriving.code] = placed

    def end(self) -> None:
        """Forget what was planned and not needed, once the record has been decided."""
        planned = self._placement.planned
        if not planned:
            return
        for incident, _ in planned.values():
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
