"""What people did is recorded before triage hears of it: it stands on `outcomes`, then in every partition of `alerts`.

A failure between the two leaves an outcome that triage has not heard, so more pages, never fewer; the sender is told to
send it again, and then it stands on `outcomes` twice with one id.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from http import HTTPStatus

import structlog
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline import metrics
from pipeline.codec import encode
from pipeline.edge.gateway import body
from pipeline.edge.gateway.access import client_of
from pipeline.edge.gateway.admission import Admission
from pipeline.edge.gateway.alertmanager.board import Board
from pipeline.edge.gateway.appending import append, broadcast_all
from pipeline.edge.gateway.problem import Kind, Problem, respond, shorten
from pipeline.errors import Rejected
from pipeline.log.entry import Broadcaster, Draft
from pipeline.settings import Settings
from pipeline.sources.outcomes import read_outcomes
from schemas import Control, Outcome
from schemas.topics import OUTCOMES

PATH = "/v1/outcomes"
MAX_REQUESTS = 16  # at once: an outcome is written to every partition
MAX_BYTES = 1024 * 1024  # of a body
SETTLES_S = 1.0  # so long a new incident may take to be on the board, which asks the log twice a second

logger = structlog.get_logger("pagesieve.gateway")


class Recorded(BaseModel):
    """The outcomes are durable."""

    accepted: int = Field(description="outcomes in this body, all of them taken")
    ids: list[str] = Field(description="theirs, in order; what is sent again has the same, if it says `at`")
    unknown: list[str] | None = Field(
        default=None,
        description="incident ids in this body that no incident in the log has; absent where that cannot be told",
    )


class OutcomeIntake:
    """Takes what people and programs say about incidents into the log; `board`, where there is one, knows which exist.

    One of an id that no incident has is taken too: the incident may be older than what the log keeps. It is said.
    """

    def __init__(self, log: Broadcaster, settings: Settings, board: Board | None) -> None:
        self._log, self._board = log, board
        self._settings = settings.model_copy(update={"max_body_bytes": min(MAX_BYTES, settings.max_body_bytes)})
        self._admission = Admission(MAX_REQUESTS, settings.max_bytes_in_flight)

    async def take(self, request: Request) -> Response:
        """Answer one request. Raises Refusal if the body could not be looked at, or the log does not take it."""
        is_compressed = body.is_compressed(request.headers)
        with self._admission.admit() as slot:
            value = await body.read(request, self._settings, slot)
            now_ms = time.time_ns() // 1_000_000
            try:
                if is_compressed:
                    value = body.inflate(value, self._settings.max_body_bytes, slot)
                outcomes = read_outcomes(value, now_ms)
            except Rejected as exc:
                return _refused(exc, client_of(request.scope))
            await record(self._log, outcomes, now_ms, self._settings.append_timeout_s)
        unknown = await self._unknown({one.incident_id: None for one in outcomes})  # it waits, and holds up nobody
        recorded = Recorded(accepted=len(outcomes), ids=[outcome.id for outcome in outcomes], unknown=unknown)
        if unknown:
            logger.warning("outcomes of no incident", client=client_of(request.scope), incidents=unknown[:10])
        return JSONResponse(recorded.model_dump(exclude_none=True), HTTPStatus.ACCEPTED)

    async def _unknown(self, incident_ids: Iterable[str]) -> list[str] | None:
        """Those that no incident has; one that has just opened may be on its way to the board still."""
        unknown = None if self._board is None else self._board.unknown(incident_ids)
        if unknown and self._board is not None:
            await asyncio.sleep(SETTLES_S)
            unknown = self._board.unknown(unknown)
        return unknown


async def record(log: Broadcaster, outcomes: Sequence[Outcome], now_ms: int, timeout_s: float) -> None:
    """Return once `outcomes` are durable, and triage will hear them. Raises Refusal if it may not be so."""
    if not outcomes:
        return
    drafts = [Draft(OUTCOMES.name, outcome.incident_id, encode(outcome)) for outcome in outcomes]
    await append(log, drafts, timeout_s)
    await broadcast_all(log, [Control(at_ms=now_ms, outcome=outcome) for outcome in outcomes], timeout_s)
    for outcome in outcomes:
        metrics.GATEWAY_OUTCOMES.labels(outcome.via, outcome.verdict.value).inc()
        about = {"id": outcome.id, "incident": outcome.incident_id}
        logger.info("outcome", **about, verdict=outcome.verdict.value, via=outcome.via)


def malformed(exc: Rejected, title: str) -> Problem:
    """The problem of a body that is wrong in one field."""
    kind = Kind.MALFORMED
    detail, field = shorten(str(exc)), shorten(exc.where) or None
    return Problem(type=kind.uri, title=title, status=kind.status, detail=detail, field=field)


def _refused(exc: Rejected, client: str | None) -> Response:
    logger.warning("rejected", source="outcomes", where=shorten(exc.where), reason=shorten(exc.reason), client=client)
    return respond(malformed(exc, "Something in the body is no outcome; none is taken"))
