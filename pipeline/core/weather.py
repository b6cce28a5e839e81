"""Where a new alert goes in a storm: into the storm's one incident, unless it is critical and unlike the storm."""

from pipeline.core.deadlines import Deadlines
from pipeline.core.facets import facets
from pipeline.core.incident import open_incident, special
from pipeline.core.incidents import Incidents, Open
from pipeline.core.policy import Policy
from pipeline.core.state import ScopeState
from pipeline.core.storm import add, end, ends_at_ms, is_like, sentence
from schemas import Alert, Severity


class Weather:
    """Watches the new alerts of one scope for storms."""

    def __init__(self, state: ScopeState, policy: Policy, deadlines: Deadlines, book: Incidents) -> None:
        self._state = state
        self._book = book
        self._policy = policy
        self._deadlines = deadlines
        if state.storm.is_storm:
            deadlines.storm(ends_at_ms(state.storm, policy.storm))

    def arrives(self, alert: Alert, now_ms: int) -> Open | None:
        """Count a new alert. The storm's incident if it belongs there; None: it is placed as ever."""
        storm = self._state.storm
        is_named = bool(self._policy.page_now) and self._policy.pages_now(facets(alert))
        if storm.is_storm and (is_named or (alert.severity is Severity.CRITICAL and not is_like(alert, storm))):
            return None
        if add(storm, alert, now_ms, self._policy.storm):
            self._state.storm_id = None
            self._deadlines.storm(ends_at_ms(storm, self._policy.storm))
        if not storm.is_storm or is_named:
            return None
        incident = self._state.incidents.get(self._state.storm_id or "")
        if incident is None or incident.resolved_at_ms is not None:
            incident = open_incident(
                self._state, self._book, special(alert, "storm", self._state.name, now_ms), self._policy
            )
            self._state.storm_id = incident.incident_id
        return incident

    def due(self, due_ms: int) -> Open | None:
        """The time at which the storm would end has come. Its incident, if it did."""
        storm = self._state.storm
        if not storm.is_storm:
            return None
        ends_ms = ends_at_ms(storm, self._policy.storm)
        if ends_ms > due_ms:
            self._deadlines.storm(ends_ms)
            return None
        incident = self._state.incidents.get(self._state.storm_id or "")
        if incident is not None:
            incident.note = sentence(storm, due_ms)
        end(storm)
        self._state.storm_id = None
        return incident
