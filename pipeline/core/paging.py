"""When an incident is told to a person. It is asked once for every change, with what changed as the cause."""

from typing import NamedTuple

from pipeline.core.incidents import Open
from pipeline.core.live import Live
from schemas import PageKind, Reason

ENDINGS = (Reason.RESOLVED, Reason.EXPIRED, Reason.MERGED)
# Told to whoever was paged already; none of these wakes anybody.
_NOTICES = {Reason.FLAPPING, Reason.FLAP_ENDED, Reason.STORM_ENDED}
# What a decision says when it pages; a deadline says nothing to anybody before its page.
_PROMISES = {
    Reason.OPENED,
    Reason.REOPENED,
    Reason.SURFACED,
    Reason.RAISED,
    Reason.GROWN,
    Reason.STORM_BEGAN,
    Reason.OVERFLOW,
}


class Call(NamedTuple):
    """A page that is due."""

    kind: PageKind
    reason: Reason


def call_for(incident: Open, cause: Reason | None) -> Call | None:
    """The page that this change of `incident` calls for. Keeps in `incident` what has been told.

    A resolve always follows a trigger, whatever was silenced in between; nothing else is told while all is quiet.
    """
    if cause is not None and cause in ENDINGS:
        return None if incident.paged_rank is None else Call(PageKind.RESOLVE, cause)
    call = _call(incident, cause)
    if call is not None and call.kind is not PageKind.RESOLVE and incident.loud_rank >= 0:
        incident.paged_rank = max(incident.loud_rank, incident.paged_rank if incident.paged_rank is not None else -1)
    return call


def reason_of(incident: Open, live: Live, calm: Reason, opening: Reason) -> Reason:
    """Why an event that fires in `incident` pages, or does not: `calm` where all is told already."""
    if live.quiet is not None:
        return live.quiet
    if incident.paged_rank is None:
        return opening
    if live.severity.rank > incident.paged_rank:
        return Reason.RAISED
    return calm


def _call(incident: Open, cause: Reason | None) -> Call | None:
    # A decision may have promised the page although its alert resolved in the same breath.
    is_loud = incident.loud > 0 or cause in _PROMISES
    if incident.paged_rank is None:
        if not is_loud:
            return None
        return Call(PageKind.TRIGGER, cause if cause is not None and cause.pages else Reason.SURFACED)
    if is_loud and incident.loud_rank > incident.paged_rank:
        return Call(PageKind.UPDATE, Reason.RAISED)
    if cause is Reason.OVERFLOW:  # of one that is to page at once
        return Call(PageKind.UPDATE, cause)
    overflow = incident.overflow
    still_fires = incident.loud > 0 or (overflow is not None and overflow.is_loud(incident.updated_at_ms))
    if cause in _NOTICES or (cause is Reason.REPEATED and still_fires):
        return Call(PageKind.UPDATE, cause)
    return None
