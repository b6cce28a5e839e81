"""As many incidents that begin to page at one moment as are a storm go on as one: a silence's end is no storm."""

from pipeline.core.columns import FOREVER_MS
from pipeline.core.facets import facets
from pipeline.core.incidents import Open
from pipeline.core.merging import Merging
from pipeline.core.review import Scope
from pipeline.core.storm import threshold_of
from schemas import Reason, Severity

# Why one pages that was there, and that nobody was told of.
_SURFACES = frozenset({Reason.QUIET_ENDED, Reason.HOLD_ENDED, Reason.ENOUGH})


class Surfacing:
    """Gathers what surfaces in one scope, before it is told."""

    def __init__(self, scope: Scope, merging: Merging) -> None:
        self._state, self._policy, self._alerts, self._teller = scope.state, scope.policy, scope.alerts, scope.teller
        self._merging = merging

    def gather(self) -> None:
        """Let those go on as one that would page together; of each team apart, and what is critical apart.

        What is to page at once does so on its own.
        """
        pending, floor = self._teller.pending, self._policy.storm.floor
        if len(pending) < floor:  # almost always
            return
        several: dict[tuple[str, bool], list[Open]] = {}
        for key, cause in pending.items():
            incident = self._state.incidents[key]
            if cause in _SURFACES and self._may_merge(incident):
                is_critical = incident.loud_rank >= Severity.CRITICAL.rank
                several.setdefault((incident.team or "", is_critical), []).append(incident)
        enough = threshold_of(self._state.storm, self._policy.storm)
        for together in several.values():
            if len(together) >= enough:
                into = self._merging.merge(together, self._state.watermark_ms or 0)
                # As in a storm, log-like events stay until nothing is heard of them: each that looked for an incident
                # of its own when it repeats would page after all.
                into.keep_rhythm(FOREVER_MS, into.beat_ms, into.beats)

    def _may_merge(self, incident: Open) -> bool:
        """Whether it was never told, and holds nothing that is to page at once."""
        if incident.paged_rank is not None or not incident.loud:
            return False
        if incident.incident_id in {self._state.storm_id, self._state.overflow_id} or incident.overflow is not None:
            return False
        if not self._policy.page_now:
            return True
        return not any(self._policy.pages_now(facets(one.alert)) for one in self._alerts.glance(incident.members))
