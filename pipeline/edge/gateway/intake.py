"""A body is answered with success only once it is durable; this file turns one request into one record.

The body goes to `alerts.raw` as it came (inflated, if it was gzip). It is parsed here only to tell the sender what is
wrong with it: the normalise step reads it again and is the one that splits good items from bad.
"""

import asyncio
import time
from dataclasses import dataclass

import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline import metrics, sources
from pipeline.codec import encode
from pipeline.core.timestamp import rfc3339
from pipeline.edge.gateway import body
from pipeline.edge.gateway.access import client_of
from pipeline.edge.gateway.admission import Admission
from pipeline.edge.gateway.appending import append
from pipeline.edge.gateway.problem import Kind, Problem, respond, shorten
from pipeline.errors import Rejected
from pipeline.log.entry import Draft, Writer
from pipeline.settings import Settings
from pipeline.sources import Parsed
from schemas import Rejected as RejectedRecord
from schemas.topics import RAW, REJECTED

TENANT_HEADER = "X-Pagesieve-Tenant"
MAX_TENANT = 128  # characters
THREAD_FROM_BYTES = 64 * 1024  # above it parsing takes milliseconds, in which probes and small bodies would wait

logger = structlog.get_logger("pagesieve.gateway")


@dataclass(frozen=True)
class Arrival:
    """Where and when a body has arrived whole."""

    source: str
    received_at_ms: int
    client: str | None


class Intake:
    """Takes bodies into the log."""

    def __init__(self, log: Writer, settings: Settings) -> None:
        self._log = log
        self._settings = settings
        self._admission = Admission(settings.max_requests, settings.max_bytes_in_flight)
        self._one_large = asyncio.Lock()  # threads share one interpreter: two at once would only need twice the memory

    async def take(self, source: str, request: Request) -> Response:
        """Answer one request. Raises Refusal if the body could not be looked at, or the log does not take it."""
        is_compressed = body.is_compressed(request.headers)
        with self._admission.admit() as slot:
            wire = await body.read(request, self._settings, slot)
            now_ms = time.time_ns() // 1_000_000
            arrival = Arrival(source, now_ms, client_of(request.scope))
            value = wire
            try:
                if is_compressed:
                    value = body.inflate(wire, self._settings.max_body_bytes, slot)
                tenant = tenant_of(request.headers)
                parsed = await self._parse(arrival, value)
            except Rejected as exc:
                return await self._reject(arrival, value, Parsed([], [exc.bare()]))
            return await self._keep(arrival, tenant, value, parsed)

    async def _parse(self, arrival: Arrival, value: bytes) -> Parsed:
        if len(value) < THREAD_FROM_BYTES:
            return sources.parse(arrival.source, value, arrival.received_at_ms)
        async with self._one_large:
            return await asyncio.to_thread(sources.parse, arrival.source, value, arrival.received_at_ms)

    async def _keep(self, arrival: Arrival, tenant: str | None, value: bytes, parsed: Parsed) -> Response:
        if not parsed.claims:
            return await self._reject(arrival, value, parsed) if parsed.rejected else _accepted(parsed)
        headers = {"source": arrival.source, "received_at": rfc3339(arrival.received_at_ms)}
        if tenant is not None:
            headers["tenant"] = tenant
        await append(self._log, [Draft(RAW.name, arrival.source, value, headers)], self._settings.append_timeout_s)
        _count(arrival, parsed)
        return _malformed(parsed) if parsed.rejected else _accepted(parsed)

    async def _reject(self, arrival: Arrival, value: bytes, parsed: Parsed) -> Response:
        first = parsed.rejected[0]
        where = shorten(first.where)  # it quotes the sender's keys, and the record has a limit
        record = RejectedRecord.of(
            value, source=arrival.source, reason=first.reason, where=where, at_ms=arrival.received_at_ms
        )
        draft = Draft(REJECTED.name, arrival.source, encode(record))
        await append(self._log, [draft], self._settings.append_timeout_s)
        _count(arrival, parsed)
        return _malformed(parsed)


def tenant_of(headers: Headers) -> str | None:
    """Whose alerts they are, as the sender's proxy says; absent and empty are nobody's. Raises Rejected."""
    said = headers.getlist(TENANT_HEADER)
    if len(said) > 1:
        raise Rejected("is given more than once", TENANT_HEADER)
    tenant = said[0].strip() if said else ""
    if len(tenant) > MAX_TENANT or not tenant.isprintable():
        raise Rejected(f"must be at most {MAX_TENANT} printable characters", TENANT_HEADER)
    return tenant or None


def _count(arrival: Arrival, parsed: Parsed) -> None:
    metrics.GATEWAY_ALERTS.labels(arrival.source).inc(len(parsed.claims))
    if parsed.truncated > 0:
        metrics.GATEWAY_TRUNCATED.labels(arrival.source).inc(parsed.truncated)
        logger.warning("alerts_truncated", source=arrival.source, truncated=parsed.truncated, client=arrival.client)
    if parsed.rejected:
        metrics.GATEWAY_REJECTED.labels(arrival.source).inc(len(parsed.rejected))
        logger.warning(
            "rejected",
            source=arrival.source,
            where=shorten(parsed.rejected[0].where),
            reason=shorten(parsed.rejected[0].reason),
            rejected=len(parsed.rejected),
            kept=len(parsed.claims),
            client=arrival.client,
        )


def _accepted(parsed: Parsed) -> Response:
    return JSONResponse({"accepted": len(parsed.claims), "truncated": parsed.truncated})


def _malformed(parsed: Parsed) -> Response:
    first = parsed.rejected[0]
    kind = Kind.MALFORMED
    return respond(
        Problem(
            type=kind.uri,
            title=kind.title,
            status=kind.status,
            detail=shorten(str(first)),
            field=shorten(first.where) or None,
            kept=len(parsed.claims),
            rejected=len(parsed.rejected),
        )
    )
