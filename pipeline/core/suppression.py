"""Whether a low score may keep an alert quiet: what guards it, and how many incidents are kept quiet on one day."""

from pipeline.core.actionability.guardrails import Doubt, Guardrails, Suppress, guard_of
from pipeline.core.actionability.scoring import Scoring
from pipeline.core.facets import facets
from pipeline.core.incidents import Open
from pipeline.core.live import Live
from pipeline.core.policy import Policy, Rule
from pipeline.core.state import ScopeState
from schemas import Alert, Guard, Score

_DAY_MS = 86_400_000


class Suppression:
    """Guards the alerts of one scope against their scores."""

    def __init__(self, state: ScopeState, policy: Policy) -> None:
        self._state, self._policy, self._rails = state, policy, policy.guardrails
        # By rule: what scores below it is low; where scores do nothing, nothing is.
        self._low_below = [0.0 if rule.suppress is Suppress.OFF else rule.page_above for rule in policy.rules]

    def guard(self, live: Live, alert: Alert, scored: Score, scoring: Scoring) -> Guard | None:
        """Why the alert that was just scored pages though that is low; None too where it is not. Its incident knows."""
        incident = live.incident
        if live.score >= self._low_below[live.rule]:
            incident.is_spared = True
            return None
        guard = guard_of(
            Doubt(
                live.severity,
                alert.labels.get(self._rails.tier_label),
                self._policy.always_pages(facets(alert)),
                incident.incident_id in {self._state.storm_id, self._state.overflow_id},
                scoring.is_new,
                scored.watched_ms,
                scoring.doubt,
            ),
            self._rails,
        )
        if guard is None and not self._is_within_budget(incident, live.begun_at_ms):
            guard = Guard.BUDGET
        if guard is not None:
            incident.is_spared = True
            return guard
        return Guard.SHADOW if self._policy.rules[live.rule].suppress is Suppress.SHADOW else None

    def raised(self, live: Live) -> Guard | None:
        """As `guard`, of an alert that has got worse while it fired: whoever would have been told nothing is told."""
        live.incident.is_spared = True
        return Guard.RAISED if live.score < self._low_below[live.rule] else None

    def _is_within_budget(self, incident: Open, at_ms: int) -> bool:
        """Whether an incident may be kept quiet; it counts once, on the day on which it began."""
        if incident.is_quieted or incident.is_spared or incident.paged_rank is not None:
            return True
        state, day = self._state, at_ms // _DAY_MS
        if day > state.quiet_day:
            state.quiet_day, state.quieted = day, 0
        if state.quieted >= self._rails.budget:
            return False
        state.quieted += 1
        incident.is_quieted = True
        return True


def is_short(incident: Open, rule: Rule, rails: Guardrails) -> bool:
    """Whether an incident is neither so large nor so long by now that it pages whatever its scores."""
    over_ms = incident.updated_at_ms
    if not incident.alive:
        due_ms = incident.due_ms if incident.resolved_at_ms is None else incident.resolved_at_ms
        over_ms = min(over_ms, (due_ms or over_ms) - rule.resolve_after_ms)
    return incident.alerts < rails.grows_to and over_ms - incident.begun_at_ms < rails.max_hold_ms
