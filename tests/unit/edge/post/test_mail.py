"""The report reaches people by mail over TLS, in the clear only where that was asked for, and the password nobody."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from pipeline.edge.post import Letter, MailServer, Patience, send
from pipeline.errors import Missing, Misuse
from tests.unit.edge.post.stage import AUTHORITY, PASSWORD, USER, Mailbox, mail_server

LETTER = Letter(
    "On call 2026-W47: 40 pages", "40 pages, 17 at night: \u221223", "2026-W47.html", "<h1>On call \u2212</h1>"
)


@pytest.fixture(name="box")
def _box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with mail_server() as found:
        yield found


@pytest.fixture(name="waits")
def _waits() -> list[float]:
    return []


def server(box: Mailbox, **more: object) -> MailServer:
    said = {"port": box.port, "user": USER, "password": SecretStr(PASSWORD)} | more
    to = ("a@example.com", "b@example.com")
    return MailServer("127.0.0.1", "Pagesieve <pagesieve@example.com>", to, **said)  # type: ignore[arg-type]  # a test names the fields


def test_it_arrives_over_tls_as_text_with_the_whole_report_beside(box: Mailbox, waits: list[float]) -> None:
    send(server(box), LETTER, Patience(sleep=waits.append))
    [letter] = box.letters
    assert box.was_encrypted == [True]
    assert box.recipients == [["a@example.com", "b@example.com"]]
    assert letter["Subject"] == LETTER.subject
    text = letter.get_body(("plain",))
    assert text
    assert text.get_content().strip() == LETTER.text
    [beside] = letter.iter_attachments()
    assert (beside.get_filename(), beside.get_content_type()) == ("2026-W47.html", "text/html")
    assert beside.get_content().strip() == LETTER.html
    assert waits == []


def test_a_letter_that_is_sent_again_is_the_same_letter(box: Mailbox, waits: list[float]) -> None:
    for _ in range(2):
        send(server(box), LETTER, Patience(sleep=waits.append))
    first, second = box.letters
    assert first["Message-ID"] == second["Message-ID"]


def test_a_server_that_is_busy_is_asked_again(box: Mailbox, waits: list[float]) -> None:
    box.answers = ["451 try later", "452 disk full"]
    send(server(box), LETTER, Patience(sleep=waits.append))
    assert len(box.letters) == 1
    assert waits == [1, 2]


def test_what_is_refused_is_said_in_the_words_of_the_server(box: Mailbox, waits: list[float]) -> None:
    box.answers = ["554 we do not like it"]
    with pytest.raises(Misuse, match=r"mail by 127.0.0.1 was refused with 554: we do not like it"):
        send(server(box), LETTER, Patience(sleep=waits.append))
    assert waits == []


def test_one_unknown_address_does_not_keep_the_letter_from_the_others(box: Mailbox, waits: list[float]) -> None:
    box.unknown = {"a@example.com"}
    with pytest.raises(Misuse, match=r"all have it but a@example.com"):
        send(server(box), LETTER, Patience(sleep=waits.append))
    assert box.recipients == [["b@example.com"]]


def test_a_wrong_password_is_misuse_and_nobody_reads_it(box: Mailbox, waits: list[float]) -> None:
    with capture_logs() as logged, pytest.raises(Misuse, match="refused with 535") as raised:
        send(server(box, password=SecretStr("hunter2")), LETTER, Patience(sleep=waits.append))
    assert "hunter2" not in str(raised.value) + str(logged)
    assert waits == []  # tried again and again it would lock the account


def test_a_certificate_of_nobody_known_is_not_trusted(
    box: Mailbox, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Misuse, match="its certificate is not trusted"):
        send(server(box), LETTER, Patience(sleep=waits.append))
    assert box.letters == []


def test_a_server_without_tls_gets_nothing_unless_that_was_said(waits: list[float]) -> None:
    with mail_server(has_tls=False) as box:
        with pytest.raises(Misuse, match=r"STARTTLS .*\(PAGESIEVE_POST_SMTP_SECURITY is starttls\)"):
            send(server(box, user=None), LETTER, Patience(sleep=waits.append))
        assert box.letters == []
        send(server(box, user=None, security="none"), LETTER, Patience(sleep=waits.append))
        assert box.was_encrypted == [False]


def test_a_password_goes_nowhere_in_the_clear_but_to_loopback(waits: list[float]) -> None:
    server_ = MailServer("mail.example", "a@example.com", ("b@example.com",), security="none", user="u")
    with pytest.raises(Misuse, match="in the clear"):
        send(server_, LETTER, Patience(sleep=waits.append))


def test_no_server_is_tried_five_times_and_then_said(waits: list[float]) -> None:
    with pytest.raises(Missing, match=r"mail by 127.0.0.1: it cannot be reached \(ConnectionRefusedError\); tried 5"):
        send(MailServer("127.0.0.1", "a@example.com", ("b@example.com",), port=1), LETTER, Patience(sleep=waits.append))
    assert waits == [1, 2, 4, 8]


@pytest.mark.parametrize("address", ["nobody", "a@example.com\nBcc: c@example.com", ""])
def test_what_is_no_address_is_misuse(address: str, waits: list[float]) -> None:
    with pytest.raises(Misuse, match="PAGESIEVE_POST_MAIL_FROM and …_MAIL_TO"):
        send(MailServer("127.0.0.1", "a@example.com", (address,), port=1), LETTER, Patience(sleep=waits.append))
