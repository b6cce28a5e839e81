"""What the gateway promises to whoever tells what people did: PagerDuty's webhooks, and marks."""

from typing import Any

from pipeline.edge.gateway.contract import REFUSALS, answers
from pipeline.edge.gateway.outcomes import Recorded
from pipeline.edge.gateway.signature import HEADER
from pipeline.edge.gateway.webhook import Heard
from pipeline.sources.outcomes import LONGEST, LONGEST_NOTE, MOST_TOGETHER
from schemas import Verdict

_TIME = {"type": "string", "format": "date-time"}
_OUTCOME: dict[str, Any] = {
    "type": "object",
    "title": "PostedOutcome",
    "required": ["incident_id", "verdict", "by"],
    "properties": {
        "incident_id": {"type": "string", "pattern": "^inc[0-9]+:[0-9a-f]{20}$"},
        "verdict": {"type": "string", "enum": [verdict.value for verdict in Verdict]},
        "by": {"type": "string", "minLength": 1, "maxLength": LONGEST, "description": "who says so"},
        "note": {"type": "string", "maxLength": LONGEST_NOTE},
        "at": {**_TIME, "description": "when; now if absent. Give it where you may send the same twice."},
        "is_person": {"type": "boolean", "default": True, "description": "a person is believed before a program"},
    },
    "examples": [
        {"incident_id": "inc1:e9dc6358fc2f3a6efa44", "verdict": "not_actionable", "by": "ada", "note": "a backup"}
    ],
}
_SEVERAL = {"type": "array", "items": _OUTCOME, "maxItems": MOST_TOGETHER}
_WRAPPED = {"type": "object", "required": ["outcomes"], "properties": {"outcomes": _SEVERAL}}
OUTCOMES: dict[str, Any] = {
    "summary": "What people did about incidents, or judge them to be",
    "description": (
        "One outcome or an array of them; all are taken, or none. The incident shows what was done last and what it "
        "was judged to be last, a person's before a program's. Nothing is paged for it. An id that no incident in the "
        "log has is taken too, as of an older one, and named in `unknown`."
    ),
    "tags": ["outcomes"],
    "status_code": 202,
    "response_model": Recorded,
    "response_description": "They are durable.",
    "responses": {**REFUSALS, 400: answers("Something in the body is no outcome; `field` names it. None is taken.")},
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"oneOf": [_OUTCOME, _SEVERAL, _WRAPPED]}}},
        }
    },
}
WEBHOOK: dict[str, Any] = {
    "summary": "PagerDuty's V3 webhooks",
    "description": (
        "Signed with one of PAGESIEVE_PAGERDUTY_WEBHOOK_SECRETS, and so without a token. What is nothing to pagesieve "
        "is answered 202 too: PagerDuty stops sending after three that are refused."
    ),
    "tags": ["outcomes"],
    "status_code": 202,
    "response_model": Heard,
    "response_description": "What it tells is durable, or is nothing to pagesieve.",
    "responses": {
        200: {"model": Heard, "description": "To a `pagey.ping`."},
        **{status: answer for status, answer in REFUSALS.items() if status != 401},
        400: answers("It is no event, or of too long ago; `field` names what is wrong."),
        403: answers("No signature fits the body and a secret, or the request comes from a web page."),
        404: answers("No secret is set."),
    },
    "openapi_extra": {
        "parameters": [
            {
                "name": HEADER,
                "in": "header",
                "required": True,
                "description": "`v1=` and the HMAC-SHA256 of the body in hex; several with commas between",
                "schema": {"type": "string"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object", "required": ["event"]}}},
        },
    },
}
