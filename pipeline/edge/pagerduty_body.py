"""The body for PagerDuty is the page and the routing key, cut to size in a way that says so. No I/O in this file."""

from typing import Any

import orjson

from schemas import Page

BODY_LIMIT = 512_000  # bytes; PagerDuty's limit is 512 KB, whichever KB they mean
_LONG = 1024  # characters of a text that is kept when the body is too large
_MOST_LINKS = 20


def body_of(page: Page, routing_key: str) -> bytes:
    """The request body, at most BODY_LIMIT bytes. Neither the summary nor the key is ever cut."""
    event = page.model_dump(mode="json", exclude_none=True)
    event["routing_key"] = routing_key
    # PagerDuty refuses empty ones, and a refused page is a problem without a page.
    event["payload"]["summary"] = event["payload"]["summary"] or "(no summary)"
    event["payload"]["source"] = event["payload"]["source"] or "unknown"
    event["links"] = [link for link in event["links"] if link["href"].startswith(("https://", "http://"))]
    body = orjson.dumps(event)
    return body if len(body) <= BODY_LIMIT else _cut(event, len(body))


def _cut(event: dict[str, Any], size: int) -> bytes:
    """Shorten long texts, then leave out the last alerts, until it fits."""
    kept = {"routing_key": event["routing_key"], "dedup_key": event["dedup_key"]}
    summary = event["payload"]["summary"]
    event = {**_shortened(event), **kept}
    event["payload"]["summary"] = summary
    event["links"] = event["links"][:_MOST_LINKS]
    details = event["payload"]["custom_details"]
    alerts = details["alerts"]
    details["note"] = (
        f"This page had {size} bytes and PagerDuty takes {BODY_LIMIT}: texts above {_LONG} characters were shortened "
        "and alerts left out; `unlisted` counts them. The incident has them all."
    )
    details["alerts"] = []
    room = BODY_LIMIT - len(orjson.dumps(event)) - 20  # 20: `unlisted` may grow by its digits
    for alert in alerts:
        room -= len(orjson.dumps(alert)) + 1
        if room < 0:
            break
        details["alerts"].append(alert)
    details["unlisted"] += len(alerts) - len(details["alerts"])
    return orjson.dumps(event)


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _LONG else value[: _LONG - 1] + "…"
    if isinstance(value, dict):
        return {name: _shortened(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    return value
