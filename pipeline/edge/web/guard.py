"""Every request passes here first: who is unknown logs in, what comes from elsewhere changes nothing, and every answer
carries the headers that keep a browser from doing what the page does not ask of it.
"""

from http import HTTPStatus
from urllib.parse import urlencode

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.edge.gateway.access import client_of
from pipeline.edge.gateway.auth import OPEN_PATHS
from pipeline.edge.gateway.problem import shorten
from pipeline.edge.web.doors import Doors

ROOT = "/ui"
LOGIN = f"{ROOT}/login"
STATIC = f"{ROOT}/static/"
OPEN_TO_ALL = frozenset({LOGIN, f"{ROOT}/theme", "/metrics"})  # which asks for a token itself
_READING = frozenset({"GET", "HEAD"})
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: browsers then send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
# A link from a chat does not bring our cookie (SameSite=Strict); the same address asked for by our own page does.
_HOP = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0"><title>Pagesieve</title>'

logger = structlog.get_logger("pagesieve.web")


class Secured:
    """The outermost layer: every answer carries SECURITY, but for what it says itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, secured)


class Guard:
    """Who comes in. It leaves who asks in the request's state, as `who`."""

    def __init__(self, app: ASGIApp, doors: Doors) -> None:
        self._app = app
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        is_closed = scope["type"] == "http" and scope["path"] not in OPEN_PATHS
        answer = self._stop(scope, Headers(scope=scope)) if is_closed else None
        await (self._app if answer is None else answer)(scope, receive, send)

    def _stop(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to a request that goes no further."""
        path, is_reading = scope["path"], scope["method"] in _READING
        if not self._doors.knows_host(headers):
            return _refused("ask for it under a name of this machine, such as http://127.0.0.1", scope)
        if not is_reading and not self._doors.is_ours(headers):
            return _refused("the request does not come from a page of pagesieve", scope)
        who = self._doors.who(scope, headers)
        scope.setdefault("state", {})["who"] = who
        if who is not None or path in OPEN_TO_ALL or path.startswith(STATIC):
            return None
        if headers.get("sec-fetch-site") == "cross-site" and is_reading:
            return HTMLResponse(_HOP)
        if not is_reading:
            return PlainTextResponse("log in first", HTTPStatus.UNAUTHORIZED)
        query = scope.get("query_string", b"").decode("latin-1")
        wanted = path + (f"?{query}" if query else "")
        return RedirectResponse(f"{LOGIN}?{urlencode({'next': wanted})}", HTTPStatus.SEE_OTHER)


def _refused(why: str, scope: Scope) -> Response:
    logger.warning("refused", why=why, path=shorten(scope["path"]), client=client_of(scope))
    return PlainTextResponse(why, HTTPStatus.FORBIDDEN)
