"""A page: a record on the paging topic, a PagerDuty Events API v2 body but for the routing key."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from schemas.alert import Status
from schemas.decision import Reason
from schemas.record import Record

SUMMARY_LIMIT = 1024  # characters, PagerDuty's limit
DEDUP_KEY_LIMIT = 255  # characters, PagerDuty's limit


class PageKind(StrEnum):
    """What a page does to the person: an update is a trigger with the same key."""

    TRIGGER = "trigger"
    UPDATE = "update"
    RESOLVE = "resolve"


class PageAlert(Record):
    """An alert as a page shows it."""

    name: str
    labels: dict[str, str]
    severity: str
    status: Status
    starts_at: str = Field(description="RFC 3339 UTC")
    summary: str = ""
    url: str | None = None


class PageCause(Record):
    """An alert of the incident that may be its cause, as a page shows it."""

    name: str
    subject: str = ""
    began_at: str = Field(description="RFC 3339 UTC")
    why: str


class PageChange(Record):
    """A change that was made just before the incident opened, as a page shows it; its links are the page's."""

    summary: str
    at: str = Field(description="RFC 3339 UTC")
    kind: str = ""
    source: str = ""


class PageDetails(Record):
    """What a page tells beyond PagerDuty's own fields."""

    incident_id: str
    revision: int
    kind: PageKind
    reason: Reason
    why: str = Field(description="the reason as a sentence")
    scope: str
    team: str | None = None
    alert_count: int
    firing: int
    causes: tuple[PageCause, ...] = Field(default=(), description="the likeliest first; empty where there is one alert")
    changes: tuple[PageChange, ...] = Field(default=(), description="made to the same just before, newest first")
    alerts: tuple[PageAlert, ...]
    unlisted: int = Field(default=0, description="alerts that are in the incident but not listed here")
    policy_version: str


class PagePayload(Record):
    """The `payload` object of the Events API v2."""

    summary: str = Field(max_length=SUMMARY_LIMIT)
    source: str
    severity: Literal["critical", "error", "warning", "info"]
    timestamp: str = Field(description="RFC 3339 UTC")
    group: str | None = None
    custom_details: PageDetails


class PageLink(Record):
    """A link shown with the page."""

    href: str
    text: str


class Page(Record):
    """One message to a pager about one incident. Valid for PagerDuty's `/v2/enqueue` once a routing key is added."""

    event_action: Literal["trigger", "acknowledge", "resolve"]
    dedup_key: str = Field(max_length=DEDUP_KEY_LIMIT, description="the incident id")
    client: str = "pagesieve"
    links: tuple[PageLink, ...] = ()
    payload: PagePayload


class Delivery(Record):
    """What the pager has delivered of an incident: every page up to and including `revision`."""

    incident_id: str
    revision: int
    delivered_at_ms: int
    log_partition: int | None = Field(default=None, description="of `alerts`: where the record stands that caused it")
    log_offset: int | None = None
