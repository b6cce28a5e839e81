"""What PagerDuty's Events API v2 takes, as its reference says; the words of the errors are close to its own."""

from typing import Any

BODY_LIMIT = 512 * 1024

Event = dict[str, Any]


def event_errors(event: Event, size: int) -> list[str]:
    """Everything that is wrong with an event of `size` bytes; empty: PagerDuty takes it."""
    if not event:
        return ["JSON parse error"]
    if size > BODY_LIMIT:
        return ["Event is larger than 512 KB"]
    errors = []
    action, key = event.get("event_action"), event.get("dedup_key")
    routing_key = event.get("routing_key")
    if not isinstance(routing_key, str) or len(routing_key) != 32:
        errors.append("Length of 'routing_key' is incorrect (should be 32 characters)")
    if action not in {"trigger", "acknowledge", "resolve"}:
        errors.append("'event_action' is invalid (should be one of: trigger, acknowledge, resolve)")
    # PagerDuty makes one up for a trigger without one; ours always has one, or its resolve could not name it.
    if not isinstance(key, str) or not 1 <= len(key) <= 255:
        errors.append("'dedup_key' is missing, blank or longer than 255 characters")
    if action == "trigger":
        errors += _payload_errors(event.get("payload"))
    for link in event.get("links", []):
        if not str(link.get("href", "")).startswith(("https://", "http://")):
            errors.append("'links' needs a 'href' that is a URL")
    return errors


def _payload_errors(payload: object) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing or blank"]
    errors = [
        f"'payload.{name}' is missing or blank" for name in ("summary", "source", "severity") if not payload.get(name)
    ]
    if len(str(payload.get("summary", ""))) > 1024:
        errors.append("'payload.summary' is longer than 1024 characters")
    if payload.get("severity") not in {"critical", "error", "warning", "info"}:
        errors.append("'payload.severity' is invalid (must be one of: critical, warning, error, info)")
    if not isinstance(payload.get("timestamp", ""), str):
        errors.append("'payload.timestamp' is no ISO 8601 time")
    if not isinstance(payload.get("custom_details", {}), dict):
        errors.append("'payload.custom_details' is no object")
    return errors + [f"'payload.{name}' is null" for name, value in payload.items() if value is None]
