"""A request that is answered before its body has come is read on for a moment, or a reset would destroy the answer.

Closing a socket that still has unread bytes makes the kernel reset the connection, and the client loses an answer
that it has not read yet: a 413 would look like a network error, which Alertmanager retries for ever.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DRAIN_S = 1.0
DRAIN_BYTES = 16 * 1024 * 1024


class AnswerEarly:
    """Sends the answer at once, drains the rest of the body within bounds, then closes the connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or not _has_body(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        has_ended = False

        async def watch() -> Message:
            nonlocal has_ended
            message = await receive()
            has_ended = not message.get("more_body", False)
            return message

        async def reply(message: Message) -> None:
            if has_ended:
                await send(message)
            elif message["type"] == "http.response.start":
                await send({**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]})
            elif message.get("more_body", False):
                await send(message)
            else:
                await send({**message, "more_body": True})
                await _drain(receive)
                await send({"type": "http.response.body", "body": b""})

        await self._app(scope, watch, reply)


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def _drain(receive: Receive) -> None:
    left = DRAIN_BYTES
    try:
        async with asyncio.timeout(DRAIN_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return
