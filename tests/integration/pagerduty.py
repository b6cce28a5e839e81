"""A loopback Events API v2 that enforces PagerDuty's rules, keeps incidents as PagerDuty does, and can misbehave.

with PagerDutyEndpoint() as pagerduty:
    pagerduty.url                                     # real HTTP, on a free port of 127.0.0.1
    pagerduty.misbehave(Throttle(retry_after="1"), times=5)
    pagerduty.misbehave(Hang(), times=1, when=lambda event: event["event_action"] == "resolve")
    pagerduty.opened("inc1:abc")                      # how often people were paged for it: 1, if all is well
    pagerduty.incidents()                             # every incident ever opened, in order
    pagerduty.requests                                # every request, with what was answered
    pagerduty.wait_until(lambda: pagerduty.opened("inc1:abc") == 1)
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import pytest

from tests.integration.pagerduty_rules import Event, event_errors
from tests.integration.real import PATIENCE_S

ROUTING_KEY = "0123456789abcdef0123456789abcdef"  # any 32 characters will do
HANG_LIMIT_S = 60.0


@dataclass(frozen=True)
class Status:
    """Answer with this status and do nothing."""

    status: int
    body: str = ""


@dataclass(frozen=True)
class Throttle:
    """Answer 429 and do nothing."""

    retry_after: str | None = None


@dataclass(frozen=True)
class Hang:
    """Do nothing and answer nothing, until the endpoint is released or closed."""


@dataclass(frozen=True)
class Drop:
    """Do nothing and close the connection."""


@dataclass(frozen=True)
class AcceptThenStall:
    """Take the event as always, but withhold the answer until released: the caller never learns of it."""


Misbehaviour = Status | Throttle | Hang | Drop | AcceptThenStall


@dataclass
class Incident:
    """An incident as PagerDuty keeps it: from a trigger until its resolve."""

    dedup_key: str
    routing_key: str
    summary: str
    severity: str
    is_open: bool = True
    triggers: int = 1
    is_acknowledged: bool = False


@dataclass(frozen=True)
class Request:
    """One request and its answer; status 0: none was given."""

    event: Event
    status: int
    at: float

    @property
    def action(self) -> str:
        return str(self.event.get("event_action", ""))

    @property
    def dedup_key(self) -> str:
        return str(self.event.get("dedup_key", ""))


@dataclass
class _Order:
    what: Misbehaviour
    times: int
    when: Callable[[Event], bool]


@dataclass
class PagerDutyEndpoint:
    """The endpoint: a server in a thread of its own. Use it as a context manager, or `start` and `close`."""

    requests: list[Request] = field(default_factory=list)
    routing_keys: set[str] | None = None  # those that it knows; None: every one of 32 characters
    _incidents: list[Incident] = field(default_factory=list)
    _orders: list[_Order] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _released: threading.Event = field(default_factory=threading.Event)
    _server: ThreadingHTTPServer | None = None

    def start(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.endpoint = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def close(self) -> None:
        self.release()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def url(self) -> str:
        assert self._server is not None, "the endpoint is not started"
        return f"http://127.0.0.1:{self._server.server_port}/v2/enqueue"

    def misbehave(self, what: Misbehaviour, times: int = 1, when: Callable[[Event], bool] = lambda _: True) -> None:
        """The next `times` requests of which `when` is true get `what`; earlier orders go first."""
        with self._lock:
            self._released.clear()
            self._orders.append(_Order(what, times, when))

    def release(self) -> None:
        """Forget every order and let those who hang or stall go."""
        with self._lock:
            self._orders.clear()
            self._released.set()

    def incidents(self) -> list[Incident]:
        """Every incident ever opened, in order."""
        with self._lock:
            return list(self._incidents)

    def opened(self, dedup_key: str) -> int:
        """How many incidents were ever opened for this key."""
        return sum(incident.dedup_key == dedup_key for incident in self.incidents())

    def is_open(self, dedup_key: str) -> bool:
        """Whether an incident of this key is open now."""
        return any(incident.dedup_key == dedup_key and incident.is_open for incident in self.incidents())

    def accepted(self, action: str | None = None, dedup_key: str | None = None) -> list[Request]:
        """The requests that were taken, of one action or incident if told so."""
        with self._lock:
            return [
                request
                for request in self.requests
                if request.status == 202 and action in {None, request.action} and dedup_key in {None, request.dedup_key}
            ]

    def wait_until(self, is_so: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        """Return once `is_so`; fail with what arrived if it never is. For async tests: run it in a thread."""
        until = time.monotonic() + timeout_s
        while not is_so():
            if time.monotonic() > until:
                seen = [(request.action, request.dedup_key, request.status) for request in self.requests]
                raise AssertionError(f"not within {timeout_s} s; requests so far: {seen}")
            time.sleep(0.02)

    def take(self, body: bytes) -> tuple[int, bytes, Misbehaviour | None]:
        """One request: its status (0: drop it), its answer, and what was ordered for it."""
        event = _parsed(body)
        with self._lock:
            order = self._order_for(event)
            errors = self._errors(event, body)
            if order is not None and not isinstance(order, AcceptThenStall):
                status, answer = _misbehaved(order)
            elif errors:
                status, answer = 400, _json(status="invalid event", message="Event object is invalid", errors=errors)
            else:
                self._apply(event)
                status, answer = (
                    202,
                    _json(status="success", message="Event processed", dedup_key=str(event["dedup_key"])),
                )
            self.requests.append(Request(event, status, time.monotonic()))
        return status, answer, order

    def wait_for_release(self) -> None:
        self._released.wait(HANG_LIMIT_S)

    def _order_for(self, event: Event) -> Misbehaviour | None:
        for order in self._orders:
            if order.times > 0 and order.when(event):
                order.times -= 1
                return order.what
        return None

    def _apply(self, event: Event) -> None:
        key, action = str(event["dedup_key"]), event["event_action"]
        open_ones = [incident for incident in self._incidents if incident.dedup_key == key and incident.is_open]
        if action == "trigger":
            payload = event["payload"]
            if open_ones:
                open_ones[0].triggers += 1
            else:
                new = Incident(key, event["routing_key"], payload["summary"], payload["severity"])
                self._incidents.append(new)
        for incident in open_ones:
            incident.is_open = incident.is_open and action != "resolve"
            incident.is_acknowledged = incident.is_acknowledged or action == "acknowledge"

    def _errors(self, event: Event, body: bytes) -> list[str]:
        errors = event_errors(event, len(body))
        if self.routing_keys is not None and event.get("routing_key") not in self.routing_keys:
            errors.append("Invalid routing key")
        return errors


@pytest.fixture
def pagerduty() -> Iterator[PagerDutyEndpoint]:
    """A loopback PagerDuty of its own for each test."""
    with PagerDutyEndpoint() as endpoint:
        yield endpoint


def _misbehaved(what: Misbehaviour) -> tuple[int, bytes]:
    match what:
        case Status(status, body):
            return status, body.encode()
        case Throttle():
            return 429, b""
        case _:
            return 0, b""


def _headers(what: Misbehaviour | None) -> dict[str, str]:
    return {"Retry-After": what.retry_after} if isinstance(what, Throttle) and what.retry_after else {}


def _parsed(body: bytes) -> Event:
    try:
        event = json.loads(body)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _json(**answer: object) -> bytes:
    return json.dumps(answer).encode()


class _Server(ThreadingHTTPServer):
    endpoint: PagerDutyEndpoint
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that was killed while we answered it is part of the scene."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        if self.path != "/v2/enqueue":
            self._answer(404, b"", {})
            return
        status, answer, order = self.server.endpoint.take(body)
        if isinstance(order, Hang | AcceptThenStall):
            self.server.endpoint.wait_for_release()
        if status == 0 or isinstance(order, AcceptThenStall):
            self.close_connection = True
            return
        self._answer(status, answer, _headers(order))

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the tests read `requests`."""
