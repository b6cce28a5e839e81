"""An alert: a condition that a source claims, firing or resolved; and the record that carries alerts to triage."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from schemas.record import Record


class Status(StrEnum):
    """What the source says the condition is."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Severity(StrEnum):
    """The source's claim of how bad it is, in PagerDuty's words; `unknown` where it makes none.

    `rank`: higher is worse. `unknown` ranks with `error`: in doubt, page. (An attribute, since a look-up by enum costs
    ten times an attribute and this one is read for every event.)
    """

    rank: int

    def __new__(cls, value: str, rank: int = 0) -> "Severity":
        """A member with its rank."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.rank = rank
        return member

    CRITICAL = "critical", 3
    ERROR = "error", 2
    WARNING = "warning", 1
    INFO = "info", 0
    UNKNOWN = "unknown", 2


class Alert(Record):
    """One event about one alert, with the identity that pagesieve gave it."""

    source: str = Field(description="the monitor that sent it, e.g. alertmanager")
    name: str = Field(description="what kind of problem, e.g. the alertname")
    labels: dict[str, str] = Field(description="as sent, without empty values, which do not exist")
    annotations: dict[str, str] = Field(default_factory=dict)
    severity: Severity = Severity.UNKNOWN
    status: Status
    at_ms: int = Field(description="event time: when the message reached us")
    starts_at_ms: int = Field(description="since when the condition holds, by the source's clock")
    ends_at_ms: int | None = Field(default=None, description="when the condition ended, by the source's clock")
    expires_at_ms: int | None = Field(
        default=None,
        description="a lease: resolved then unless renewed; in a resolve: its end, which may be a lease",
    )
    fingerprint: str = Field(description="fp1:… over the name and the labels that the policy calls stable")
    source_fingerprint: str | None = Field(default=None, description="the source's own identity, where it has one")
    is_state: bool = Field(default=False, description="the source tells when it ends; otherwise it may never say")
    url: str | None = Field(default=None, description="where the source explains it (generatorURL)")
    tenant: str | None = Field(default=None, description="whose alert it is, as the raw record's header said")


class Alerts(Record):
    """A record of `alerts`: the alerts of one raw record that share a scope, decided together."""

    kind: Literal["alerts"] = "alerts"
    scope: str
    raw_partition: int = Field(description="where in `alerts.raw` they came from")
    raw_offset: int
    part: int = Field(default=0, description="which of the records of this scope that the raw record became")
    alerts: tuple[Alert, ...]
