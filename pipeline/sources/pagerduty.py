"""PagerDuty's V3 webhooks: one event each, of which some tell what was done about an incident of ours.

    {"event": {"id", "event_type", "occurred_at", "agent": {"type", "summary"}, "data": {"id", "incident_key", …}}}

An incident's `incident_key` is the `dedup_key` under which it was paged. A note has no such key: its data names the
incident by PagerDuty's own id alone, so whoever reads it must have heard of the two together before.

Of an event that is nothing to us only the envelope must be right: PagerDuty adds kinds of events, and after three that
are refused in a row it sends nothing for a day.
"""

from typing import Any, NamedTuple

from pipeline.errors import Rejected
from pipeline.sources.claim import load, mapping, shape, time_ms, word
from pipeline.sources.outcomes import LONGEST, LONGEST_NOTE, identified, is_incident_id
from schemas import Outcome, Verdict

PING = "pagey.ping"
_VERDICTS = {
    "incident.acknowledged": Verdict.ACKNOWLEDGED,
    "incident.unacknowledged": Verdict.UNACKNOWLEDGED,
    "incident.resolved": Verdict.RESOLVED,
    "incident.reopened": Verdict.REOPENED,
    "incident.reassigned": Verdict.REASSIGNED,
    "incident.delegated": Verdict.REASSIGNED,  # to another escalation policy
    "incident.annotated": Verdict.ANNOTATED,
}


class Webhook(NamedTuple):
    """One event, as far as it matters here."""

    event_id: str
    kind: str
    occurred_at_ms: int
    verdict: Verdict | None  # None: nobody did anything about an incident
    incident_id: str | None  # None: it does not say, or is none of ours
    known_as: str | None  # what PagerDuty calls the incident
    by: str
    is_person: bool
    note: str


def read_webhook(body: bytes) -> Webhook:
    """The event in a body. Raises Rejected, naming the field."""
    event = mapping(mapping(load(body), "").get("event"), "event")
    event_id, kind = _needed(event, "id"), _needed(event, "event_type")
    occurred_at_ms = time_ms(event, "occurred_at", "event")
    if occurred_at_ms is None:
        raise Rejected("is missing or empty", "event.occurred_at")
    data, agent = _object(event, "data"), _object(event, "agent")
    is_person = (word(agent, "type") or "").startswith("user")
    verdict = _VERDICTS.get(kind)
    if verdict is Verdict.RESOLVED and not is_person:
        verdict = None  # most of these are the echo of our own
    key = data.get("incident_key")
    return Webhook(
        event_id=event_id,
        kind=kind,
        occurred_at_ms=occurred_at_ms,
        verdict=verdict,
        incident_id=key if is_incident_id(key) else None,
        known_as=_known_as(data),
        by=(word(agent, "summary") or word(agent, "id") or "pagerduty")[:LONGEST],
        is_person=is_person,
        note=_note(verdict, data)[:LONGEST_NOTE],
    )


def outcome_of(webhook: Webhook, verdict: Verdict, incident_id: str, now_ms: int) -> Outcome:
    """What was done about the incident. However often the event is sent, it has the same id."""
    outcome = Outcome(
        incident_id=incident_id,
        verdict=verdict,
        by=webhook.by,
        via="pagerduty",
        at_ms=min(webhook.occurred_at_ms, now_ms),
        note=webhook.note,
        is_person=webhook.is_person,
        known_as=webhook.known_as,
    )
    return identified(outcome, "pagerduty", webhook.event_id)


def _needed(event: dict[str, Any], key: str) -> str:
    said = event.get(key)
    if not isinstance(said, str) or not 0 < len(said) <= LONGEST:
        raise Rejected(f"must be a string of 1 to {LONGEST} characters, is {shape(said)}", f"event.{key}")
    return said


def _object(found: dict[str, Any], key: str) -> dict[str, Any]:
    value = found.get(key)
    return value if isinstance(value, dict) else {}


def _known_as(data: dict[str, Any]) -> str | None:
    """The id of the incident, which a note holds as a part."""
    incident = data if data.get("type") == "incident" else _object(data, "incident")
    said = word(incident, "id")
    return said if said is not None and len(said) <= LONGEST else None


def _note(verdict: Verdict | None, data: dict[str, Any]) -> str:
    """What was written, or to whom it was given: `to Tenex Engineer`."""
    if verdict is Verdict.ANNOTATED:
        return word(data, "content") or ""
    if verdict is not Verdict.REASSIGNED:
        return ""
    listed = data.get("assignees")
    taken = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    names = [name for one in taken or [_object(data, "escalation_policy")] if (name := word(one, "summary"))]
    return f"to {', '.join(names)}" if names else ""
