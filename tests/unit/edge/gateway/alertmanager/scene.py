"""A gateway that answers as an Alertmanager does, over a log in memory and a board that the test writes on."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from pipeline.codec import encode
from pipeline.edge.gateway import AlertmanagerApi, Board, create_gateway
from pipeline.log.entry import Entry
from pipeline.settings import Settings
from schemas import Incident, IncidentState, Member, Severity, Silence, Status
from schemas.record import Record
from schemas.topics import INCIDENTS, SILENCES
from tests.memory_log import MemoryLog

MINUTE_MS, DAY_MS = 60_000, 86_400_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def time_of(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat().replace("+00:00", "Z")


def silence(silence_id: str = "s1", *matchers: str, start: int = -60_000, end: int = 3_600_000, **more: Any) -> Silence:
    """A silence from `start` to `end`, both relative to the present."""
    now = now_ms()
    fields = {
        "id": silence_id,
        "matchers": matchers or ('alertname="DiskFull"',),
        "starts_at_ms": now + start,
        "ends_at_ms": now + end,
        "created_by": "me",
        "comment": "known",
        "updated_at_ms": now,
    }
    return Silence.model_validate(fields | more)


def member(name: str = "DiskFull", status: Status = Status.FIRING, **labels: str) -> Member:
    return Member(
        fingerprint=f"fp1:{abs(sum(map(ord, name + str(labels)))):016x}",
        name=name,
        labels=labels,
        severity=Severity.ERROR,
        status=status,
        starts_at_ms=1000,
        first_at_ms=1000,
        summary=f"{name} is bad",
        url="http://monitor/graph",
    )


def incident(incident_id: str = "inc1:a", *members: Member, revision: int = 1, **more: Any) -> Incident:
    found = members or (member(),)
    fields: dict[str, Any] = {
        "incident_id": incident_id,
        "revision": revision,
        "state": IncidentState.OPEN,
        "scope": "default",
        "group": {"cluster": "eu"},
        "opened_at_ms": 1000,
        "updated_at_ms": 2000,
        "severity": Severity.ERROR,
        "summary": "disk",
        "alerts": len(found),
        "firing": sum(one.status is Status.FIRING for one in found),
        "events": len(found),
        "members": found,
        "policy_version": "p1:0",
    }
    return Incident.model_validate(fields | more)


def entry(record: Silence | Incident | Record, offset: int = 0) -> Entry:
    """The record as it stands in the log."""
    if isinstance(record, Silence):
        return Entry(SILENCES.name, 0, offset, record.id, encode(record), {}, 0)
    assert isinstance(record, Incident)
    return Entry(INCIDENTS.name, 0, offset, record.incident_id, encode(record), {}, 0)


def board(*records: Silence | Incident) -> Board:
    """A current board with these on it."""
    found = Board()
    for record in records:
        found.take(entry(record))
    found.is_current = True
    return found


def posted(*matchers: Mapping[str, Any], start: int = 0, end: int = 3_600_000, **more: Any) -> dict[str, Any]:
    """A silence as a client posts it, its times relative to the present."""
    now = now_ms()
    return {
        "matchers": matchers or [{"name": "alertname", "value": "DiskFull", "isRegex": False}],
        "startsAt": time_of(now + start),
        "endsAt": time_of(now + end),
        "createdBy": "me",
        "comment": "known",
    } | more


@asynccontextmanager
async def alertmanager(log: MemoryLog, found: Board, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway whose board is `found`."""
    configured = Settings(**settings)
    api = AlertmanagerApi(log, found, configured)
    app = create_gateway(log, configured, requires_token="tokens" in settings, api=api)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://gateway") as client:
        yield client
