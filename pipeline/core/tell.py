"""An incident is told once a record, at its new revision, with everything that the record changed in it."""

from typing import NamedTuple

from pipeline.core.deadlines import Deadlines
from pipeline.core.describe import Told, incident_record, member_record, page_record
from pipeline.core.paging import ENDINGS, call_for
from pipeline.core.policy import Policy, Rule
from pipeline.core.quiet import Quiet
from pipeline.core.state import Live, Open, ScopeState
from pipeline.core.storm import sentence
from schemas import Decisions, Incident, Member, Page, Reason


class Facts(NamedTuple):
    """What a step concluded, each list in the order in which it came about."""

    decisions: list[Decisions]
    incidents: list[Incident]
    pages: list[Page]


class Teller:
    """Collects which incidents of a scope changed, and why; tells them when asked."""

    def __init__(self, state: ScopeState, policy: Policy, quiet: Quiet, deadlines: Deadlines) -> None:
        self._state = state
        self._policy = policy
        self._quiet = quiet
        self._deadlines = deadlines
        self._changed: dict[str, Reason | None] = {}
        # How the listed alerts of an incident are told, made when they change: most changes are of others. Derived.
        self._listed: dict[str, list[Member]] = {}

    def change(self, incident: Open, cause: Reason | None) -> None:
        """Note that `incident` changed. The first cause that may page is the one that is told; a resolve beats all."""
        known = self._changed.get(incident.incident_id)
        if cause in ENDINGS or known is None or (not known.pages and cause is not None and cause.pages):
            self._changed[incident.incident_id] = cause

    def renew(self, incident: Open, live: Live) -> None:
        """An alert of `incident` is new, or is to be told otherwise."""
        listed = self._listed.get(incident.incident_id)
        if listed is None or live.place >= self._policy.max_listed:
            return
        if live.place < len(listed):
            listed[live.place] = member_record(live)
        else:
            listed.append(member_record(live))

    def is_calling(self, incident: Open) -> bool:
        """Whether a page of this very record will tell of `incident` already."""
        cause = self._changed.get(incident.incident_id)
        return cause is not None and cause.pages

    def rule_of(self, incident: Open) -> Rule:
        """The rule that an incident as a whole obeys: that of the alert that opened it."""
        return self._quiet.rule(self._state.alerts[incident.members[0]].alert)

    def repeats_at_ms(self, incident: Open) -> int | None:
        """When a page that goes out now is repeated if nobody acknowledges it."""
        repeat_after_ms = self.rule_of(incident).repeat_after_ms
        return None if repeat_after_ms is None else (self._state.watermark_ms or 0) + repeat_after_ms

    def tell(self, facts: Facts) -> None:
        """Tell all that changed since it was last asked."""
        if not self._changed:
            return
        changed, self._changed = self._changed, {}
        for key, cause in changed.items():
            incident = self._state.incidents[key]
            incident.revision += 1
            incident.updated_at_ms = self._state.watermark_ms or 0
            told = Told(
                incident,
                self._members(incident),
                self._state.alerts[incident.lead],
                sentence(self._state.storm) if key == self._state.storm_id else incident.note,
            )
            call = call_for(incident, cause)
            context = (self._state.name, self._policy)
            facts.incidents.append(incident_record(told, context))
            if call is not None:
                facts.pages.append(page_record(told, call.kind, call.reason, context))
                if call.reason.pages:
                    self._remember(incident)
            if incident.resolved_at_ms is not None:
                del self._listed[key]

    def _members(self, incident: Open) -> tuple[Member, ...]:
        listed = self._listed.get(incident.incident_id)
        if listed is None:
            first = incident.members[: self._policy.max_listed]
            listed = [member_record(self._state.alerts[fingerprint]) for fingerprint in first]
            self._listed[incident.incident_id] = listed
        return tuple(listed)

    def _remember(self, incident: Open) -> None:
        """Let the page repeat in time, if its rule says so and anything in it is alive."""
        incident.paged_at_ms = incident.updated_at_ms
        repeat_after_ms = self.rule_of(incident).repeat_after_ms
        if incident.alive and repeat_after_ms is not None and incident.acknowledged_by is None:
            incident.due_ms = incident.paged_at_ms + repeat_after_ms
            self._deadlines.incident(incident.incident_id, incident.due_ms)
