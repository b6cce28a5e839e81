"""Every answer of PagerDuty's Events API v2 becomes one of four: accepted, refused, later, throttled.

    2xx                              accepted
    400, 413, 422                    refused: this body will never be taken; to the rejected topic, and the next goes on
    429                              throttled: the limit is per routing key, so the key pauses; Retry-After is obeyed
    5xx, network error, time-out     later: the world is not ready
    401, 403, 404, other 3xx, 4xx    later, and an operator is needed: the address, a proxy or the key is wrong, not the
    400 that speaks of the key       page. To throw it away for a mistake in the settings would be a problem without a
    no routing key                   page

Redirects are not followed: they would carry the key to another host.
"""

import asyncio
import email.utils
import re
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import orjson

from pipeline.edge.delivery import Answer, AnswerKind
from pipeline.edge.pagerduty_body import body_of
from pipeline.edge.routing import RoutingKeys
from pipeline.errors import Misuse
from schemas import Page

REQUEST_TIMEOUT_S = 15.0
_ANSWER_LIMIT = 4096  # bytes of an answer that are read
_REFUSED = {400, 413, 422}
# "Invalid routing key", "Length of 'routing_key' is incorrect (should be 32 characters)": as PagerDuty says it.
_OF_THE_KEY = re.compile(r"routing.?key", re.IGNORECASE)


class PagerDuty:
    """Delivers pages to the Events API v2 at `url`."""

    def __init__(
        self, url: str, keys: RoutingKeys, now_ms: Callable[[], int], timeout_s: float = REQUEST_TIMEOUT_S
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
            raise Misuse("PAGESIEVE_PAGERDUTY_URL must be https: a routing key goes over it")
        self._url = url
        self._keys = keys
        self._now_ms = now_ms
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(timeout=timeout_s, follow_redirects=False)

    def lane(self, page: Page) -> str:
        """The routing key's name; never the key."""
        return self._keys.route(page.payload.custom_details.team).lane

    async def deliver(self, page: Page) -> Answer:
        """Post one page."""
        key = self._keys.route(page.payload.custom_details.team).key
        if key is None:
            note = "neither the team nor the default has a routing key"
            return Answer(AnswerKind.LATER, "no_key", note, needs_operator=True)
        try:
            async with asyncio.timeout(self._timeout_s):  # httpx's own limits are per read, so a trickle has no end
                return await self._post(body_of(page, key.get_secret_value()), key.get_secret_value())
        except (httpx.TimeoutException, TimeoutError):
            return Answer(AnswerKind.LATER, "timeout")
        except httpx.HTTPError as exc:
            return Answer(AnswerKind.LATER, "network", type(exc).__name__)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _post(self, body: bytes, secret: str) -> Answer:
        headers = {"content-type": "application/json"}
        async with self._client.stream("POST", self._url, content=body, headers=headers) as response:
            answered = b""
            async for chunk in response.aiter_bytes():
                answered += chunk
                if len(answered) > _ANSWER_LIMIT:
                    break
        note = _words(answered[:_ANSWER_LIMIT], secret)
        return _answer(response, note, self._now_ms())


def _answer(response: httpx.Response, note: str, now_ms: int) -> Answer:
    status = response.status_code
    if response.is_success:
        return Answer(AnswerKind.ACCEPTED, str(status))
    if status in _REFUSED and not _OF_THE_KEY.search(note):
        return Answer(AnswerKind.REFUSED, str(status), note)
    wait_ms = retry_after_ms(response.headers.get("retry-after"), now_ms)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Answer(AnswerKind.THROTTLED, str(status), retry_after_ms=wait_ms)
    is_setting = not response.is_server_error and status != httpx.codes.REQUEST_TIMEOUT
    return Answer(AnswerKind.LATER, str(status), note, wait_ms, needs_operator=is_setting)


def retry_after_ms(value: str | None, now_ms: int) -> int:
    """A Retry-After header, in seconds or as an HTTP date; 0 where there is none or it is neither."""
    if value is None:
        return 0
    if value.strip().isdecimal() and len(value) < 10:
        return int(value) * 1000
    try:
        at = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return 0
    return max(0, int(at.timestamp() * 1000) - now_ms)


def _words(answered: bytes, secret: str) -> str:
    """PagerDuty's own words: its `errors`, else its `message`, else the start of whatever came."""
    try:
        said = orjson.loads(answered)
        words = "; ".join(map(str, said.get("errors") or [said["message"]]))
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        words = answered.decode(errors="replace")
    return words.replace(secret, "(the key)")[:500]  # in this order: a key that is cut would not be found
