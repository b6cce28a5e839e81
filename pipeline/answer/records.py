"""An answer for a program: the same facts as in words, times in RFC 3339."""

from typing import Any

from pipeline.answer.events import AlertStory, EventStory, Run
from pipeline.answer.gather import Call, IncidentStory
from pipeline.answer.named import Named
from pipeline.answer.past import Decided, Looked
from pipeline.core.timestamp import rfc3339
from schemas import Incident


def told(story: IncidentStory | AlertStory | EventStory) -> dict[str, Any]:
    """The answer as what JSON can say."""
    if isinstance(story, IncidentStory):
        return {"found": True, "kind": "incident", **_incident(story)}
    incidents = {key: _record(record) for key, record in story.incidents.items()}
    common: dict[str, Any] = {"found": True, "incidents": incidents, "left_out": story.left_out}
    if isinstance(story, AlertStory):
        return common | {
            "kind": "alert",
            "fingerprints": story.fingerprints,
            "source_fingerprints": story.source_fingerprints,
            "alert": _named(story.alert),
            "decisions": [_run(run, {}) for run in story.runs],
        }
    return common | {
        "kind": "event",
        "place": story.place,
        "decisions": [_run(run, story.names) for run in story.runs],
        "rejected": [record.model_dump(mode="json", exclude={"body"}) for record in story.rejected],
    }


def absent(what: str, looked: Looked, beyond: str) -> dict[str, Any]:
    """That it is not there."""
    return {
        "found": False,
        "what": what,
        "because": beyond or None,
        "looked_through": {
            "decisions": looked.decisions,
            "from": _time(looked.from_ms),
            "to": _time(looked.to_ms),
            "is_cut": looked.is_cut,
        },
    }


def _incident(story: IncidentStory) -> dict[str, Any]:
    return {
        "incident_id": story.incident_id,
        "incident": _record(story.record),
        "merged_into": _record(story.into),
        "merged_from": story.came_from,
        "paged": [_call(call, story.names) for call in story.calls],
        "paged_left_out": story.further_calls,
        "alerts": [_decided(one, story.names) for one in story.alerts],
        "left_out": story.further,
        "reasons": {reason.value: count for reason, count in story.reasons.items()},
        "other_events": {reason.value: count for reason, count in story.others.items()},
        "other_events_until": _time(story.others_to_ms) if story.others else None,
    }


def _call(call: Call, names: dict[str, Named]) -> dict[str, Any]:
    page = call.page
    return {
        "at": rfc3339(call.at_ms),
        "kind": page.kind.value if page is not None else None,
        "reason": page.reason.value if page is not None else call.decided.reason.value if call.decided else None,
        "revision": page.revision if page is not None else None,
        "delivered": call.is_delivered,
        "refused": call.refusal,
        "decision": _decided(call.decided, names) if call.decided is not None else None,
    }


def _run(run: Run, names: dict[str, Named]) -> dict[str, Any]:
    until = rfc3339(run.to_ms) if run.count > 1 else None
    return _decided(run.first, names) | {"count": run.count, "until": until}


def _decided(one: Decided, names: dict[str, Named]) -> dict[str, Any]:
    said = one._asdict()
    del said["position"], said["at_ms"], said["next_at_ms"]
    said["reason"] = one.reason.value
    said["scored"] = one.scored.model_dump(mode="json") if one.scored is not None else None
    said["guard"] = one.guard.value if one.guard is not None else None
    said["held"] = one.held.model_dump(mode="json") if one.held is not None else None
    said["why"] = one.why.model_dump(mode="json") if one.why is not None else None
    said |= {"at": rfc3339(one.at_ms), "next_at": _time(one.next_at_ms)}
    return said | {"alert": _named(names.get(one.fingerprint))}


def _named(alert: Named | None) -> dict[str, Any] | None:
    return None if alert is None else alert._asdict() | {"severity": alert.severity.value}


def _record(record: Incident | None) -> dict[str, Any] | None:
    return None if record is None else record.model_dump(mode="json")


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)
