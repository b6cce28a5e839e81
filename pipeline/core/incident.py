"""All transitions of an incident live in this file.

open ── every alert over, quiet for `resolve_after` ──▶ resolved
It opens with its first alert and pages; it takes more alerts while it grows (group.py); a severity above all before
pages again. It never opens from a resolve and never grows after it resolved: what comes then opens another.
"""

from pipeline.core.describe import team_of
from pipeline.core.fingerprint import incident_id
from pipeline.core.group import key_of
from pipeline.core.policy import Policy
from pipeline.core.state import Open, ScopeState
from schemas import Alert, Severity


def open_incident(state: ScopeState, alert: Alert, group: dict[str, str], now_ms: int, policy: Policy) -> Open:
    """Open one for `alert`, grouped by the labels `group`. The alert still has to fire in it."""
    known = state.alerts.get(alert.fingerprint)
    nth = 0
    while (new_id := incident_id(state.name, alert.fingerprint, now_ms, nth)) == (known and known.incident_id):
        nth += 1
    key = key_of(group)
    incident = Open(new_id, group, key, now_ms, now_ms, now_ms, alert.severity, team_of(alert, policy))
    state.incidents[new_id] = incident
    state.by_group[key] = new_id
    return incident


def fire(incident: Open, severity: Severity) -> bool:
    """One more of its alerts fires. Whether that is more severe than anything in it before."""
    incident.firing += 1
    incident.resolves_at_ms = None
    if severity.rank <= incident.severity.rank:
        return False
    incident.severity = severity
    return True


def quieten(incident: Open, now_ms: int, policy: Policy) -> int | None:
    """One of its alerts is over. When the incident resolves if all stay quiet; None while another fires."""
    incident.firing -= 1
    if incident.firing == 0:
        incident.resolves_at_ms = now_ms + policy.resolve_after_ms
    return incident.resolves_at_ms


def resolve(state: ScopeState, incident: Open) -> None:
    """End it: it is told of once more and then remembered only by its alerts."""
    del state.incidents[incident.incident_id]
    if state.by_group.get(incident.key) == incident.incident_id:
        del state.by_group[incident.key]
