"""A report reaches a webhook though that stumbles, is not forced on one that refuses it, and gives no secret away."""

import html
import threading
from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from pipeline.edge.post import Patience, Webhook, post
from pipeline.errors import Missing, Misuse
from tests.unit.edge.post.stage import Hook, hook

PRIVATE = "s3cr3t"


@pytest.fixture(name="chat")
def _chat() -> Iterator[Hook]:
    with hook() as found:
        yield found


@pytest.fixture(name="waits")
def _waits() -> list[float]:
    return []


def patience(waits: list[float], **more: float) -> Patience:
    return Patience(sleep=waits.append, timeout_s=more.get("timeout_s", 5.0))


def webhook(url: str, token: str | None = None) -> Webhook:
    return Webhook("Slack", "PAGESIEVE_POST_SLACK_URL", SecretStr(url), SecretStr(token) if token else None)


def test_the_body_arrives_once_as_json_with_the_token(chat: Hook, waits: list[float]) -> None:
    post(webhook(chat.url, "t0ken"), b'{"text":"hello"}', patience(waits))
    assert chat.bodies == [b'{"text":"hello"}']
    assert chat.headers[0]["content-type"] == "application/json"
    assert chat.headers[0]["authorization"] == "Bearer t0ken"
    assert waits == []


def test_what_stumbles_is_tried_again_with_waits_that_double(chat: Hook, waits: list[float]) -> None:
    chat.answers = [(503, {}, b""), (500, {}, b"oops"), (502, {}, b"")]
    post(webhook(chat.url), b"{}", patience(waits))
    assert len(chat.bodies) == 4
    assert waits == [1, 2, 4]


def test_it_waits_as_long_as_it_is_asked_to_and_never_for_hours(chat: Hook, waits: list[float]) -> None:
    chat.answers = [(429, {"retry-after": "7"}, b""), (429, {"retry-after": "9000"}, b"")]
    post(webhook(chat.url), b"{}", patience(waits))
    assert waits == [7, 60]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410, 413])
def test_what_is_refused_is_not_forced_on_it_and_its_words_are_said(
    status: int, chat: Hook, waits: list[float]
) -> None:
    chat.answers = [(status, {"location": "http://127.0.0.1:1/"}, b"channel_is_archived")]
    with pytest.raises(Misuse, match=rf"refused it with {status}: channel_is_archived; see PAGESIEVE"):
        post(webhook(chat.url), b"{}", patience(waits))
    assert len(chat.bodies) == 1


def test_nobody_at_home_is_tried_five_times_and_then_said(waits: list[float]) -> None:
    with pytest.raises(Missing, match=r"Slack at 127.0.0.1: it cannot be reached \(ConnectError\); tried 5 times"):
        post(webhook(f"http://127.0.0.1:1/{PRIVATE}"), b"{}", patience(waits))
    assert waits == [1, 2, 4, 8]


def test_a_service_that_says_nothing_is_left_after_the_time_out(chat: Hook, waits: list[float]) -> None:
    chat.silent = threading.Event()
    with pytest.raises(Missing, match=r"no answer within 0.1 s; tried 5 times"):
        post(webhook(chat.url), b"{}", patience(waits, timeout_s=0.1))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"http://chat.example/{PRIVATE}", "must be https"),
        (f"ftp://chat.example/{PRIVATE}", "begins with https"),
        (PRIVATE, "begins with https"),
        (f"https://[{PRIVATE}", "is no address"),
        (f"https://chat.example:{PRIVATE}/", "is no address"),
        (f"https://chat.example/{PRIVATE}\n", "is no address"),
    ],
)
def test_an_address_that_a_secret_may_not_go_to_is_misuse(url: str, said: str, waits: list[float]) -> None:
    with pytest.raises(Misuse, match=f"PAGESIEVE_POST_SLACK_URL .*{said}") as raised:
        post(webhook(url), b"{}", patience(waits))
    assert PRIVATE not in str(raised.value)


def test_no_error_and_no_log_line_holds_the_secret_even_if_the_service_says_it(chat: Hook, waits: list[float]) -> None:
    told = f"no_service {chat.url} /services/T0/B0/{PRIVATE} t0ken".encode()
    chat.answers = [(500, {}, told), (500, {}, told), (403, {}, told)]
    with capture_logs() as logged, pytest.raises(Misuse) as raised:
        post(webhook(chat.url, "t0ken"), b"{}", patience(waits))
    assert len(logged) == 2
    for text in (str(raised.value), str(logged)):
        assert "no_service" in text
        assert PRIVATE not in text
        assert "t0ken" not in text


@pytest.mark.parametrize("said", ["{path}?{query}", "sig={sig}", "{html}", "signature {plain} is not valid"])
def test_nor_the_signature_that_an_address_ends_with(chat: Hook, waits: list[float], said: str) -> None:
    sig, plain = "TOP%2Bs3cr3t%26more", "TOP+s3cr3t&more"
    query = f"api-version=1&sig={sig}"
    words = said.format(path="/services/T0/B0/s3cr3t", query=query, sig=sig, html=html.escape(plain), plain=plain)
    chat.answers = [(403, {}, f"no_service {words}".encode())]
    with pytest.raises(Misuse, match="no_service") as raised:
        post(webhook(f"{chat.url}?{query}"), b"{}", patience(waits))
    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize("token", ["t0ken\n", "t\N{LATIN SMALL LETTER E WITH ACUTE}ken"])
def test_a_token_that_no_header_takes_is_misuse(chat: Hook, waits: list[float], token: str) -> None:
    with pytest.raises(Misuse, match="PAGESIEVE_POST_SLACK_TOKEN is none") as raised:
        post(webhook(chat.url, token), b"{}", patience(waits))
    assert token not in str(raised.value)
    assert chat.bodies == []
