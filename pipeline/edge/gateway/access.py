"""Every request leaves one line and one count, and no exception of ours leaves as anything but a bare 500."""

import time
import traceback

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline import metrics
from pipeline.edge.gateway.problem import Kind, answer, shorten

logger = structlog.get_logger("pagesieve.gateway")


class Access:
    """The outermost layer: access log, metrics, and the last resort."""

    def __init__(self, app: ASGIApp, endpoints: frozenset[str]) -> None:
        self._app = app
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = "disconnected"
        started_s = time.perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientDisconnect:
            pass  # counted and logged below; there is nobody to answer
        except Exception as exc:
            # The frames without the message: an exception may quote the body that it failed on.
            frames = traceback.format_tb(exc.__traceback__)
            logger.error("gateway_fault", path=shorten(scope["path"]), error=type(exc).__name__, frames=frames)  # noqa: TRY400 - see above
            if status == "disconnected":
                await answer(Kind.FAULT, "it is logged; try again")(scope, receive, watch)
        finally:
            self._record(scope, status, time.perf_counter() - started_s)

    def _record(self, scope: Scope, status: str, seconds: float) -> None:
        endpoint = _endpoint(scope, self._endpoints)
        metrics.GATEWAY_REQUESTS.labels(endpoint, status).inc()
        metrics.GATEWAY_REQUEST_SECONDS.labels(endpoint).observe(seconds)
        logger.debug(
            "request",
            method=scope["method"],
            path=shorten(scope["path"]),
            status=status,
            took_ms=round(seconds * 1000, 2),
            client=client_of(scope),
        )


def _endpoint(scope: Scope, endpoints: frozenset[str]) -> str:
    """The path as the table of routes has it, without what a client chose in it."""
    route = scope.get("route")  # Starlette leaves it here once it has found one
    path = scope["path"] if route is None else route.path
    return path if path in endpoints else "other"


def client_of(scope: Scope) -> str | None:
    """The address of whoever sent the request."""
    client = scope.get("client")
    return client[0] if client else None
