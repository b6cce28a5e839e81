"""How a page tells an incident: a PagerDuty event that any consumer can post."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from pipeline.core.apart import apart
from pipeline.core.describe import Told, group_in_words, link, member_of, say, team_of
from pipeline.core.paging import Call
from pipeline.core.policy import Policy
from pipeline.core.shown import LONGEST, cut
from pipeline.core.timestamp import rfc3339
from schemas import (
    Alert,
    Cause,
    Change,
    Member,
    Page,
    PageAlert,
    PageCause,
    PageChange,
    PageDetails,
    PageKind,
    PageLink,
    PagePayload,
    Reason,
    Severity,
)
from schemas.page import SUMMARY_LIMIT
from schemas.record import fields_of

_PAGERDUTY: dict[Severity, Literal["critical", "error", "warning", "info"]] = {
    Severity.CRITICAL: "critical",
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
    Severity.UNKNOWN: "error",  # in doubt, loud
}
_BY_RANK: tuple[Literal["critical", "error", "warning", "info"], ...] = ("info", "warning", "error", "critical")
_LINKS = {"runbook_url": "runbook", "runbook": "runbook", "dashboard_url": "dashboard", "dashboard": "dashboard"}


def page_record(told: Told, alerts: Sequence[Alert], call: Call, context: tuple[str, str]) -> Page:
    """The page that tells a person. `alerts`: what may have caused it, and the first of the worst, if another.

    `context` is (scope, policy version).

    13 µs where an incident has one alert. Constructors that check took 100, most of what it cost to open one.
    """
    scope, policy_version = context
    incident, (kind, reason) = told.incident, call
    alert_count = incident.alerts
    where = group_in_words(incident.group)
    details = PageDetails.owning(
        {
            "incident_id": incident.incident_id,
            "revision": incident.revision,
            "kind": kind,
            "reason": reason,
            "why": reason.sentence
            if incident.merged_into is None
            else f"{reason.sentence} It is {incident.merged_into}.",
            "scope": scope,
            "team": incident.team,
            "alert_count": alert_count,
            "firing": incident.firing,
            "causes": _page_causes(told.heading.causes, told.listed),
            "changes": tuple(map(_page_change, incident.changes)),
            "alerts": tuple(map(_page_alert, told.listed)),
            "unlisted": alert_count - len(told.listed),
            "policy_version": policy_version,
        }
    )
    payload = PagePayload.owning(
        {
            "summary": told.summary,
            "source": where or alerts[0].source,
            # What is silenced makes no page more urgent.
            "severity": _PAGERDUTY[incident.severity] if incident.loud_rank < 0 else _BY_RANK[incident.loud_rank],
            "timestamp": rfc3339(incident.opened_at_ms),
            "group": where or None,
            "custom_details": details,
        }
    )
    links = _links(alerts)
    if incident.changes:
        links += _links_of(incident.changes)
    return _page("resolve" if kind is PageKind.RESOLVE else "trigger", incident.incident_id, links, payload)


def fault_page(alert: Alert, incident_id: str, error: str, context: tuple[str, Policy]) -> Page:
    """The page for an alert on which triage itself failed: it knows nothing of incidents, so it says that."""
    scope, policy = context
    details = PageDetails.trusted(
        incident_id=incident_id,
        revision=1,
        kind=PageKind.TRIGGER,
        reason=Reason.FAULT,
        why=f"{Reason.FAULT.sentence} ({error}) It will not be resolved by itself.",
        scope=scope,
        team=team_of(alert, policy),
        alert_count=1,
        firing=1,
        causes=(),
        changes=(),
        alerts=(_page_alert(member_of(alert, alert.severity, alert.at_ms, is_firing=True)),),
        unlisted=0,
        policy_version=policy.name,
    )
    payload = PagePayload.trusted(
        summary=cut(say(alert), SUMMARY_LIMIT),
        source=alert.source,
        severity=_PAGERDUTY[alert.severity],
        timestamp=rfc3339(alert.at_ms),
        group=None,
        custom_details=details,
    )
    return _page("trigger", incident_id, _links([alert]), payload)


def _page(
    action: Literal["trigger", "resolve"], dedup_key: str, links: tuple[PageLink, ...], payload: PagePayload
) -> Page:
    return Page.owning(
        {"event_action": action, "dedup_key": dedup_key, "client": "pagesieve", "links": links, "payload": payload}
    )


def _page_alert(member: Member) -> PageAlert:
    fields = fields_of(member)
    return PageAlert.owning(
        {
            "name": fields["name"],
            "labels": fields["labels"],
            "severity": fields["severity"],
            "status": fields["status"],
            "starts_at": rfc3339(fields["starts_at_ms"]),
            "summary": fields["summary"],
            "url": fields["url"],
        }
    )


def _page_causes(causes: Sequence[Cause], listed: Iterable[Member]) -> tuple[PageCause, ...]:
    """Those that would read alike are told apart, as far as their labels are listed: of three, one group at most."""
    alike = Counter([(cause.name, cause.subject) for cause in causes])
    if len(alike) == len(causes):  # almost always
        return tuple([_page_cause(cause, cause.subject) for cause in causes])
    labels = {member.fingerprint: member.labels for member in listed}
    doubtful = [one for one in causes if alike[one.name, one.subject] > 1 and one.fingerprint in labels]
    tails = dict(
        zip([one.fingerprint for one in doubtful], apart([labels[one.fingerprint] for one in doubtful]), strict=True)
    )
    return tuple([_page_cause(one, _with(one.subject, tails.get(one.fingerprint, ""))) for one in causes])


def _with(subject: str, tail: str) -> str:
    return f"{subject} ({tail})" if subject and tail else subject or tail


def _page_cause(cause: Cause, subject: str) -> PageCause:
    return PageCause.trusted(name=cause.name, subject=subject, began_at=rfc3339(cause.began_at_ms), why=cause.why)


def _page_change(change: Change) -> PageChange:
    return PageChange.trusted(
        summary=cut(change.summary, LONGEST), at=rfc3339(change.at_ms), kind=change.kind, source=change.source
    )


def _links_of(changes: Iterable[Change]) -> tuple[PageLink, ...]:
    return tuple([PageLink.trusted(href=link.href, text=link.text) for change in changes for link in change.links])


def _links(alerts: Sequence[Alert]) -> tuple[PageLink, ...]:
    links: dict[str, str] = {}
    for fields in map(fields_of, alerts):
        annotations, url = fields["annotations"], fields["url"]
        if not annotations.keys().isdisjoint(_LINKS):
            for key, text in _LINKS.items():
                if key in annotations:
                    links.setdefault(annotations[key], text)
        if url:
            links.setdefault(url, "source")
    return tuple(
        [
            PageLink.owning({"href": href, "text": text})
            for href, text in links.items()
            if href.startswith("http") and link(href)
        ]
    )
