"""The page as an ASGI app: which addresses there are, and in which layers a request is wrapped, stands here."""

from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.edge.gateway.access import Access
from pipeline.edge.gateway.early import AnswerEarly
from pipeline.edge.gateway.problem import Refusal
from pipeline.edge.readiness import Readiness
from pipeline.edge.web.beyond import Beyond
from pipeline.edge.web.doors import Doors
from pipeline.edge.web.entering import Entering
from pipeline.edge.web.guard import ROOT, Guard, Secured
from pipeline.edge.web.incidents import Incidents
from pipeline.edge.web.live import Live
from pipeline.edge.web.marking import Marking
from pipeline.edge.web.reading import Reading
from pipeline.edge.web.render import HERE, Pages
from pipeline.log.entry import Broadcaster
from pipeline.settings import Settings

KEPT = {"Cache-Control": "public, max-age=86400"}  # their addresses carry a hash of what they are


def create_web(log: Broadcaster, live: Live, beyond: Beyond, doors: Doors, settings: Settings) -> ASGIApp:
    """The page over `live`, which somebody keeps as the log has it; marks are written to `log`."""
    pages = Pages()
    incidents = Incidents(live, pages, beyond)
    marking = Marking(log, live, pages, doors, settings)
    entering = Entering(doors, pages, settings)
    reading = Reading(pages, beyond, settings)
    routes = [
        Route("/", _home),
        Route(ROOT, _home),
        Route(f"{ROOT}/", incidents.listing),
        Route(f"{ROOT}/incidents/{{incident_id}}", incidents.incident),
        Route(f"{ROOT}/mark", marking.mark, methods=["POST"]),
        Route(f"{ROOT}/report", reading.reports),
        Route(f"{ROOT}/report/{{week}}", reading.report),
        Route(f"{ROOT}/policy", reading.policy, methods=["GET"]),
        Route(f"{ROOT}/policy", reading.explain, methods=["POST"]),
        Route(f"{ROOT}/login", entering.ask, methods=["GET"]),
        Route(f"{ROOT}/login", entering.enter, methods=["POST"]),
        Route(f"{ROOT}/logout", entering.leave, methods=["POST"]),
        Route(f"{ROOT}/theme", entering.theme, methods=["POST"]),
        *_probes(Readiness(log, settings.append_timeout_s), live, doors),
    ]
    endpoints = frozenset(route.path for route in routes)

    async def refused(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, Refusal)  # noqa: S101 - registered for this type only
        status = HTTPStatus(exc.kind.status)
        return pages.page(request, "message", status, title=exc.kind.title, text=exc.detail)

    async def no_such(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, HTTPException)  # noqa: S101 - likewise
        status = HTTPStatus(exc.status_code)
        return pages.page(request, "message", status, title=status.phrase, text="There is nothing here.")

    app = Starlette(
        routes=[*routes, Mount(f"{ROOT}/static", _Kept(directory=HERE / "static"))],
        exception_handlers={Refusal: refused, HTTPException: no_such},
    )
    app.router.redirect_slashes = False
    return Secured(Access(AnswerEarly(Guard(app, doors)), endpoints))


def beside(gateway: ASGIApp, web: ASGIApp) -> ASGIApp:
    """Both under one address: the page has its own folder, and all else is the gateway's."""

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        is_web = path in {"/", ROOT} or path.startswith(f"{ROOT}/")
        await (web if is_web else gateway)(scope, receive, send)

    return either


def _probes(readiness: Readiness, live: Live, doors: Doors) -> list[Route]:
    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        if live.is_current and await readiness.trouble() is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "the log is away, or still being read"}, HTTPStatus.SERVICE_UNAVAILABLE)

    async def metrics(request: Request) -> Response:
        if not doors.is_open and not doors.tokens.opens(request.headers.get("authorization", "")):
            challenge = {"WWW-Authenticate": 'Bearer realm="pagesieve"'}
            return Response("a token is needed", HTTPStatus.UNAUTHORIZED, challenge)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


async def _home(_: Request) -> Response:
    return RedirectResponse(f"{ROOT}/", HTTPStatus.SEE_OTHER)


class _Kept(StaticFiles):
    """Our own files, which a browser may keep."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        if answer.status_code == HTTPStatus.OK:
            answer.headers.update(KEPT)
        return answer
