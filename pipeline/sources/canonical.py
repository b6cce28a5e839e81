"""Canonical events to claims: one object, an array, or NDJSON.

`{"source","name","labels":{},"annotations":{},"severity","status","starts_at","ends_at","received_at"}`; only `name` is
needed. `received_at` counts in history only: for what arrives now, the gateway's own time does.
"""

from collections.abc import Callable
from typing import cast

from pipeline.errors import Rejected
from pipeline.sources.claim import (
    Claim,
    Parsed,
    claims,
    load,
    mapping,
    notes,
    numbered,
    path,
    severity_of,
    shape,
    status_of,
    text,
    texts,
    time_ms,
    word,
)
from schemas import Status


def canonical(body: bytes, received_at_ms: int | None) -> Parsed:
    """One body. `where` of what is rejected starts with `[n]` in an array and `line n` in NDJSON."""
    try:
        items = load(body)
    except Rejected:
        lines = body.splitlines()
        if len(lines) < 2:
            raise
        return _lines(lines, lambda item, where: _claim(item, where, received_at_ms))
    if isinstance(items, dict):
        return Parsed([_claim(items, "", received_at_ms)], [])
    if not isinstance(items, list):
        raise Rejected(f"must be an event, an array of events, or one event a line, is {shape(items)}")
    return claims(numbered(items), lambda item, where: _claim(item, where, received_at_ms))


def _lines(lines: list[bytes], read: Callable[[object, str], Claim]) -> Parsed:
    def read_line(line: object, where: str) -> Claim:
        try:
            return read(load(cast(bytes, line)), "")
        except Rejected as exc:
            raise Rejected(exc.reason, f"{where}: {exc.where}" if exc.where else where) from None

    return claims(((f"line {number}", line) for number, line in enumerate(lines, 1) if line.strip()), read_line)


def _claim(item: object, where: str, received_at_ms: int | None) -> Claim:
    found = mapping(item, where)
    name = text(found, "name", where)
    if name is None:
        raise Rejected("is needed", path(where, "name"))
    status = Status.FIRING if found.get("status") is None else status_of(found, where)
    starts_at_ms = time_ms(found, "starts_at", where)
    ends_at_ms = time_ms(found, "ends_at", where) if status is Status.RESOLVED else None
    at_ms = received_at_ms
    if at_ms is None:
        at_ms = time_ms(found, "received_at", where) or ends_at_ms or starts_at_ms
        if at_ms is None:
            raise Rejected("no event time: history needs received_at or starts_at", path(where, "starts_at"))
    return Claim(
        source=text(found, "source", where) or "canonical",
        name=name,
        labels=texts(found, "labels", where),
        annotations=notes(found, "annotations"),
        severity=severity_of(word(found, "severity")),
        status=status,
        at_ms=at_ms,
        starts_at_ms=at_ms if starts_at_ms is None else starts_at_ms,
        ends_at_ms=ends_at_ms,
        expires_at_ms=None,
        is_state=status is Status.RESOLVED,  # a firing canonical event does not say; triage learns it from resolves
        source_fingerprint=None,
        url=word(found, "url"),
    )
