"""What Prometheus posts to an Alertmanager's `/api/v2/alerts`, to claims.

Prometheus re-sends every firing alert each minute or so with an `endsAt` a few minutes ahead: a lease. Renewed, the
alert goes on; not renewed, it resolves at that time. An end that lies behind us may be a lease, too, that of a
Prometheus whose clock is behind ours by more than it. Whether it moves on will tell (pipeline/core/hearing.py): it is
kept as both.
"""

from pipeline.errors import Rejected
from pipeline.sources.alertmanager import UNNAMED
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
    texts,
    time_ms,
    word,
)
from schemas import Status

# What Alertmanager grants an alert that names no end (`resolve_timeout`, whose default nobody changes).
RESOLVE_TIMEOUT_MS = 5 * 60 * 1000


def prometheus(body: bytes, received_at_ms: int | None) -> Parsed:
    """An array of alerts. In history (`received_at_ms` is None) an alert with an end is one that resolved then."""
    items = load(body)
    if not isinstance(items, list):
        raise Rejected(f"must be an array of alerts, is {shape(items)}")
    return claims(numbered(items), lambda item, where: _claim(item, where, received_at_ms))


def _claim(item: object, where: str, received_at_ms: int | None) -> Claim:
    found = mapping(item, where)
    # Label names are not held to Prometheus 2's alphabet: Prometheus 3 and Alertmanager from 0.27 on allow any UTF-8.
    labels = texts(found, "labels", where)
    if not labels:
        raise Rejected("at least one label that is not empty is needed", f"{where}.labels")
    starts_at_ms = time_ms(found, "startsAt", where)
    ends_at_ms = time_ms(found, "endsAt", where)
    if starts_at_ms is not None and ends_at_ms is not None and ends_at_ms < starts_at_ms:
        raise Rejected("must not be before startsAt", f"{where}.endsAt")
    at_ms = received_at_ms if received_at_ms is not None else ends_at_ms or starts_at_ms
    if at_ms is None:
        raise Rejected("no event time: history needs startsAt", f"{where}.startsAt")
    is_over = ends_at_ms is not None and ends_at_ms <= at_ms
    return Claim(
        source="prometheus",
        name=labels.get("alertname", UNNAMED),
        labels=labels,
        annotations=notes(found, "annotations"),
        severity=severity_of(labels.get("severity")),
        status=Status.RESOLVED if is_over else Status.FIRING,
        at_ms=at_ms,
        starts_at_ms=at_ms if starts_at_ms is None else starts_at_ms,
        ends_at_ms=ends_at_ms if is_over else None,
        expires_at_ms=_lease_ms(ends_at_ms, at_ms) if received_at_ms is not None or not is_over else None,
        is_state=True,
        source_fingerprint=None,
        url=word(found, "generatorURL"),
    )


def _lease_ms(ends_at_ms: int | None, at_ms: int) -> int:
    return at_ms + RESOLVE_TIMEOUT_MS if ends_at_ms is None else ends_at_ms
