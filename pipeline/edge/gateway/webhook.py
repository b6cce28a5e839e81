"""PagerDuty's webhooks become outcomes, if PagerDuty signed them and what they tell is not long past.

PagerDuty sends an event up to five times until it is answered 2xx, and gives it up on a 4xx; after three given up in a
row it sends nothing for a day. So whatever it has signed and is nothing to us is answered 202.
"""

import time
from http import HTTPStatus

import structlog
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline import metrics
from pipeline.edge.gateway import body
from pipeline.edge.gateway.access import client_of
from pipeline.edge.gateway.admission import Admission
from pipeline.edge.gateway.alertmanager.board import Board
from pipeline.edge.gateway.naming import Naming
from pipeline.edge.gateway.outcomes import malformed, record
from pipeline.edge.gateway.problem import Kind, Refusal, respond, shorten
from pipeline.edge.gateway.signature import HEADER, Secrets
from pipeline.errors import Rejected
from pipeline.log.entry import Broadcaster
from pipeline.settings import Settings
from pipeline.sources.pagerduty import PING, Webhook, outcome_of, read_webhook

PATH = "/v1/pagerduty/webhook"
MAX_REQUESTS = 16  # at once
MAX_BYTES = 512 * 1024  # of a body; PagerDuty sends none above 256 KB

logger = structlog.get_logger("pagesieve.gateway")


class Heard(BaseModel):
    """What became of a webhook."""

    status: str = Field(description="`recorded`, `ignored`, or `pong`")
    why: str | None = Field(default=None, description="if it was ignored")
    id: str | None = Field(default=None, description="of the outcome; the same however often the event is sent")


class WebhookIntake:
    """Takes PagerDuty's webhooks into the log; `board`, where there is one, knows from there what names it used."""

    def __init__(self, log: Broadcaster, settings: Settings, board: Board | None) -> None:
        self._log = log
        self._secrets = Secrets.of(settings)
        self._board = board
        self._naming = Naming() if board is None else board.naming
        self._settings = settings.model_copy(update={"max_body_bytes": min(MAX_BYTES, settings.max_body_bytes)})
        self._admission = Admission(MAX_REQUESTS, settings.max_bytes_in_flight)

    async def take(self, request: Request) -> Response:
        """Answer one request. Raises Refusal if it is not PagerDuty's, or the log does not take what it tells."""
        if not self._secrets:
            raise Refusal(Kind.NOT_FOUND, "PAGESIEVE_PAGERDUTY_WEBHOOK_SECRETS is not set")
        if body.is_compressed(request.headers):
            raise Refusal(Kind.ENCODING, "PagerDuty sends its webhooks as it signs them: plain")
        with self._admission.admit() as slot:
            value = await body.read(request, self._settings, slot)
            if not self._secrets.have_signed(value, request.headers.getlist(HEADER)):
                _count("unsigned")
                raise Refusal(Kind.UNSIGNED, f"no signature in {HEADER} fits the body and a secret of ours")
            now_ms = time.time_ns() // 1_000_000
            try:
                webhook = read_webhook(value)
                self._check_age(webhook, now_ms)
            except Rejected as exc:
                return _rejected(exc, client_of(request.scope))
            return await self._hear(webhook, now_ms)

    def _check_age(self, webhook: Webhook, now_ms: int) -> None:
        """Nobody may send again at any time what he once overheard. Raises Rejected."""
        limit_s = self._settings.pagerduty_webhook_max_age_s
        past_s = (now_ms - webhook.occurred_at_ms) / 1000
        if abs(past_s) > limit_s:
            when = "past" if past_s > 0 else "future"
            raise Rejected(f"is more than {limit_s:g} s in the {when}", "event.occurred_at")

    async def _hear(self, webhook: Webhook, now_ms: int) -> Response:
        if webhook.kind == PING:
            return _answer(Heard(status="pong"), HTTPStatus.OK)
        if webhook.incident_id is not None and webhook.known_as is not None:
            self._naming.learn(webhook.known_as, webhook.incident_id)
        if webhook.verdict is None:
            return _ignored("nobody did anything about an incident", webhook)
        incident_id = webhook.incident_id or self._naming.find(webhook.known_as)
        if incident_id is None:
            if self._board is not None and not self._board.is_current:
                raise Refusal(Kind.LOG_AWAY, "incidents are still being read; send it again")
            return _ignored("pagesieve does not know its incident", webhook)
        outcome = outcome_of(webhook, webhook.verdict, incident_id, now_ms)
        await record(self._log, [outcome], now_ms, self._settings.append_timeout_s)
        return _answer(Heard(status="recorded", id=outcome.id))


def _answer(heard: Heard, status: HTTPStatus = HTTPStatus.ACCEPTED) -> Response:
    _count(heard.status)
    return JSONResponse(heard.model_dump(exclude_none=True), status)


def _ignored(why: str, webhook: Webhook) -> Response:
    logger.info("webhook ignored", kind=webhook.kind, why=why, known_as=webhook.known_as)
    return _answer(Heard(status="ignored", why=why))


def _rejected(exc: Rejected, client: str | None) -> Response:
    _count("rejected")
    logger.warning("rejected", source="pagerduty", where=shorten(exc.where), reason=shorten(exc.reason), client=client)
    return respond(malformed(exc, "The webhook cannot be taken"))


def _count(result: str) -> None:
    metrics.GATEWAY_WEBHOOKS.labels(result).inc()
