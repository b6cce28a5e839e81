"""Every answer that is not a success is problem+json (RFC 9457), and what it may tell is decided here.

Alertmanager retries 5xx and connection errors, but gives a notification up on any 4xx: so a problem of ours or of the
world is always a 5xx, never 408 or 429, and a 4xx means that sending the same again cannot help.
"""

from collections.abc import Mapping
from enum import Enum

from pydantic import BaseModel, Field
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = {"Retry-After": "5"}
MAX_TEXT = 300  # a path into a body contains the sender's own keys, of any length


class Kind(Enum):
    """What went wrong: (status, last part of the type, title)."""

    MALFORMED = (400, "malformed", "Something in the body is no alert")
    UNAUTHORIZED = (401, "unauthorized", "A valid token is needed")
    FROM_BROWSER = (403, "from-browser", "A web page may not send alerts")
    UNSIGNED = (403, "unsigned", "The signature does not fit")
    NOT_FOUND = (404, "not-found", "There is nothing here")
    NOT_ALLOWED = (405, "method-not-allowed", "This endpoint does not take that method")
    TOO_LARGE = (413, "too-large", "The body is too large")
    ENCODING = (415, "content-encoding", "The body's encoding is not supported")
    FAULT = (500, "fault", "Pagesieve failed")
    LOG_AWAY = (503, "log-unavailable", "The log does not answer")
    OVERLOADED = (503, "overloaded", "Too much is in flight")
    SLOW_BODY = (503, "slow-body", "The body came too slowly")

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.value[0]

    @property
    def uri(self) -> str:
        """The problem's type: an identifier, not an address."""
        return f"urn:pagesieve:problem:{self.value[1]}"

    @property
    def title(self) -> str:
        """The problem's title; the same for every occurrence."""
        return self.value[2]


class Problem(BaseModel):
    """A problem+json body."""

    type: str = Field(description="which problem, as a stable identifier", examples=[Kind.MALFORMED.uri])
    title: str
    status: int
    detail: str = Field(description="what happened this time, for a person")
    field: str | None = Field(default=None, description="the field or header at fault, e.g. alerts[2].startsAt")
    kept: int | None = Field(default=None, description="alerts of the body that were good and are kept")
    rejected: int | None = Field(default=None, description="items of the body that are no alert")


class Refusal(Exception):  # a verdict in our glossary, as in pipeline.errors
    """A request ends here with a problem of this `kind`."""

    def __init__(self, kind: Kind, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = headers


def answer(kind: Kind, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer for a problem that lies in no field of the body."""
    return respond(Problem(type=kind.uri, title=kind.title, status=kind.status, detail=detail), headers)


def respond(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """`problem` as a response; every 503 says when to come back."""
    retry = RETRY_AFTER if problem.status == 503 else {}
    return Response(
        problem.model_dump_json(exclude_none=True),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={**retry, **(headers or {})},
    )


def shorten(text: str) -> str:
    """`text` as far as an answer or a log line shows it."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
