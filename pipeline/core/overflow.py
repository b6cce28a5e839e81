"""More alerts are open than may be remembered: one incident pages for all new ones, and none is dropped in silence."""

from pipeline.core.incidents import Open
from pipeline.core.tell import Teller
from schemas import Alert, Reason


def overflow(incident: Open, alert: Alert, teller: Teller, *, is_unwanted: bool) -> Reason:
    """Count an alert that cannot be remembered. The first that nobody silenced pages, and so does each worse one."""
    incident.hear()
    worst = max(incident.loud_rank, -1 if incident.paged_rank is None else incident.paged_rank)
    if is_unwanted or alert.severity.rank <= worst:
        return Reason.OVERFLOWED
    reason = Reason.OVERFLOW if worst < 0 else Reason.RAISED
    incident.loud_rank, incident.severity = alert.severity.rank, alert.severity
    teller.change(incident, reason)
    return reason
