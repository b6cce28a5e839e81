"""Which of Alertmanager's paths there are, as a table, and what OpenAPI says of each."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from pipeline.edge.gateway.admission import Slot
from pipeline.edge.gateway.alertmanager.api import AlertmanagerApi
from pipeline.edge.gateway.alertmanager.shapes import (
    AlertGroup,
    GettableAlert,
    GettableSilence,
    PostableSilence,
    Receiver,
    SilenceId,
    Status,
)

SILENCE = "/api/v2/silence/{silence_id}"
PATHS = (
    *("/api/v2/silences", "/api/v2/alerts", "/api/v2/alerts/groups"),
    *("/api/v2/receivers", "/api/v2/status"),
)


class _Route(NamedTuple):
    method: str
    path: str
    handle: Callable[[Request, Slot], Awaitable[Response]]
    summary: str
    answer: Any
    query: tuple[str, ...] = ()
    body: Any = None


def add_routes(app: FastAPI, api: AlertmanagerApi) -> None:
    """Let `app` answer as an Alertmanager does."""
    asking = ("filter", "receiver", "active", "silenced", "inhibited")
    table = (
        _Route("GET", "/api/v2/silences", api.get_silences, "Silences", list[GettableSilence], ("filter",)),
        _Route("POST", "/api/v2/silences", api.post_silence, "Make or change one", SilenceId, (), PostableSilence),
        _Route("GET", SILENCE, api.get_silence, "One silence", GettableSilence),
        _Route("DELETE", SILENCE, api.delete_silence, "End a silence", None),
        _Route("GET", "/api/v2/alerts", api.get_alerts, "Alerts that fire", list[GettableAlert], asking),
        _Route("GET", "/api/v2/alerts/groups", api.get_groups, "Open incidents", list[AlertGroup], asking),
        _Route("GET", "/api/v2/receivers", api.get_receivers, "Who may be paged", list[Receiver]),
        _Route("GET", "/api/v2/status", api.get_status, "What this is", Status),
    )
    for route in table:
        app.add_api_route(
            route.path,
            api.handler(route.handle),
            methods=[route.method],
            name=f"{route.method.lower()} {route.path}",
            **_described(route),
        )


def _described(route: _Route) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in route.query
    ]
    if route.path == SILENCE:
        parameters.append({"name": "silence_id", "in": "path", "required": True, "schema": {"type": "string"}})
    extra: dict[str, Any] = {"parameters": parameters} if parameters else {}
    if route.body is not None:
        schema = route.body.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
        schema.pop("$defs", None)  # FastAPI has them, from the answers
        extra["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    text = {"content": {"application/json": {"schema": {"type": "string"}}}}
    errors = {
        400: {"description": "It cannot be; the answer says why.", **text},
        404: {"description": "There is no such silence.", **text},
        503: {"description": "The log does not answer, or is still being read; try again.", **text},
    }
    answer = {"description": "As in Alertmanager's API v2."} | ({"model": route.answer} if route.answer else {})
    return {
        "summary": route.summary,
        "tags": ["alertmanager"],
        "responses": {200: answer, **errors},
        "openapi_extra": extra,
    }
