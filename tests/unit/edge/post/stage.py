"""A webhook and a mail server on loopback: real HTTP, real SMTP, real TLS, and answers that a test chooses."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.integration.real import free_ports

AUTHORITY = trustme.CA()
USER, PASSWORD = "report", "correct horse battery staple"


@dataclass
class Hook:
    """What was posted, and what is answered: the first of `answers` first, then 200."""

    port: int = 0
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    silent: threading.Event | None = None  # while it is not set, nothing is answered

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/T0/B0/s3cr3t"


@contextmanager
def hook() -> Iterator[Hook]:
    found = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            found.headers.append({name.lower(): value for name, value in self.headers.items()})
            if found.silent:
                found.silent.wait(30)
                return
            status, headers, body = found.answers.pop(0) if found.answers else (200, {}, b"ok")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield found
    finally:
        if found.silent:
            found.silent.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Mailbox:
    """What was delivered, to whom, and whether over TLS; `answers` are given to DATA first, then it is taken."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)

    # The names are aiosmtpd's.
    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        self.recipients.append(list(envelope.rcpt_tos))
        self.was_encrypted.append(session.ssl is not None)
        return "250 OK"


@contextmanager
def mail_server(*, has_tls: bool = True) -> Iterator[Mailbox]:
    box = Mailbox()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)

    def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _how: str, said: Any) -> AuthResult:
        assert isinstance(said, LoginPassword)
        return AuthResult(success=(said.login, said.password) == (USER.encode(), PASSWORD.encode()), handled=False)

    [box.port] = free_ports(1)
    controller = Controller(
        box, hostname="127.0.0.1", port=box.port, tls_context=context if has_tls else None, require_starttls=has_tls,
        authenticator=authenticate, auth_require_tls=has_tls,
    )  # fmt: skip
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
