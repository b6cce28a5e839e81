"""A gateway over a log in memory, and the client that talks to it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from pipeline.edge.gateway import create_gateway
from pipeline.log.entry import Broadcaster
from pipeline.settings import Settings

FIRING = {"status": "firing", "labels": {"alertname": "DiskFull"}, "startsAt": "2026-11-23T07:06:06.120Z"}
GOOD: Mapping[str, Any] = {
    "/v1/alertmanager": {"version": "4", "alerts": [FIRING]},
    "/api/v2/alerts": [{"labels": {"alertname": "DiskFull"}, "startsAt": "2026-11-23T07:06:06.120Z"}],
    "/v1/events": {"name": "disk full", "labels": {"host": "db-1"}},
}
PARTLY_BAD: Mapping[str, tuple[Any, str]] = {
    "/v1/alertmanager": (
        {"alerts": [FIRING, {"status": "firing", "labels": {"severity": 7}}, FIRING]},
        "alerts[1].labels.severity",
    ),
    "/api/v2/alerts": ([GOOD["/api/v2/alerts"][0], {"labels": {}}, GOOD["/api/v2/alerts"][0]], "[1].labels"),
    "/v1/events": ([GOOD["/v1/events"], {"name": "disk full", "status": "on fire"}, {"name": "x"}], "[1].status"),
}
SOURCE_OF = {"/v1/alertmanager": "alertmanager", "/api/v2/alerts": "prometheus", "/v1/events": "canonical"}


def raw(body: Any) -> bytes:
    return json.dumps(body).encode()


@asynccontextmanager
async def gateway(
    log: Broadcaster, *, requires_token: bool = False, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_gateway(log, Settings(**settings), requires_token=requires_token)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client
