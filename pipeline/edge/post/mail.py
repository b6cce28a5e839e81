"""A letter goes to a mail server over TLS, unless somebody said in so many words that it may go in the clear.

    connection, time-out, 4xx   later, with waits that double
    certificate, 5xx            refused, and said in the server's own words
    some recipients refused     the others have it; those who have not are named

It keeps its Message-ID, which is derived from what it says, so that mail programs show a letter once that was sent
twice.
"""

import hashlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from typing import Literal, NamedTuple

from pydantic import SecretStr

from pipeline.edge.post.patience import Later, Patience
from pipeline.errors import Misuse

Security = Literal["starttls", "tls", "none"]
PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class MailServer(NamedTuple):
    """Where to, who from and for whom."""

    host: str
    sender: str
    recipients: tuple[str, ...]
    port: int | None = None
    security: Security = "starttls"
    user: str | None = None
    password: SecretStr | None = None


class Letter(NamedTuple):
    """What it says, and one file beside it."""

    subject: str
    text: str
    name: str
    html: str


def send(server: MailServer, letter: Letter, patience: Patience) -> None:
    """Send it. Raises Misuse if it is refused or cannot be right, Missing if the server is not there for it."""
    if server.user and server.security == "none" and server.host not in _LOOPBACK:
        raise Misuse("PAGESIEVE_POST_SMTP_SECURITY=none would send the password in the clear: use starttls or tls")
    message = _message(server, letter)
    patience.persist(f"mail by {server.host}", lambda: _attempt(server, message, patience))


def _message(server: MailServer, letter: Letter) -> EmailMessage:
    for address in (server.sender, *server.recipients):
        if "@" not in parseaddr(address)[1]:
            raise Misuse(f"PAGESIEVE_POST_MAIL_FROM and …_MAIL_TO: {address!r} is no address")
    message = EmailMessage(policy=SMTP)
    try:
        message["From"], message["To"] = server.sender, ", ".join(server.recipients)
        message["Subject"] = letter.subject
    except ValueError as exc:
        raise Misuse(f"PAGESIEVE_POST_MAIL_FROM and …_MAIL_TO: {exc}") from None
    digest = hashlib.blake2b((letter.html + letter.text).encode(), digest_size=12).hexdigest()
    message["Message-ID"] = f"<pagesieve.{digest}@{parseaddr(server.sender)[1].rpartition('@')[2]}>"
    message["Date"] = formatdate(usegmt=True)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office reply, please
    message.set_content(letter.text)
    message.add_attachment(letter.html, subtype="html", filename=letter.name)
    return message


def _attempt(server: MailServer, message: EmailMessage, patience: Patience) -> None:
    try:
        with _connected(server, patience) as connection:
            refused = connection.send_message(message)
    except smtplib.SMTPRecipientsRefused as exc:
        raise _verdict(server, *next(iter(exc.recipients.values()))) from None
    except smtplib.SMTPNotSupportedError as exc:
        raise Misuse(f"mail by {server.host}: {exc} (PAGESIEVE_POST_SMTP_SECURITY is {server.security})") from None
    except smtplib.SMTPResponseException as exc:
        raise _verdict(server, exc.smtp_code, exc.smtp_error) from None
    except ssl.SSLCertVerificationError as exc:
        raise Misuse(f"mail by {server.host}: its certificate is not trusted: {exc.verify_message}") from None
    except (OSError, smtplib.SMTPException) as exc:
        raise Later(f"it cannot be reached ({type(exc).__name__})") from None
    if refused:
        raise Misuse(f"mail by {server.host}: all have it but {', '.join(sorted(refused))}, who were refused")


@contextmanager
def _connected(server: MailServer, patience: Patience) -> Iterator[smtplib.SMTP]:
    port, timeout_s = server.port or PORTS[server.security], patience.timeout_s
    trusted = ssl.create_default_context()
    connection = (
        smtplib.SMTP_SSL(server.host, port, timeout=timeout_s, context=trusted)
        if server.security == "tls"
        else smtplib.SMTP(server.host, port, timeout=timeout_s)
    )
    try:
        if server.security == "starttls":
            connection.starttls(context=trusted)
        if server.user:
            _log_in(connection, server)
        yield connection
        _part(connection)
    finally:
        connection.close()


def _log_in(connection: smtplib.SMTP, server: MailServer) -> None:
    user, password = server.user or "", server.password.get_secret_value() if server.password else ""
    connection.ehlo_or_helo_if_needed()
    try:
        if "PLAIN" in connection.esmtp_features.get("auth", "").upper().split():
            # `login` would try what was refused again by every other way that the server offers.
            connection.user, connection.password = user, password
            connection.auth("PLAIN", connection.auth_plain)
        else:
            connection.login(user, password)
    except smtplib.SMTPServerDisconnected:
        # Some hang up on a wrong password instead of saying so; to try it again and again locks an account.
        why = f"mail by {server.host} hung up at the log-in: see PAGESIEVE_POST_SMTP_USER and …_SMTP_PASSWORD"
        raise Misuse(why) from None


def _part(connection: smtplib.SMTP) -> None:
    try:
        connection.quit()
    except (OSError, smtplib.SMTPException):
        return  # it has the letter; how it says good-bye is its own affair


def _verdict(server: MailServer, code: int, said: bytes | str) -> Misuse | Later:
    words = " ".join((said.decode(errors="replace") if isinstance(said, bytes) else said).split())[:200]
    shown = "".join(mark for mark in words if mark.isprintable())
    if server.password and server.password.get_secret_value():
        shown = shown.replace(server.password.get_secret_value(), "(the password)")
    if 400 <= code < 500:
        return Later(f"it answered {code}: {shown}")
    return Misuse(f"mail by {server.host} was refused with {code}: {shown}")
