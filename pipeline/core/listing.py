"""Which alerts an incident lists, as they are told: kept for incidents that changed of late, else made anew."""

from typing import NamedTuple

from pipeline.core.alerts import LiveAlerts
from pipeline.core.describe import Heading, heading_of, member_of, member_record
from pipeline.core.incidents import Open
from pipeline.core.live import Live
from schemas import Member

MOST_KEPT = 100_000  # members, over all incidents of a scope: about 150 MB, where so many are listed


class Listing(NamedTuple):
    """How an incident is told: its first alerts, and what the first of its worst says."""

    members: list[Member]
    lead: int  # the code of that one
    heading: Heading


class Listings:
    """The listings of a scope. All derived: a snapshot need not hold them."""

    def __init__(self, alerts: LiveAlerts, max_listed: int) -> None:
        self._alerts = alerts
        self._max_listed = max_listed
        self._kept: dict[str, Listing] = {}
        self._members = 0

    def __len__(self) -> int:
        return self._members

    def of(self, incident: Open) -> Listing:
        """How `incident` is told now."""
        listing = self._kept.get(incident.incident_id)
        if listing is None:
            members = [
                member_of(alert, severity, first_at_ms, is_firing=is_firing)
                for alert, severity, first_at_ms, is_firing in self._alerts.glance(incident.members[: self._max_listed])
            ]
            self._count(len(members))
        elif listing.lead == incident.lead:
            return listing
        else:
            members = listing.members
        [lead] = self._alerts.glance([incident.lead])
        listing = Listing(members, incident.lead, heading_of(incident, lead.alert))
        self._kept[incident.incident_id] = listing
        return listing

    def renew(self, incident: Open, live: Live) -> None:
        """An alert of `incident` is new, or is to be told otherwise."""
        listing = self._kept.get(incident.incident_id)
        if listing is None:
            return
        if live.code == listing.lead:
            heading = heading_of(incident, live.alert)
            self._kept[incident.incident_id] = Listing(listing.members, live.code, heading)
        if live.place >= self._max_listed:
            return
        if live.place < len(listing.members):
            listing.members[live.place] = member_record(live)
        else:
            listing.members.append(member_record(live))
            self._count(1)

    def drop(self, incident_id: str) -> None:
        """Forget how this incident is told."""
        self._members -= len(self._kept.pop(incident_id).members)

    def _count(self, more: int) -> None:
        """So many more members are kept: forget the oldest listings if that is too many."""
        self._members += more
        while self._members > MOST_KEPT and self._kept:
            self.drop(next(iter(self._kept)))
