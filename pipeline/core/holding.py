"""With `hold: auto` a page waits as long as that pays, from when its alert began to fire; never what a guard names."""

from pipeline.core.actionability.guardrails import Doubt, guard_of
from pipeline.core.actionability.spells import Spells
from pipeline.core.facets import facets
from pipeline.core.live import Live
from pipeline.core.policy import Policy
from pipeline.core.state import ScopeState
from schemas import Alert, Held, Severity


class Holding:
    """Chooses for the alerts of one scope how long their pages wait."""

    def __init__(self, state: ScopeState, policy: Policy) -> None:
        self._state, self._policy, self._rails = state, policy, policy.guardrails
        self._spells: Spells = state.spells
        self._is_learned = [rule.holds_as_learned for rule in policy.rules]

    def choose(self, live: Live, alert: Alert, template: int, *, is_new: bool, watched_ms: int) -> Held | None:
        """Let the page of an alert that begins to fire wait, or not. `is_new`: nobody was ever paged for its template.

        Chosen once: one deadline, one explanation, and the same where the log is played again.
        """
        live.hold_ms = 0
        if not self._is_learned[live.rule]:
            return None
        rule = self._policy.rules[live.rule]
        # What may wait though it is critical is judged as if it were not: all else that guards it still does.
        severity = Severity.ERROR if rule.hold_critical else live.severity
        doubt = Doubt(
            severity,
            alert.labels.get(self._rails.tier_label),
            self._policy.always_pages(facets(alert)),
            live.incident.incident_id in {self._state.storm_id, self._state.overflow_id},
            is_new,
            watched_ms,
        )
        if guard_of(doubt, self._rails) is not None:
            return None
        most_ms = min(rule.hold_at_most_ms, self._rails.max_hold_ms)
        waits = self._spells.choose(template, live.code, live.fired_at_ms, most_ms, rule.patience_ms)
        if not waits.for_ms:
            return None
        live.hold_ms = waits.for_ms
        return Held.owning(waits._asdict())
