"""Alertmanager's webhook, version 4, to claims.

What the captured payloads teach: with `max_alerts` the top-level `status` is that of the alerts kept, so only an
alert's own counts; an alert that is absent, or truncated away, has not resolved; a firing `endsAt` is year 1.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.errors import Rejected
from pipeline.sources.claim import (
    Claim,
    Parsed,
    claims,
    load,
    mapping,
    notes,
    numbered,
    severity_of,
    shape,
    status_of,
    texts,
    time_ms,
    word,
)
from schemas import Status

UNNAMED = "(no alertname)"


def alertmanager(body: bytes, received_at_ms: int | None) -> Parsed:
    """One webhook body. In history (`received_at_ms` is None) its time is the newest change it tells of."""
    message = mapping(load(body), "")
    items = message.get("alerts")
    if not isinstance(items, list):
        raise Rejected(f"must be an array, is {shape(items)}", "alerts")
    parsed = claims(numbered(items, "alerts"), lambda item, where: read_item(item, where, received_at_ms))
    parsed = parsed._replace(truncated=truncated_in(message))
    if received_at_ms is not None or not parsed.claims:
        return parsed
    at_ms = max(claim.at_ms for claim in parsed.claims)
    return parsed._replace(claims=[claim._replace(at_ms=at_ms) for claim in parsed.claims])


def truncated_in(message: Mapping[str, Any]) -> int:
    """How many alerts the webhook says it left out."""
    truncated = message.get("truncatedAlerts", 0)
    return max(0, truncated) if isinstance(truncated, int) else 0


def read_item(item: object, where: str, received_at_ms: int | None) -> Claim:
    """One alert of a webhook, which stands at `where`. Raises Rejected."""
    found = mapping(item, where)
    labels = texts(found, "labels", where)
    if not labels:
        raise Rejected("at least one label that is not empty is needed", f"{where}.labels")
    status = status_of(found, where)
    starts_at_ms = time_ms(found, "startsAt", where)
    ends_at_ms = time_ms(found, "endsAt", where) if status is Status.RESOLVED else None
    at_ms = received_at_ms if received_at_ms is not None else ends_at_ms or starts_at_ms
    if at_ms is None:
        raise Rejected("no event time: history needs startsAt", f"{where}.startsAt")
    return Claim(
        source="alertmanager",
        name=labels.get("alertname", UNNAMED),
        labels=labels,
        annotations=notes(found, "annotations"),
        severity=severity_of(labels.get("severity")),
        status=status,
        at_ms=at_ms,
        starts_at_ms=at_ms if starts_at_ms is None else starts_at_ms,
        ends_at_ms=ends_at_ms,
        expires_at_ms=None,
        is_state=True,
        source_fingerprint=word(found, "fingerprint"),
        url=word(found, "generatorURL"),
    )
