"""An incident: alerts believed to share a cause, with an id, a revision and a life."""

from enum import StrEnum

from pydantic import Field

from schemas.alert import Severity, Status
from schemas.change import Change
from schemas.decision import Reason
from schemas.outcome import Outcome
from schemas.record import Record
from schemas.score import Score


class IncidentState(StrEnum):
    """Where an incident is in its life."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    MERGED = "merged"


class Member(Record):
    """One alert of an incident, as it stands."""

    fingerprint: str
    name: str
    template: str = Field(default="", description="the alert with its volatile parts masked; what a report counts by")
    labels: dict[str, str]
    severity: Severity
    status: Status
    starts_at_ms: int
    first_at_ms: int
    summary: str = ""
    url: str | None = None


class Cause(Record):
    """An alert of an incident that may be its cause."""

    fingerprint: str
    name: str
    subject: str = Field(default="", description="what it is about: a host, a pod, a service")
    began_at_ms: int
    why: str = Field(description="what speaks for it, in words")


class Incident(Record):
    """The full picture of an incident at one revision; a later revision replaces it."""

    incident_id: str
    revision: int = Field(description="counts from 1; the same revision always has the same content")
    state: IncidentState
    scope: str
    group: dict[str, str] = Field(description="the labels by which its alerts were grouped")
    opened_at_ms: int
    updated_at_ms: int
    resolved_at_ms: int | None = None
    severity: Severity = Field(description="the worst that any of its alerts claimed")
    is_paged: bool = Field(default=True, description="whether a person was told of it since it opened")
    quiet: Reason | None = Field(default=None, description="why nobody was, if nobody was")
    acknowledged_by: str | None = Field(default=None, description="who said that they are on it")
    outcome: Outcome | None = Field(default=None, description="what was done about it last, by a person if one did")
    mark: Outcome | None = Field(default=None, description="what it was judged to be last, by a person if one did")
    reopened: int = Field(default=0, description="how often it has reopened")
    is_flapping: bool = Field(default=False, description="whether an alert in it flaps")
    merged_into: str | None = Field(default=None, description="the incident that goes on for it")
    score: float | None = Field(default=None, description="actionability in [0, 1]: the highest of its alerts'")
    scored: Score | None = Field(default=None, description="that of the alert that began to fire with the highest")
    is_suppressible: bool = Field(
        default=False, description="whether `suppress: on` would have told nobody of it so far, for its scores"
    )
    team: str | None = Field(default=None, description="who is paged; fixed when it opens")
    summary: str
    alerts: int = Field(description="distinct alerts in it, listed or not")
    firing: int
    events: int
    causes: tuple[Cause, ...] = Field(default=(), description="the likeliest first; empty where there is one alert")
    changes: tuple[Change, ...] = Field(default=(), description="made to the same just before it opened, newest first")
    members: tuple[Member, ...] = Field(description="the first alerts; `unlisted` says how many were cut")
    unlisted: int = 0
    policy_version: str
