"""Changes are told to every partition of `alerts`, as silences are, so that a replay hears them where triage did."""

import time
from http import HTTPStatus

import structlog
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline import metrics
from pipeline.codec import encode
from pipeline.edge.gateway import body
from pipeline.edge.gateway.access import client_of
from pipeline.edge.gateway.admission import Admission, Slot
from pipeline.edge.gateway.appending import append, broadcast
from pipeline.edge.gateway.intake import tenant_of
from pipeline.edge.gateway.problem import Kind, Problem, respond, shorten
from pipeline.errors import Rejected
from pipeline.log.entry import Broadcaster, Draft
from pipeline.settings import Settings
from pipeline.sources.changes import Heard, read_changes
from schemas import Control
from schemas import Rejected as RejectedRecord
from schemas.topics import REJECTED

PATH = "/v1/changes"
SOURCE = "changes"
MAX_REQUESTS = 16  # at once: a change is written to every partition
MAX_BYTES = 512 * 1024  # of a body, as PagerDuty has it; triage keeps what is in it

logger = structlog.get_logger("pagesieve.gateway")


class Noted(BaseModel):
    """The changes are durable. The words are those of PagerDuty, whose clients may look for them."""

    status: str = "success"
    message: str = "Change event processed"
    accepted: int = Field(description="changes taken from this body")


class ChangeIntake:
    """Takes changes into the log."""

    def __init__(self, log: Broadcaster, settings: Settings) -> None:
        self._log = log
        self._timeout_s = settings.append_timeout_s
        limit = min(MAX_BYTES, settings.max_body_bytes)
        self._settings = settings.model_copy(update={"max_body_bytes": limit})
        self._admission = Admission(MAX_REQUESTS, settings.max_bytes_in_flight)

    async def take(self, request: Request) -> Response:
        """Answer one request. Raises Refusal if the body could not be looked at, or the log does not take it."""
        is_compressed = body.is_compressed(request.headers)
        with self._admission.admit() as slot:
            value = await body.read(request, self._settings, slot)
            now_ms = time.time_ns() // 1_000_000
            try:
                if is_compressed:
                    value = self._inflated(value, slot)
                heard = read_changes(value, now_ms, tenant_of(request.headers))
            except Rejected as exc:
                heard = Heard([], [exc])
            for change in heard.changes:
                await broadcast(self._log, Control(at_ms=now_ms, change=change), self._timeout_s)
            metrics.GATEWAY_CHANGES.inc(len(heard.changes))
            if heard.rejected:
                return await self._reject(value, heard, now_ms, client_of(request.scope))
            noted = Noted(accepted=len(heard.changes))
            return JSONResponse(noted.model_dump(), HTTPStatus.ACCEPTED)

    def _inflated(self, wire: bytes, slot: Slot) -> bytes:
        return body.inflate(wire, self._settings.max_body_bytes, slot)

    async def _reject(self, value: bytes, heard: Heard, now_ms: int, client: str | None) -> Response:
        """Keep aside what is no change, and say what is wrong with the first of it."""
        first, kind = heard.rejected[0], Kind.MALFORMED
        record = RejectedRecord.of(value, source=SOURCE, reason=first.reason, where=first.where, at_ms=now_ms)
        record = record.model_copy(update={"items": len(heard.rejected)})
        await append(self._log, [Draft(REJECTED.name, SOURCE, encode(record))], self._timeout_s)
        metrics.GATEWAY_REJECTED.labels(SOURCE).inc(len(heard.rejected))
        logger.warning(
            "rejected",
            source=SOURCE,
            where=shorten(first.where),
            reason=shorten(first.reason),
            rejected=len(heard.rejected),
            kept=len(heard.changes),
            client=client,
        )
        return respond(
            Problem(
                type=kind.uri,
                title="Something in the body is no change",
                status=kind.status,
                detail=shorten(str(first)),
                field=shorten(first.where) or None,
                kept=len(heard.changes),
                rejected=len(heard.rejected),
            )
        )
