"""Which alerts an incident lists, as they are told: kept for incidents that changed of late, else made anew."""

from itertools import islice
from typing import NamedTuple

from pipeline.core.alerts import LiveAlerts
from pipeline.core.describe import member_of, member_record
from pipeline.core.heading import Heading, heading_of, is_current
from pipeline.core.incidents import Open
from pipeline.core.live import Live
from schemas import Member

MOST_KEPT = 100_000  # members, over all incidents of a scope: about 150 MB, where so many are listed
# Some are forgotten together: what is first in a dict is found behind all that was forgotten before.
_PARTS, _AT_ONCE = 512, 64


class Listing(NamedTuple):
    """How an incident is told: its first alerts, and what is said of all; None: something in that has changed."""

    members: tuple[Member, ...]
    heading: Heading | None


class Listings:
    """The listings of a scope. All derived: a snapshot need not hold them."""

    def __init__(self, alerts: LiveAlerts, max_listed: int) -> None:
        self._alerts = alerts
        self._max_listed = max_listed
        self._kept: dict[str, Listing] = {}
        self._members = 0

    def __len__(self) -> int:
        return self._members

    def of(self, incident: Open) -> tuple[tuple[Member, ...], Heading]:
        """How `incident` is told now."""
        listing, before = self._kept.get(incident.incident_id), None
        if listing is None:
            members = self._made(incident)
            self._count(len(members))
        else:
            members, before = listing
            if before is not None and is_current(before, incident):
                return members, before
        heading = heading_of(incident, self._alerts.say, before)
        self._kept[incident.incident_id] = Listing(members, heading)
        return members, heading

    def _made(self, incident: Open) -> tuple[Member, ...]:
        codes = incident.members
        if len(codes) == 1 and (live := self._alerts.looking_at(codes[0])) is not None:  # it has just opened
            return (member_record(live),)
        glimpses = self._alerts.glance(codes[: self._max_listed])
        return tuple([member_of(*one[:3], is_firing=one.is_firing) for one in glimpses])

    def renew(self, incident: Open, live: Live) -> None:
        """An alert of `incident` is new, or is to be told otherwise."""
        listing = self._kept.get(incident.incident_id)
        if listing is None:
            return
        members, heading = listing
        code, place, more = live.code, live.place, 0
        is_told = heading is not None and code in (heading.cause, heading.lead)
        if place < self._max_listed:
            more = int(place == len(members))
            members = (*members[:place], member_record(live), *members[place + 1 :])
        elif not is_told:  # almost always, where incidents are large
            return
        self._kept[incident.incident_id] = Listing(members, None if is_told else heading)
        self._count(more)

    def drop(self, incident_id: str) -> None:
        """Forget how this incident is told."""
        self._members -= len(self._kept.pop(incident_id).members)

    def _count(self, more: int) -> None:
        """So many more members are kept: forget the oldest listings if that is too many."""
        self._members += more
        if self._members <= MOST_KEPT:
            return
        least = MOST_KEPT - MOST_KEPT // _PARTS
        while self._members > least and self._kept:
            for incident_id in list(islice(self._kept, _AT_ONCE)):
                if self._members > least:
                    self.drop(incident_id)
