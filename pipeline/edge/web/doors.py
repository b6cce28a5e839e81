"""Who may look and mark: whoever logged in with a token, whom a trusted proxy names, or, with neither, this machine.

| set | who is let in |
| --- | --- |
| nothing, on loopback | whoever reaches it under a name of this machine |
| tokens | who logs in with one |
| `PAGESIEVE_WEB_USER_HEADER` and `…_TRUSTED_PROXIES` | whom a proxy at one of these addresses names, beside the above |
"""

import ipaddress
import time
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

from pipeline.edge.gateway.access import client_of
from pipeline.edge.gateway.auth import Tokens, is_loopback
from pipeline.edge.web.session import COOKIE, name_of, readable_name
from pipeline.errors import Misuse
from pipeline.settings import Settings

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class Who(NamedTuple):
    """Who asks. `name` is empty where nobody had to say: then each mark says who makes it."""

    name: str
    has_session: bool = False


class Doors:
    """Decides who comes in."""

    def __init__(self, settings: Settings) -> None:
        """Raises Misuse where a header would be believed from anybody, or a network is none."""
        self.tokens = Tokens.of(settings)
        self.keys = self.tokens.keys()
        self.header = settings.web_user_header
        self._trusted = _networks(settings.web_trusted_proxies)
        if self.header and not self._trusted:
            raise Misuse("PAGESIEVE_WEB_USER_HEADER needs PAGESIEVE_WEB_TRUSTED_PROXIES: who may send it")
        if settings.web_origin and self.is_open and _hostname(_host_of(settings.web_origin) or "") not in _HERE:
            raise Misuse("PAGESIEVE_WEB_ORIGIN needs PAGESIEVE_TOKENS or PAGESIEVE_WEB_USER_HEADER: others come by it")
        self._origin = settings.web_origin
        self._host = _host_of(settings.web_origin) if settings.web_origin else None

    @property
    def is_open(self) -> bool:
        """Whether nobody has to say who they are."""
        return not self.tokens and not self.header

    def who(self, scope: Scope, headers: Headers) -> Who | None:
        """Who sends the request; None if that is not known."""
        if self.is_open:
            return Who("")
        if self.header and self._is_trusted(client_of(scope)):
            named = headers.getlist(self.header)
            name = readable_name(named[0]) if len(named) == 1 else None
            if name is not None:
                return Who(name)
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        name = name_of(cookie, self.keys, int(time.time())) if cookie else None
        return None if name is None else Who(name, has_session=True)

    def knows_host(self, headers: Headers) -> bool:
        """Whether the address under which it is asked for may be ours.

        Where everybody here is let in, a page elsewhere could give its own name our address, and read: so then only
        names of this machine count.
        """
        host = headers.get("host", "")
        return not self.is_open or host == self._host or _hostname(host) in _HERE

    def is_ours(self, headers: Headers) -> bool:
        """Whether what changes something comes from a page of ours: browsers say from which in Origin."""
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return False
        origin = headers.get("origin", "")
        host = _host_of(origin)
        return host is not None and host in (headers.get("host", "").lower(), self._host)

    def is_secure(self, scope: Scope) -> bool:
        """Whether cookies may be kept from plain HTTP."""
        return scope.get("scheme") == "https" or (self._origin or "").startswith("https://")

    def address_of(self, scope: Scope, headers: Headers) -> str | None:
        """Where the request comes from: behind proxies that are trusted, what the outermost of them saw.

        Each adds at the end whom it saw; what stands before that a stranger may have written.
        """
        address = client_of(scope)
        named = ",".join(headers.getlist("x-forwarded-for")).split(",")
        while named and self._is_trusted(address):
            before = named.pop().strip()
            if _ip(before) is None:
                break
            address = before
        return address

    def _is_trusted(self, address: str | None) -> bool:
        found = _ip(address)
        return found is not None and any(found in network for network in self._trusted)


def check_web_exposure(host: str, settings: Settings) -> Doors:
    """The doors of a page that listens on `host`. Raises Misuse if beyond loopback nobody would have to log in."""
    doors = Doors(settings)
    if doors.is_open and not is_loopback(host):
        raise Misuse(
            f"listening on {host or 'every address'} shows incidents to others: set PAGESIEVE_TOKENS or "
            "PAGESIEVE_TOKENS_FILE, or PAGESIEVE_WEB_USER_HEADER, or listen on 127.0.0.1"
        )
    return doors


def _ip(address: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _networks(said: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(one.strip(), strict=False) for one in said.split(",") if one.strip()]
    except ValueError as exc:
        raise Misuse(f"PAGESIEVE_WEB_TRUSTED_PROXIES: {exc}") from None


def _host_of(origin: str) -> str | None:
    """`host[:port]` of an origin, as the Host header has it; None for `null` and what is no origin."""
    scheme, separator, host = origin.partition("://")
    return host.rstrip("/").lower() if separator and scheme in {"http", "https"} and host else None


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
