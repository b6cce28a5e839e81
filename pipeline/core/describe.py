"""How an incident is told: its record, and its members."""

from typing import Any, NamedTuple

from pipeline.core.heading import Heading, summary_of
from pipeline.core.incidents import Open
from pipeline.core.live import Live
from pipeline.core.policy import Policy
from pipeline.core.shown import LONGEST, cut, shown
from pipeline.core.template import template_of
from schemas import Alert, Incident, IncidentState, Member, Reason, Severity, Status
from schemas.page import SUMMARY_LIMIT
from schemas.record import fields_of

_LONGEST_LINK = 2048
# To copy a dict of so many fields and set them takes half as long as to write it anew.
_BLANK: dict[str, Any] = dict.fromkeys(Incident.model_fields)


class Told(NamedTuple):
    """What there is to tell: an incident, its first alerts, what is said of all, and that in one sentence."""

    incident: Open
    listed: tuple[Member, ...]
    heading: Heading
    quiet: Reason | None  # why nobody was paged, if nobody was
    summary: str
    is_suppressible: bool = False


def incident_record(told: Told, context: tuple[str, str]) -> Incident:
    """The full picture at this revision. `context` is (scope, policy version)."""
    scope, policy_version = context
    incident, listed, heading, quiet, sentence, is_suppressible = told
    fields, alerts = _BLANK.copy(), incident.alerts
    fields["incident_id"] = incident.incident_id
    fields["revision"] = incident.revision
    fields["state"] = _state_of(incident)
    fields["scope"] = scope
    fields["group"] = heading.group
    fields["opened_at_ms"] = incident.opened_at_ms
    fields["updated_at_ms"] = incident.updated_at_ms
    fields["resolved_at_ms"] = incident.resolved_at_ms
    fields["severity"] = incident.severity
    fields["is_paged"] = incident.paged_rank is not None
    fields["quiet"] = quiet
    fields["acknowledged_by"] = incident.acknowledged_by
    fields["outcome"] = incident.outcome
    fields["mark"] = incident.mark
    fields["reopened"] = incident.reopened
    fields["is_flapping"] = incident.flapping > 0
    fields["merged_into"] = incident.merged_into
    fields["score"] = incident.score
    fields["scored"] = incident.scored
    fields["is_suppressible"] = is_suppressible
    fields["team"] = incident.team
    fields["summary"] = sentence
    fields["alerts"] = alerts
    fields["firing"] = incident.firing
    fields["events"] = incident.events
    fields["causes"] = heading.causes
    fields["changes"] = incident.changes
    fields["members"] = listed
    fields["unlisted"] = alerts - len(listed)
    fields["policy_version"] = policy_version
    return Incident.owning(fields)


def _state_of(incident: Open) -> IncidentState:
    if incident.merged_into is not None:
        return IncidentState.MERGED
    if incident.resolved_at_ms is not None:
        return IncidentState.RESOLVED
    return IncidentState.OPEN if incident.acknowledged_by is None else IncidentState.ACKNOWLEDGED


def member_record(live: Live) -> Member:
    """One alert of an incident as it stands."""
    return member_of(live.alert, live.severity, live.first_at_ms, is_firing=live.is_firing, template=live.template)


def summary(incident: Open, heading: Heading, note: str | None) -> str:
    """The one sentence that a tired person reads; `note`: what it is where its alerts do not tell it best."""
    return summary_of(incident, heading) if note is None else cut(note, SUMMARY_LIMIT)


def team_of(alert: Alert, policy: Policy) -> str | None:
    """Who is paged for it."""
    team = fields_of(alert)["labels"].get(fields_of(policy)["team_label"])
    return cut(team, LONGEST) if team else None


def say(alert: Alert) -> str:
    """An alert in one line: its name, and what its source says."""
    told = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    name = cut(alert.name, LONGEST)
    return f"{name}: {cut(told, LONGEST)}" if told else name


def group_in_words(group: dict[str, str]) -> str:
    """`cluster=eu-1, namespace=shop`."""
    return cut(", ".join(map("=".join, group.items())), LONGEST)


def member_of(
    alert: Alert, severity: Severity, first_at_ms: int, *, is_firing: bool, template: str | None = None
) -> Member:
    """One alert of an incident, and its template where that is known."""
    fields = fields_of(alert)
    return Member.owning(
        {
            "fingerprint": fields["fingerprint"],
            "name": cut(fields["name"], LONGEST),
            "template": template_of(alert) if template is None else template,
            "labels": shown(fields["labels"]),
            "severity": severity,
            "status": Status.FIRING if is_firing else Status.RESOLVED,
            "starts_at_ms": fields["starts_at_ms"],
            "first_at_ms": first_at_ms,
            "summary": cut(fields["annotations"].get("summary", ""), LONGEST),
            "url": link(fields["url"]),
        }
    )


def link(url: str | None) -> str | None:
    """The link, if it is short enough: it is of use whole or not at all."""
    return url if url is not None and len(url) <= _LONGEST_LINK else None
