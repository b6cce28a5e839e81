"""The gateway: HTTP in, records out. Which paths there are, and in which layers a request is wrapped, stands here."""

from collections.abc import Awaitable, Callable

import structlog
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.edge.gateway import changes, outcomes, webhook
from pipeline.edge.gateway.access import Access, client_of
from pipeline.edge.gateway.alertmanager.api import AlertmanagerApi
from pipeline.edge.gateway.alertmanager.routes import PATHS, SILENCE, add_routes
from pipeline.edge.gateway.auth import Auth, Tokens
from pipeline.edge.gateway.changes import ChangeIntake
from pipeline.edge.gateway.contract import CHANGES, POSTS, PROBES, SUMMARY, PostDoc, describe
from pipeline.edge.gateway.contract_of_outcomes import OUTCOMES, WEBHOOK
from pipeline.edge.gateway.early import AnswerEarly
from pipeline.edge.gateway.intake import Intake
from pipeline.edge.gateway.outcomes import OutcomeIntake
from pipeline.edge.gateway.problem import Kind, Refusal, answer, shorten
from pipeline.edge.gateway.webhook import WebhookIntake
from pipeline.edge.readiness import Readiness
from pipeline.errors import Misuse
from pipeline.log.entry import Broadcaster
from pipeline.metrics import GATEWAY_READY
from pipeline.settings import Settings

logger = structlog.get_logger("pagesieve.gateway")


def create_gateway(
    log: Broadcaster, settings: Settings, *, requires_token: bool, api: AlertmanagerApi | None = None
) -> FastAPI:
    """The gateway as an ASGI app that writes to `log`; whoever made the log closes it.

    With `api` it also answers as an Alertmanager does, to people and amtool. `requires_token` is what
    `auth.check_exposure` said about the address. Raises Misuse if tokens are required and there are none.
    """
    tokens = Tokens.of(settings) if requires_token else None
    if tokens is not None and not tokens:
        raise Misuse("tokens are required, but neither PAGESIEVE_TOKENS nor PAGESIEVE_TOKENS_FILE holds one")
    app = FastAPI(
        title="pagesieve gateway",
        summary=SUMMARY,
        # The generated pages load their scripts from a CDN; /openapi.json is enough for any viewer.
        docs_url=None,
        redoc_url=None,
        # A redirect would hide a wrong address in a monitor's configuration; a 404 shows it.
        redirect_slashes=False,
    )
    _route_posts(app, Intake(log, settings))
    _route_told(app, log, settings, api)
    if api is not None:
        add_routes(app, api)
    _route_probes(app, Readiness(log, settings.append_timeout_s))
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _no_such)
    # The last one added is the outermost.
    app.add_middleware(Auth, tokens=tokens, signed=frozenset({webhook.PATH}))
    app.add_middleware(AnswerEarly)
    told = (changes.PATH, outcomes.PATH, webhook.PATH)
    app.add_middleware(Access, endpoints=frozenset({*POSTS, *told, *PROBES, *PATHS, SILENCE, "/openapi.json"}))
    describe(app, requires_token=requires_token)
    return app


def _route_posts(app: FastAPI, intake: Intake) -> None:
    for path, doc in POSTS.items():
        app.add_api_route(path, _post(intake, doc), methods=["POST"], name=doc.name, **doc.route())


def _route_told(app: FastAPI, log: Broadcaster, settings: Settings, api: AlertmanagerApi | None) -> None:
    """What is told of alerts and incidents, and is none."""
    board = None if api is None else api.board
    for path, take, documented in (
        (changes.PATH, ChangeIntake(log, settings).take, CHANGES),
        (outcomes.PATH, OutcomeIntake(log, settings, board).take, OUTCOMES),
        (webhook.PATH, WebhookIntake(log, settings, board).take, WEBHOOK),
    ):
        app.add_api_route(path, take, methods=["POST"], name=path.removeprefix("/v1/"), **documented)


def _post(intake: Intake, doc: PostDoc) -> Callable[[Request], Awaitable[Response]]:
    async def post(request: Request) -> Response:
        return await intake.take(doc.source, request)

    return post


def _route_probes(app: FastAPI, readiness: Readiness) -> None:
    async def healthz() -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz() -> Response:
        trouble = await readiness.trouble()
        GATEWAY_READY.set(trouble is None)
        if trouble is None:
            return JSONResponse({"status": "ready"})
        # The reason may name brokers, and this path is open to everyone: it stays in our own log.
        logger.warning("not_ready", error=trouble)
        return answer(Kind.LOG_AWAY, "no alerts can be taken now")

    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    for path, handler in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics)):
        app.add_api_route(path, handler, methods=["GET"], **PROBES[path])


async def _refused(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, Refusal)  # noqa: S101 - registered for this type only; the signature is Starlette's
    if exc.kind.status < 500:
        path, client = shorten(request.url.path), client_of(request.scope)
        logger.warning("refused", problem=exc.kind.uri, detail=exc.detail, path=path, client=client)
    return answer(exc.kind, exc.detail, exc.headers)


async def _no_such(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)  # noqa: S101 - likewise
    if exc.status_code == 405:
        return answer(Kind.NOT_ALLOWED, f"{request.method} is not for this path", exc.headers)
    return answer(Kind.NOT_FOUND, f"alerts are posted to {', '.join(POSTS)}")
