"""PagerDuty's V3 webhooks as its reference shows them, and its signature, written down anew: not the product's code."""

import hashlib
import hmac
import json
import time
from typing import Any

ADA = {"id": "PLH1HKV", "summary": "Ada Lovelace", "type": "user_reference", "html_url": "https://acme.example/ada"}
SERVICE = {"id": "PF9KMXH", "summary": "API Service", "type": "service_reference"}
PING = {"message": "Hello from your friend Pagey!", "type": "ping"}


def webhook(  # noqa: PLR0913  # a vocabulary: everything has a default
    kind: str,
    incident_key: str | None = None,
    *,
    event_id: str = "01BRB6ZP4M6T8ZG4X6BP63ZB9O",
    agent: dict[str, Any] | None = ADA,
    pagerduty_id: str = "PGR0VU2",
    at_s: float | None = None,
    **more: Any,
) -> bytes:
    """The body of one event; an `incident.annotated` holds a note with the text `content`."""
    data: dict[str, Any] = {"id": pagerduty_id, "type": "incident", "incident_key": incident_key, "number": 2, **more}
    if kind == "incident.annotated":
        incident = {"id": pagerduty_id, "type": "incident_reference", "summary": "A little bump in the road"}
        data = {"incident": incident, "id": "P2LA89X", "type": "incident_note", "trimmed": False, **more}
    if kind == "pagey.ping":
        data = PING
    event = {
        "id": event_id,
        "event_type": kind,
        "resource_type": kind.partition(".")[0],
        "occurred_at": rfc3339(time.time() if at_s is None else at_s),
        "agent": agent,
        "client": None,
        "data": data,
    }
    return json.dumps({"event": event}, ensure_ascii=False).encode()


def signature(body: bytes, *secrets: str) -> str:
    """The header that PagerDuty sends: one signature for each secret."""
    return ",".join(f"v1={hmac.new(one.encode(), body, hashlib.sha256).hexdigest()}" for one in secrets)


def rfc3339(at_s: float) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at_s))}.{int(at_s * 1000) % 1000:03d}Z"
