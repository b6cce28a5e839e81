"""How an incident is told: its record, its page, and the one sentence a tired person reads."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, NamedTuple

from pipeline.core.incidents import Open
from pipeline.core.live import Live
from pipeline.core.policy import Policy
from pipeline.core.template import template_of
from schemas import (
    Alert,
    Incident,
    IncidentState,
    Member,
    Page,
    PageAlert,
    PageDetails,
    PageKind,
    PageLink,
    PagePayload,
    Reason,
    Severity,
    Status,
)
from schemas.page import SUMMARY_LIMIT

_PAGERDUTY: dict[Severity, Literal["critical", "error", "warning", "info"]] = {
    Severity.CRITICAL: "critical",
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
    Severity.UNKNOWN: "error",  # in doubt, loud
}
_LINKS = {"runbook_url": "runbook", "runbook": "runbook", "dashboard_url": "dashboard", "dashboard": "dashboard"}
_SHOWN = 200  # characters of a text or a label's value in an incident or page; the alert itself keeps all
_SHOWN_LABELS = 64
_LONGEST_LINK = 2048


class Heading(NamedTuple):
    """What is said of an incident for as long as the first of its worst alerts stays the same."""

    what: str  # and where
    group: dict[str, str]


class Told(NamedTuple):
    """What there is to tell: an incident, its first alerts, the first of its worst, and its summary if it has one."""

    incident: Open
    listed: tuple[Member, ...]
    lead: Alert
    heading: Heading
    quiet: Reason | None  # why nobody was paged, if nobody was
    note: str | None


def incident_record(told: Told, context: tuple[str, Policy]) -> Incident:
    """The full picture at this revision. `context` is (scope, policy)."""
    scope, policy = context
    incident = told.incident
    state = IncidentState.OPEN if incident.acknowledged_by is None else IncidentState.ACKNOWLEDGED
    return Incident.owning(
        {
            "incident_id": incident.incident_id,
            "revision": incident.revision,
            "state": state if incident.resolved_at_ms is None else IncidentState.RESOLVED,
            "scope": scope,
            "group": told.heading.group,
            "opened_at_ms": incident.opened_at_ms,
            "updated_at_ms": incident.updated_at_ms,
            "resolved_at_ms": incident.resolved_at_ms,
            "severity": incident.severity,
            "is_paged": incident.paged_rank is not None,
            "quiet": told.quiet,
            "acknowledged_by": incident.acknowledged_by,
            "reopened": incident.reopened,
            "is_flapping": incident.flapping > 0,
            "merged_into": None,
            "team": incident.team,
            "summary": summary(told),
            "alerts": len(incident.members),
            "firing": incident.alive,
            "events": incident.events,
            "members": told.listed,
            "unlisted": len(incident.members) - len(told.listed),
            "policy_version": policy.name,
        }
    )


def page_record(told: Told, kind: PageKind, reason: Reason, context: tuple[str, Policy]) -> Page:
    """The page that tells a person. `context` is (scope, policy)."""
    scope, policy = context
    incident, lead = told.incident, told.lead
    details = PageDetails(
        incident_id=incident.incident_id,
        revision=incident.revision,
        kind=kind,
        reason=reason,
        why=reason.sentence,
        scope=scope,
        team=incident.team,
        alert_count=len(incident.members),
        firing=incident.alive,
        alerts=tuple(map(_page_alert, told.listed)),
        unlisted=len(incident.members) - len(told.listed),
        policy_version=policy.name,
    )
    payload = PagePayload(
        summary=summary(told),
        source=_where(incident.group) or lead.source,
        severity=_PAGERDUTY[incident.severity],
        timestamp=rfc3339(incident.opened_at_ms),
        group=_where(incident.group) or None,
        custom_details=details,
    )
    return Page(
        event_action="resolve" if kind is PageKind.RESOLVE else "trigger",
        dedup_key=incident.incident_id,
        links=_links(lead),
        payload=payload,
    )


def member_record(live: Live) -> Member:
    """One alert of an incident as it stands."""
    return _member(live.alert, live.severity, live.first_at_ms, is_firing=live.is_firing)


def fault_page(alert: Alert, incident_id: str, error: str, context: tuple[str, Policy]) -> Page:
    """The page for an alert on which triage itself failed: it knows nothing of incidents, so it says that."""
    scope, policy = context
    details = PageDetails(
        incident_id=incident_id,
        revision=1,
        kind=PageKind.TRIGGER,
        reason=Reason.FAULT,
        why=f"{Reason.FAULT.sentence} ({error}) It will not be resolved by itself.",
        scope=scope,
        team=team_of(alert, policy),
        alert_count=1,
        firing=1,
        alerts=(_page_alert(_member(alert, alert.severity, alert.at_ms, is_firing=True)),),
        policy_version=policy.name,
    )
    payload = PagePayload(
        summary=_cut(_say(alert), SUMMARY_LIMIT),
        source=alert.source,
        severity=_PAGERDUTY[alert.severity],
        timestamp=rfc3339(alert.at_ms),
        custom_details=details,
    )
    return Page(event_action="trigger", dedup_key=incident_id, links=_links(alert), payload=payload)


def summary(told: Told) -> str:
    """What (the first of the worst alerts), where (the group's labels), and how many more."""
    if told.note is not None:
        return _cut(told.note, SUMMARY_LIMIT)
    more = len(told.incident.members) - 1
    text = told.heading.what
    return _cut(text + (f", and {more} more alert{'s' if more > 1 else ''}" if more else ""), SUMMARY_LIMIT)


def heading_of(incident: Open, lead: Alert) -> Heading:
    """What is said of it while `lead` is the first of its worst alerts."""
    what, where = _say(lead), _where(incident.group)
    return Heading(f"{what} ({where})" if where else what, _shown(incident.group))


def team_of(alert: Alert, policy: Policy) -> str | None:
    """Who is paged for it."""
    team = alert.labels.get(policy.team_label)
    return _cut(team, _SHOWN) if team else None


def rfc3339(at_ms: int) -> str:
    """RFC 3339 UTC with milliseconds; what lies outside the calendar is shown at its edge."""
    seconds, ms = divmod(min(max(at_ms, -62_135_596_800_000), 253_402_300_799_999), 1000)
    return f"{_second(seconds)}.{ms:03d}Z"


@lru_cache(maxsize=1024)  # events of one second come together; formatting a datetime costs 1.5 µs, this 0.2
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix("+00:00")


def _say(alert: Alert) -> str:
    told = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    name = _cut(alert.name, _SHOWN)
    return f"{name}: {_cut(told, _SHOWN)}" if told else name


def _where(group: dict[str, str]) -> str:
    return _cut(", ".join(f"{key}={value}" for key, value in group.items()), _SHOWN)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _shown(labels: dict[str, str]) -> dict[str, str]:
    """Labels short enough to be told a hundred times; almost all are as they were."""
    if len(labels) <= _SHOWN_LABELS and all(len(key) + len(value) <= _SHOWN for key, value in labels.items()):
        return labels
    some = list(labels.items())[:_SHOWN_LABELS]
    return {_cut(key, _SHOWN): _cut(value, _SHOWN) for key, value in some}


def _link(url: str | None) -> str | None:
    """A link is of use whole or not at all."""
    return url if url is not None and len(url) <= _LONGEST_LINK else None


def _member(alert: Alert, severity: Severity, first_at_ms: int, *, is_firing: bool) -> Member:
    return Member.trusted(
        fingerprint=alert.fingerprint,
        name=_cut(alert.name, _SHOWN),
        template=template_of(alert),
        labels=_shown(alert.labels),
        severity=severity,
        status=Status.FIRING if is_firing else Status.RESOLVED,
        starts_at_ms=alert.starts_at_ms,
        first_at_ms=first_at_ms,
        summary=_cut(alert.annotations.get("summary", ""), _SHOWN),
        url=_link(alert.url),
    )


def _page_alert(member: Member) -> PageAlert:
    return PageAlert.trusted(
        name=member.name,
        labels=member.labels,
        severity=member.severity,
        status=member.status,
        starts_at=rfc3339(member.starts_at_ms),
        summary=member.summary,
        url=member.url,
    )


def _links(alert: Alert) -> tuple[PageLink, ...]:
    links = {alert.annotations[key]: text for key, text in _LINKS.items() if key in alert.annotations}
    if alert.url:
        links.setdefault(alert.url, "source")
    return tuple(
        PageLink(href=href, text=text) for href, text in links.items() if href.startswith("http") and _link(href)
    )
