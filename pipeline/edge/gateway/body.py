"""A body from outside never costs more than the limits say: not in bytes, not in time, not once it is inflated."""

import asyncio
import zlib

from starlette.datastructures import Headers
from starlette.requests import Request

from pipeline import metrics
from pipeline.edge.gateway.admission import Slot
from pipeline.edge.gateway.problem import Kind, Refusal
from pipeline.errors import Rejected
from pipeline.settings import Settings

_GZIP = 16 + zlib.MAX_WBITS  # zlib's way to say: with a gzip header and trailer


async def read(request: Request, settings: Settings, slot: Slot) -> bytes:
    """The body as it came over the wire. Raises Refusal: too large, too slow, too much in flight."""
    limit = settings.max_body_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(settings.body_timeout_s):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
                slot.hold(len(chunk))
                chunks.append(chunk)
    except TimeoutError:
        metrics.GATEWAY_UNAVAILABLE.labels("slow_body").inc()
        # Not 408: Alertmanager would give the notification up, and the network may have been to blame.
        raise Refusal(Kind.SLOW_BODY, f"the whole body must arrive within {settings.body_timeout_s:g} s") from None
    return b"".join(chunks)


def is_compressed(headers: Headers) -> bool:
    """Whether the body is gzip; anything else but plain is refused. Raises Refusal."""
    encodings = [name.strip().lower() for name in ",".join(headers.getlist("content-encoding")).split(",")]
    named = [name for name in encodings if name not in ("", "identity")]
    if not named:
        return False
    if named in (["gzip"], ["x-gzip"]):
        return True
    raise Refusal(Kind.ENCODING, "Content-Encoding may be gzip, or absent", {"Accept-Encoding": "gzip"})


def inflate(wire: bytes, limit: int, slot: Slot) -> bytes:
    """The body of one gzip stream. Raises Refusal if it inflates beyond `limit`, Rejected if it is not gzip."""
    stream = zlib.decompressobj(_GZIP)
    try:
        body = stream.decompress(wire, limit + 1)
    except zlib.error:
        raise Rejected("the body is not gzip", "Content-Encoding") from None
    if len(body) > limit:
        raise _too_large(limit)
    if not stream.eof or stream.unused_data:
        raise Rejected("the body is not one whole gzip stream", "Content-Encoding")
    slot.hold(len(body))
    return body


def _too_large(limit: int) -> Refusal:
    return Refusal(Kind.TOO_LARGE, f"a body may have {limit} bytes, also once it is inflated")
