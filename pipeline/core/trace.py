"""A trace is what an alert that went on elsewhere was in its incident. Where it comes back, it stands in its place."""

from pipeline.core.alerts import LiveAlerts
from pipeline.core.incidents import Open, trace_of
from pipeline.core.live import Live


def come_back(alerts: LiveAlerts, incident: Open, live: Live) -> bool:
    """Let `live`, which is to be a member of `incident`, stand where its trace does. Whether there is one."""
    trace = alerts.find(live.code ^ trace_of(incident.incident_id)) if incident.parted else None
    if trace is None:
        return False
    live.place, live.first_at_ms = trace.place, min(live.first_at_ms, trace.first_at_ms)
    alerts.remove(trace)
    rename(incident, trace, live.code)
    incident.parted -= 1
    return True


def rename(incident: Open, live: Live, code: int) -> None:
    """One of its alerts is to have another code. A suspect keeps its own, since that names the alert wherever it is."""
    incident.members[live.place] = code
    if incident.lead == live.code:
        incident.lead = code
    if incident.loud_lead == live.code:
        incident.loud_lead = code
