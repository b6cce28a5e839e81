"""Who may talk to the gateway: whoever shows one of the tokens, or, without tokens, only this machine."""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Iterable

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.edge.gateway.access import client_of
from pipeline.edge.gateway.problem import Kind, answer, shorten
from pipeline.errors import Misuse
from pipeline.settings import Settings, secrets_in

logger = structlog.get_logger("pagesieve.gateway")
OPEN_PATHS = frozenset({"/healthz", "/readyz"})  # probes carry no secrets and learn none
_READING = frozenset({"GET", "HEAD"})
_SIGNING = b"pagesieve web session 1"
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="pagesieve", Basic realm="pagesieve"'}


def check_exposure(host: str, settings: Settings) -> bool:
    """Whether the gateway must ask for a token when it listens on `host`.

    It must beyond loopback, and wherever there are tokens. Raises Misuse if it must and there is none.
    """
    has_tokens = bool(Tokens.of(settings))
    if not has_tokens and not is_loopback(host):
        raise Misuse(
            f"listening on {host or 'every address'} lets others send alerts: "
            "set PAGESIEVE_TOKENS or PAGESIEVE_TOKENS_FILE, or listen on 127.0.0.1"
        )
    return has_tokens


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`. Raises Misuse if the name means nothing here."""
    if not host:
        return False
    try:
        found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Misuse(f"cannot listen on {host!r}: no such host") from None
    addresses = [ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in found]
    return all((getattr(address, "ipv4_mapped", None) or address).is_loopback for address in addresses)


class Tokens:
    """The tokens that open the gateway; several at once, so that they can be rotated. Only their hashes are kept."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self._digests = [_digest(token.encode()) for token in tokens]

    @classmethod
    def of(cls, settings: Settings) -> "Tokens":
        """The tokens that `settings` name. Raises Misuse if the file cannot be read."""
        return cls(secrets_in(settings.tokens, settings.tokens_file, "PAGESIEVE_TOKENS"))

    def __bool__(self) -> bool:
        return bool(self._digests)

    def keys(self) -> list[bytes]:
        """A key of each token, to sign with: who takes a token away ends all that was signed for it."""
        return [hmac.digest(known, _SIGNING, "sha256") for known in self._digests]

    def key_of(self, secret: bytes) -> bytes | None:
        """The key of the token that `secret` is, if it is one."""
        digest = _digest(secret)
        right = [hmac.compare_digest(digest, known) for known in self._digests]
        return next((key for key, is_it in zip(self.keys(), right, strict=True) if is_it), None)

    def opens(self, authorization: str) -> bool:
        """Whether an Authorization header shows a token: as bearer, or as the password of basic with any user name."""
        scheme, _, shown = authorization.partition(" ")
        secret = shown.strip().encode("latin-1")  # the bytes as they came: Starlette reads headers as latin-1
        if scheme.lower() == "basic":
            try:
                secret = base64.b64decode(secret, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif scheme.lower() != "bearer":
            return False
        digest = _digest(secret)
        # A list: every token is compared, so the time does not tell which one matched.
        return any([hmac.compare_digest(digest, known) for known in self._digests])  # noqa: C419 - see above


class Auth:
    """Lets a request pass if it shows a token; every path is closed, also one yet unknown, but for two kinds.

    Those in OPEN_PATHS, and those in `signed`, where the body's signature says whose it is: who takes it asks for that.
    """

    def __init__(self, app: ASGIApp, tokens: Tokens | None, signed: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._tokens = tokens
        self._signed = signed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            headers = Headers(scope=scope)
            tokens = None if scope["path"] in self._signed else self._tokens
            if tokens is not None and not tokens.opens(headers.get("authorization", "")):
                detail = "send a token as Authorization: Bearer, or as the password of Basic"
                _tell(Kind.UNAUTHORIZED, scope)
                await answer(Kind.UNAUTHORIZED, detail, _CHALLENGE)(scope, receive, send)
                return
            # Without tokens any page open in a browser on this machine could post here. Browsers always name the
            # page in Origin on whatever may change something; monitors never do.
            if scope["method"] not in _READING and "origin" in headers:
                _tell(Kind.FROM_BROWSER, scope)
                await answer(Kind.FROM_BROWSER, "the request has an Origin header")(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _tell(kind: Kind, scope: Scope) -> None:
    # A monitor with an old token goes silent for ever, so the operator has to see it here.
    logger.warning("refused", problem=kind.uri, path=shorten(scope["path"]), client=client_of(scope))


def _digest(token: bytes) -> bytes:
    # compare_digest leaks lengths; hashes all have the same.
    return hashlib.sha256(token).digest()
