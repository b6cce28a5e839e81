"""An incident is told once a record, at its new revision, with everything that the record changed in it."""

from typing import NamedTuple

from pipeline.core.deadlines import Deadlines
from pipeline.core.describe import Heading, Told, heading_of, incident_record, member_record
from pipeline.core.incidents import Open
from pipeline.core.live import Live, LiveAlerts
from pipeline.core.page import page_record
from pipeline.core.paging import ENDINGS, call_for
from pipeline.core.policy import Policy, Rule
from pipeline.core.state import ScopeState
from pipeline.core.storm import sentence
from schemas import Alert, Decisions, Incident, Member, Page, Reason

MOST_LISTED = 20_000  # members that are kept as they are told, over all incidents: about 30 MB


class Facts(NamedTuple):
    """What a step concluded, each list in the order in which it came about."""

    decisions: list[Decisions]
    incidents: list[Incident]
    pages: list[Page]


class _Listing(NamedTuple):
    """How an incident is told: its first alerts, and the first of its worst."""

    members: list[Member]
    lead: int
    alert: Alert
    heading: Heading


class Teller:
    """Collects which incidents of a scope changed, and why; tells them when asked."""

    def __init__(self, state: ScopeState, policy: Policy, alerts: LiveAlerts, deadlines: Deadlines) -> None:
        self._state = state
        self._policy = policy
        self._alerts = alerts
        self._deadlines = deadlines
        self._changed: dict[str, Reason | None] = {}
        # Made when they change: most changes are of others. Derived.
        self._listings: dict[str, _Listing] = {}
        self._listed = 0

    @property
    def is_pending(self) -> bool:
        """Whether something changed that is not told yet."""
        return bool(self._changed)

    def change(self, incident: Open, cause: Reason | None) -> None:
        """Note that `incident` changed. The first cause that may page is the one that is told; a resolve beats all."""
        known = self._changed.get(incident.incident_id)
        if cause in ENDINGS or known is None or (not known.pages and cause is not None and cause.pages):
            self._changed[incident.incident_id] = cause

    def renew(self, incident: Open, live: Live) -> None:
        """An alert of `incident` is new, or is to be told otherwise."""
        listing = self._listings.get(incident.incident_id)
        if listing is None:
            return
        if live.code == listing.lead or listing.heading.of is not incident.group:
            alert = live.alert if live.code == listing.lead else listing.alert
            listing = listing._replace(alert=alert, heading=heading_of(incident, alert))
            self._listings[incident.incident_id] = listing
        if live.place >= self._policy.max_listed:
            return
        if live.place < len(listing.members):
            listing.members[live.place] = member_record(live)
        else:
            listing.members.append(member_record(live))
            self._listed += 1

    def is_calling(self, incident: Open) -> bool:
        """Whether a page of this very record will tell of `incident` already."""
        cause = self._changed.get(incident.incident_id)
        return cause is not None and cause.pages

    def rule_of(self, incident: Open) -> Rule:
        """The rule that an incident as a whole obeys: that of the alert that opened it."""
        return self._policy.rules[self._alerts.rule_at(incident.members[0])]

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
            listing = self._listing(incident)
            note = sentence(self._state.storm) if key == self._state.storm_id else incident.note
            call = call_for(incident, cause)
            quiet = self._alerts.at(incident.lead).quiet if incident.paged_rank is None else None
            told = Told(incident, tuple(listing.members), listing.alert, listing.heading, quiet, note)
            context = (self._state.name, self._policy)
            facts.incidents.append(incident_record(told, context))
            if call is not None:
                facts.pages.append(page_record(told, call.kind, call.reason, context))
                if call.reason.pages:
                    self._remember(incident)
            if incident.resolved_at_ms is not None:
                self._drop(key)

    def _listing(self, incident: Open) -> _Listing:
        listing = self._listings.get(incident.incident_id)
        if listing is None:
            while self._listed > MOST_LISTED:
                self._drop(next(iter(self._listings)))
            first = incident.members[: self._policy.max_listed]
            members = [member_record(self._alerts.at(code)) for code in first]
            self._listed += len(members)
        elif listing.lead == incident.lead:
            return listing
        else:
            members = listing.members
        lead = self._alerts.at(incident.lead).alert
        listing = _Listing(members, incident.lead, lead, heading_of(incident, lead))
        self._listings[incident.incident_id] = listing
        return listing

    def _drop(self, incident_id: str) -> None:
        self._listed -= len(self._listings.pop(incident_id).members)

    def _remember(self, incident: Open) -> None:
        """Let the page repeat in time, if its rule says so and anything in it is alive."""
        incident.paged_at_ms = incident.updated_at_ms
        repeat_after_ms = self.rule_of(incident).repeat_after_ms
        if incident.alive and repeat_after_ms is not None and incident.acknowledged_by is None:
            due_ms = incident.due_ms = incident.paged_at_ms + repeat_after_ms
            self._deadlines.incident(incident.incident_id, due_ms)
