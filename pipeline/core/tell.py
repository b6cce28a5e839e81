"""An incident is told once a record, at its new revision, with everything that the record changed in it."""

from typing import NamedTuple

from pipeline.core.alerts import LiveAlerts
from pipeline.core.deadlines import Deadlines
from pipeline.core.describe import Told, incident_record, summary
from pipeline.core.incident import repeats_at_ms
from pipeline.core.incidents import Open
from pipeline.core.listing import Listings
from pipeline.core.page import page_record
from pipeline.core.paging import ENDINGS, call_for
from pipeline.core.policy import Policy, Rule
from pipeline.core.run import Absorbed
from pipeline.core.state import ScopeState
from pipeline.core.storm import sentence
from pipeline.core.suppression import is_short
from schemas import Decisions, Incident, Page, Reason


class Facts(NamedTuple):
    """What a step concluded, each list in the order in which it came about."""

    decisions: list[Decisions]
    incidents: list[Incident]
    pages: list[Page]


class Teller:
    """Collects which incidents of a scope changed, and why; tells them when asked."""

    def __init__(self, state: ScopeState, policy: Policy, alerts: LiveAlerts, deadlines: Deadlines) -> None:
        self._state = state
        self._version, self._rules, self._guardrails = policy.name, policy.rules, policy.guardrails
        self._alerts = alerts
        self._deadlines = deadlines
        self.pending: dict[str, Reason | None] = {}  # what changed and is not told yet
        self.untold: list[Open] = []  # merged before anything of them was told
        self.listings = Listings(alerts, policy.max_listed)

    def change(self, incident: Open, cause: Reason | None) -> None:
        """Note that `incident` changed. The first cause that may page is the one that is told; a resolve beats all."""
        key = incident.incident_id
        known = self.pending.get(key)
        if known is None or (cause is not None and (cause in ENDINGS or (cause.pages and not known.pages))):
            self.pending[key] = cause

    def is_calling(self, incident: Open) -> bool:
        """Whether a page of this very record will tell of `incident` already."""
        cause = self.pending.get(incident.incident_id)
        return cause is not None and cause.pages

    def merged_untold(self) -> dict[str, Absorbed]:
        """Those that merged before they were told, by id."""
        found = {}
        for incident in self.untold:
            into = incident
            while into.merged_into is not None:
                into = self._state.incidents[into.merged_into]
            found[incident.incident_id] = Absorbed(
                incident.number, into.number, into.incident_id, is_calling=self.is_calling(into)
            )
        self.untold.clear()
        return found

    def rule_of(self, incident: Open) -> Rule:
        """The rule that an incident as a whole obeys: that of the alert that opened it."""
        return self._rules[self._alerts.rule_at(incident.members[0])]

    def repeats_at_ms(self, incident: Open) -> int | None:
        """When a page that goes out now is repeated if nobody acknowledges it; None if somebody has, or it never is."""
        if incident.acknowledged_by is not None:
            return None
        repeat_after_ms = self.rule_of(incident).repeat_after_ms
        return None if repeat_after_ms is None else (self._state.watermark_ms or 0) + repeat_after_ms

    def tell(self, facts: Facts) -> None:
        """Tell all that changed since it was last asked."""
        if not self.pending:
            return
        changed, self.pending = self.pending, {}
        state, context = self._state, (self._state.name, self._version)
        now_ms = state.watermark_ms or 0
        for key, cause in changed.items():
            incident = state.incidents[key]
            incident.revision += 1
            incident.updated_at_ms = now_ms
            members, heading = self.listings.of(incident)
            text = summary(incident, heading, sentence(state.storm) if key == state.storm_id else incident.note)
            call = call_for(incident, cause)
            quiet = incident.quiet if incident.paged_rank is None else None
            told = Told(incident, members, heading, quiet, text, self._is_suppressible(incident))
            facts.incidents.append(incident_record(told, context))
            if call is not None:
                codes = [heading.cause] if heading.cause == heading.lead else [heading.cause, heading.lead]
                # What went on elsewhere, or came with an incident that is merged, may be forgotten by now.
                found = [code for code in codes if self._alerts.has(code)] or incident.members[:1]
                alerts = [self._alerts.say(code) for code in found]
                facts.pages.append(page_record(told, alerts, call, context))
                if call.reason.pages:
                    for code in codes:
                        state.usual.page(code)
                    self._remember(incident)
            if incident.resolved_at_ms is not None:
                self.listings.drop(key)

    def _is_suppressible(self, incident: Open) -> bool:
        """Whether `suppress: on` would have told nobody of it so far."""
        return not incident.is_spared and is_short(incident, self.rule_of(incident), self._guardrails)

    def _remember(self, incident: Open) -> None:
        """Let the page repeat in time, if its rule says so and anything in it is alive."""
        incident.paged_at_ms = incident.updated_at_ms
        rule = self.rule_of(incident)
        if incident.alive and rule.repeat_after_ms is not None and incident.acknowledged_by is None:
            due_ms = incident.due_ms = incident.paged_at_ms + rule.repeat_after_ms
            self._deadlines.incident(incident.incident_id, due_ms)
        elif not incident.alive and (repeats_ms := repeats_at_ms(incident, incident.paged_at_ms, rule)) is not None:
            due_ms = incident.due_ms = repeats_ms if incident.due_ms is None else min(repeats_ms, incident.due_ms)
            self._deadlines.incident(incident.incident_id, due_ms)
