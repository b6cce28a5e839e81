"""A body goes to a webhook whose address is a secret: it stands in no log line and no error, only the host does.

    2xx                                    it was taken
    408, 425, 429, 5xx, network, time-out  later, with waits that double; Retry-After is obeyed
    any other                              refused, and said in the service's own words

Redirects are not followed: they would carry the secret to another host. A time-out after the whole body was sent may
mean that it was taken, so that a chat may show a report twice; none is lost for fear of that.
"""

import html
import time
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import httpx
from pydantic import SecretStr

from pipeline.edge.pagerduty import retry_after_ms
from pipeline.edge.post.patience import Later, Patience
from pipeline.errors import Misuse

_ANSWER_LIMIT = 2048  # bytes of an answer that are read
_LEAST_SECRET = 6  # characters
_LATER = {408, 425, 429}
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Webhook(NamedTuple):
    """Where to: `name` is what people call it, `variable` the setting that its address came from."""

    name: str
    variable: str
    url: SecretStr
    token: SecretStr | None = None


def post(webhook: Webhook, body: bytes, patience: Patience) -> None:
    """Post `body`, which is JSON. Raises Misuse if it is refused or the address is none, Missing if nobody takes it."""
    host = _host(webhook)
    headers = {"content-type": "application/json", "user-agent": "pagesieve"}
    if webhook.token:
        headers["authorization"] = f"Bearer {webhook.token.get_secret_value()}"
    with httpx.Client(timeout=patience.timeout_s, follow_redirects=False) as client:
        patience.persist(f"{webhook.name} at {host}", lambda: _attempt(client, webhook, (body, headers), patience))


def _attempt(client: httpx.Client, webhook: Webhook, what: tuple[bytes, dict[str, str]], patience: Patience) -> None:
    body, headers = what
    try:
        with client.stream("POST", webhook.url.get_secret_value(), content=body, headers=headers) as response:
            if response.is_success:
                return
            said = _words(_beginning(response, patience.timeout_s), webhook)
    except httpx.TimeoutException:
        raise Later(f"no answer within {patience.timeout_s:g} s") from None
    except httpx.HTTPError as exc:  # its own words may hold the address
        raise Later(f"it cannot be reached ({type(exc).__name__})") from None
    if response.status_code in _LATER or response.is_server_error:
        after_ms = retry_after_ms(response.headers.get("retry-after"), time.time_ns() // 1_000_000)
        raise Later(f"it answered {response.status_code}{said}", after_ms / 1000)
    raise Misuse(
        f"{webhook.name} at {_host(webhook)} refused it with {response.status_code}{said}; see {webhook.variable}"
    )


def _host(webhook: Webhook) -> str:
    """The host, which is no secret. Raises Misuse where the address is none that a secret may go to."""
    try:
        parts = urlsplit(webhook.url.get_secret_value())
        host, _ = parts.hostname, parts.port
        httpx.URL(webhook.url.get_secret_value())
    except (ValueError, httpx.InvalidURL):
        raise Misuse(f"{webhook.variable} is no address") from None
    if not host or parts.scheme not in {"http", "https"}:
        raise Misuse(f"{webhook.variable} must be an address that begins with https://")
    token = webhook.token.get_secret_value() if webhook.token else ""
    if not (token.isascii() and token.isprintable()):
        raise Misuse(f"{webhook.variable.removesuffix('_URL')}_TOKEN is none: it has other characters than ASCII's")
    if parts.scheme != "https" and host not in _LOOPBACK:
        raise Misuse(f"{webhook.variable} must be https: its address is a secret")
    return host


def _beginning(response: httpx.Response, timeout_s: float) -> bytes:
    """The first of an answer; of one that trickles, what came in time."""
    until_s, answered = time.monotonic() + timeout_s, b""
    for chunk in response.iter_bytes():
        answered += chunk
        if len(answered) > _ANSWER_LIMIT or time.monotonic() > until_s:
            break
    return answered[:_ANSWER_LIMIT]


def _words(answered: bytes, webhook: Webhook) -> str:
    words = " ".join(answered.decode(errors="replace").split())
    for secret in sorted(_secrets(webhook), key=len, reverse=True):
        words = words.replace(secret, "(the secret)")
    shown = "".join(mark for mark in words if mark.isprintable())[:200]
    return f": {shown}" if shown else ""


def _secrets(webhook: Webhook) -> Iterator[str]:
    """The address, the token, and what is long enough in them to be secret: servers repeat what was asked."""
    url = webhook.url.get_secret_value()
    parts = urlsplit(url)
    values = [one.partition("=")[2] for one in parts.query.split("&")]
    several = [part for part in (*parts.path.split("/"), *values) if len(part) >= _LEAST_SECRET]
    whole = [url, parts.path.strip("/"), parts.query, webhook.token.get_secret_value() if webhook.token else ""]
    for secret in filter(None, (*whole, *several)):
        yield from {secret, unquote(secret), html.escape(secret), html.escape(unquote(secret))}
