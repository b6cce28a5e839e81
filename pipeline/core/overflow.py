"""More alerts are open than may be remembered: one incident pages for all new ones, and none is dropped in silence."""

from pipeline.core.state import Open
from pipeline.core.tell import Teller
from schemas import Alert, Reason


def overflow(incident: Open, alert: Alert, teller: Teller) -> Reason:
    """Count an alert that cannot be remembered. A worse one than was paged pages again."""
    incident.events += 1
    if incident.paged_rank is None or alert.severity.rank <= max(incident.paged_rank, incident.loud_rank):
        return Reason.OVERFLOWED
    incident.loud_rank, incident.severity = alert.severity.rank, alert.severity
    teller.change(incident, Reason.RAISED)
    return Reason.RAISED
