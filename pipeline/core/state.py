"""What triage remembers of a scope, and nothing else: all of it goes into a snapshot."""

from dataclasses import dataclass, field

from schemas import Alert, Severity


@dataclass(slots=True)
class Live:
    """An alert that is open, or was a while ago."""

    alert: Alert  # the event that last changed it
    incident_id: str
    is_firing: bool
    severity: Severity
    first_at_ms: int
    last_at_ms: int
    due_ms: int  # firing: when it is over without news; otherwise: when it is forgotten
    events: int = 1


@dataclass(slots=True)
class Open:
    """An incident that has not resolved."""

    incident_id: str
    group: dict[str, str]
    key: str  # of the group, for look-up
    opened_at_ms: int
    grew_at_ms: int  # when it last took a new alert
    updated_at_ms: int
    severity: Severity
    team: str | None
    members: list[str] = field(default_factory=list)  # fingerprints, in order of joining
    firing: int = 0
    events: int = 0
    revision: int = 0
    resolves_at_ms: int | None = None


@dataclass(slots=True)
class ScopeState:
    """The state of one scope."""

    name: str
    watermark_ms: int | None = None
    alerts: dict[str, Live] = field(default_factory=dict)  # by fingerprint
    incidents: dict[str, Open] = field(default_factory=dict)  # by incident id
    by_group: dict[str, str] = field(default_factory=dict)  # group key → the incident that takes its new alerts
    states: dict[str, bool] = field(default_factory=dict)  # sources that have said resolved: they will again
