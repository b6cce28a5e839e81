"""Where a new alert goes in a storm: into the storm's one incident, unless it is critical and unlike the storm."""

from pipeline.core.deadlines import Deadlines
from pipeline.core.facets import facets
from pipeline.core.incident import open_incident, special
from pipeline.core.incidents import Incidents, Open
from pipeline.core.policy import Policy
from pipeline.core.state import ScopeState
from pipeline.core.storm import count, end, ends_at_ms, is_like, sentence
from pipeline.core.tally import count_all
from schemas import Alert, Severity

_TOGETHER = 16  # alerts that are tallied at once


class Weather:
    """Watches the new alerts of one scope for storms."""

    def __init__(self, state: ScopeState, policy: Policy, deadlines: Deadlines, book: Incidents) -> None:
        self._state = state
        self._book = book
        self._policy, self._storms, self._window_ms = policy, policy.storm, policy.storm.window_ms
        self._names_some = bool(policy.page_now)
        self._deadlines = deadlines
        self._untallied: list[Alert] = []  # in no storm, and all of this window
        if state.storm.is_storm:
            deadlines.storm(ends_at_ms(state.storm, policy.storm))

    def arrives(self, alert: Alert, now_ms: int) -> bool:
        """Count a new alert. Whether it comes in a storm; if not, it is placed as ever."""
        storm = self._state.storm
        is_named = self._names_some and self._policy.pages_now(facets(alert))
        if self._untallied and now_ms >= storm.window_at_ms + self._window_ms:
            self.settle()
        if storm.is_storm and is_named:
            return False
        # It is counted all the same: once there is much of its kind, that is the storm, and pages no more on its own.
        is_unlike = storm.is_storm and alert.severity is Severity.CRITICAL and not is_like(alert, storm)
        has_begun = count(storm, now_ms, self._storms)
        self._untallied.append(alert)
        if storm.is_storm or len(self._untallied) == _TOGETHER:
            self.settle()
        if has_begun:
            self._state.storm_id = None
            self._deadlines.storm(ends_at_ms(storm, self._storms))
        return storm.is_storm and not is_named and not is_unlike

    def shelter(self, alert: Alert, now_ms: int) -> Open:
        """The storm's incident, which takes what would open one of its own."""
        incident = self._state.incidents.get(self._state.storm_id or "")
        if incident is None or incident.resolved_at_ms is not None:
            incident = open_incident(
                self._state, self._book, special(alert, "storm", self._state.name, now_ms), self._policy
            )
            self._state.storm_id = incident.incident_id
        return incident

    def settle(self) -> None:
        """Tally what has come: the state is whole again."""
        if self._untallied:
            count_all(self._state.storm.tally, self._untallied)
            self._untallied.clear()

    def due(self, due_ms: int) -> Open | None:
        """The time at which the storm would end has come. Its incident, if it did."""
        storm = self._state.storm
        if not storm.is_storm:
            return None
        ends_ms = ends_at_ms(storm, self._storms)
        if ends_ms > due_ms:
            self._deadlines.storm(ends_ms)
            return None
        incident = self._state.incidents.get(self._state.storm_id or "")
        if incident is not None:
            incident.note = sentence(storm, due_ms)
        end(storm)
        self._state.storm_id = None
        return incident
