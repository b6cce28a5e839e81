"""What the gateway promises, as OpenAPI: the paths, what they take, and every answer they can give."""

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field

from pipeline.edge.gateway import bodies
from pipeline.edge.gateway.changes import Noted
from pipeline.edge.gateway.problem import MEDIA_TYPE, Problem
from pipeline.edge.gateway.webhook import PATH as WEBHOOK_PATH

SUMMARY = "Takes alerts from monitors; a success means that they are durable."
_JSON = "application/json"


class Accepted(BaseModel):
    """The alerts are durable."""

    accepted: int = Field(description="alerts taken from this body")
    truncated: int = Field(description="alerts that the source says it left out of this body (truncatedAlerts)")


@dataclass(frozen=True)
class PostDoc:
    """One path that takes alerts."""

    name: str
    source: str
    summary: str
    description: str
    content: dict[str, Any]

    def route(self) -> dict[str, Any]:
        """The arguments of FastAPI's route that document it."""
        return {
            "summary": self.summary,
            "description": f"{self.description}\n\n{_ALL_BODIES}",
            "tags": ["alerts"],
            "response_model": Accepted,
            "response_description": "The alerts are durable.",
            "responses": REFUSALS,
            "openapi_extra": {
                "requestBody": {"required": True, "content": self.content},
                "parameters": [_TENANT],
            },
        }


_ALL_BODIES = (
    "If some items of a body are no alert, the good ones are kept and the answer is 400 with `kept`; do not send it "
    "again. If nothing is usable it is kept aside with the reason, for people to look at. A body without alerts "
    "is fine and leaves no trace. `Content-Encoding: gzip` is understood."
)
_TENANT = {
    "name": "X-Pagesieve-Tenant",
    "in": "header",
    "required": False,
    "description": "whose alerts they are",
    "schema": {"type": "string", "maxLength": 128},
}
POSTS = {
    "/v1/alertmanager": PostDoc(
        name="alertmanager",
        source="alertmanager",
        summary="Alertmanager's webhook",
        description="The body of Alertmanager's `webhook_configs`, version 4.",
        content={_JSON: {"schema": bodies.ALERTMANAGER}},
    ),
    "/api/v2/alerts": PostDoc(
        name="prometheus",
        source="prometheus",
        summary="What Prometheus sends to an Alertmanager",
        description=(
            "Prometheus' `alerting.alertmanagers` may point here directly. An `endsAt` in the future is a lease: "
            "if it is not renewed, the alert resolves at that time."
        ),
        content={_JSON: {"schema": bodies.PROMETHEUS}},
    ),
    "/v1/events": PostDoc(
        name="events",
        source="canonical",
        summary="Canonical events",
        description="One event, an array of events, or one event a line (NDJSON); which of them, the content says.",
        content={
            _JSON: {"schema": {"oneOf": [bodies.EVENT, {"type": "array", "items": bodies.EVENT}]}},
            "application/x-ndjson": {"schema": {"type": "string", "description": "one event a line"}},
        },
    ),
}


def answers(description: str) -> dict[str, Any]:
    """What OpenAPI says of an answer that is a problem."""
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


_RETRY_AFTER = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
_UNAUTHORIZED = answers("No or wrong token.")
_NOT_READY = {**answers("The log does not answer."), "headers": _RETRY_AFTER}
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: answers("Something in the body is no alert; `field` names the first of it, `kept` counts the good ones."),
    401: _UNAUTHORIZED,
    403: answers("The request comes from a web page (it has an Origin header)."),
    413: answers("The body is too large, as sent or once inflated."),
    415: answers("The Content-Encoding is neither gzip nor absent."),
    500: answers("Pagesieve failed; the alerts may not be durable, send them again."),
    503: {
        **answers("The log does not answer, too much is in flight, or the body came too slowly; send it again."),
        "headers": _RETRY_AFTER,
    },
}
CHANGES: dict[str, Any] = {
    "summary": "Changes: deploys, flags, configurations",
    "description": (
        "PagerDuty's change event, whose routing key is not looked at, or the plain form; one, an array, or one a "
        "line. A change is shown with the incidents that open soon after it for the same service; it never pages."
    ),
    "tags": ["changes"],
    "status_code": 202,
    "response_model": Noted,
    "response_description": "The changes are durable.",
    "responses": REFUSALS,
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                _JSON: {
                    "schema": {
                        "oneOf": [
                            bodies.CHANGE,
                            bodies.CHANGE_EVENT,
                            {"type": "array", "items": {"oneOf": [bodies.CHANGE, bodies.CHANGE_EVENT]}},
                        ]
                    }
                },
                "application/x-ndjson": {"schema": {"type": "string", "description": "one change a line"}},
            },
        },
        "parameters": [_TENANT],
    },
}
_STATUS = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}
PROBES: dict[str, dict[str, Any]] = {
    "/healthz": {
        "name": "healthz",
        "summary": "The process is alive",
        "tags": ["operations"],
        "responses": {200: {"description": "Alive.", "content": {_JSON: {"schema": _STATUS}}}},
    },
    "/readyz": {
        "name": "readyz",
        "summary": "Alerts can be taken: the log answers",
        "description": "The log is asked at most once a second, however often this is.",
        "tags": ["operations"],
        "responses": {200: {"description": "Ready.", "content": {_JSON: {"schema": _STATUS}}}, 503: _NOT_READY},
    },
    "/metrics": {
        "name": "metrics",
        "summary": "Metrics in Prometheus' text format",
        "tags": ["operations"],
        "responses": {
            200: {"description": "The metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}},
            401: _UNAUTHORIZED,
        },
    },
}
_OPEN = ("/healthz", "/readyz", WEBHOOK_PATH)


def describe(app: FastAPI, *, requires_token: bool) -> None:
    """Let `app` answer /openapi.json with what FastAPI cannot know: the problem's schema and who needs a token."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            _add_components(document, requires_token)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _add_components(document: dict[str, Any], requires_token: bool) -> None:
    document["components"]["schemas"]["Problem"] = Problem.model_json_schema()
    if not requires_token:
        return
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "basic": {"type": "http", "scheme": "basic", "description": "the password is the token; any user name"},
    }
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["security"] = [] if path in _OPEN else [{"bearer": []}, {"basic": []}]
