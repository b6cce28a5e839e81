"""Who may come in, and what is never said about it."""

import base64
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from pipeline.edge.gateway import check_exposure, create_gateway
from pipeline.edge.gateway.auth import Tokens, is_loopback
from pipeline.errors import Misuse
from pipeline.settings import Settings
from tests.memory_log import MemoryLog
from tests.unit.edge.gateway.scene import GOOD, gateway, raw

EVENT = raw(GOOD["/v1/events"])
EVERYWHERE = "0.0.0.0"  # noqa: S104 - named here, nothing binds to it
TOKENS = "old-token, new:tökèn"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def post(client: httpx.AsyncClient, authorization: str | bytes | None) -> httpx.Response:
    headers = [] if authorization is None else [(b"authorization", _bytes(authorization))]
    return await client.post("/v1/events", content=EVENT, headers=headers)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer old-token",
        "bearer  old-token ",
        basic("anyone", "old-token"),
        basic("", "old-token"),
        basic("prometheus", "new:tökèn"),
        "Bearer new:tökèn".encode(),
    ],
)
async def test_any_of_the_tokens_opens_as_bearer_or_as_basic_password(authorization: str | bytes) -> None:
    async with gateway(MemoryLog(), requires_token=True, tokens=TOKENS) as client:
        assert (await post(client, authorization)).status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer old-token2",
        "Bearer OLD-TOKEN",
        "Bearer old-token, new:token",
        "old-token",
        "Digest old-token",
        "Basic old-token",
        "Basic ====",
        basic("old-token", ""),
        basic("a", "old-toke"),
        b"Bearer \xff\xfe",
    ],
)
async def test_no_or_wrong_token_is_a_401_that_says_what_to_send(authorization: str | bytes | None) -> None:
    log = MemoryLog()
    async with gateway(log, requires_token=True, tokens=TOKENS) as client:
        answer = await post(client, authorization)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert "Basic " in answer.headers["www-authenticate"]
    assert log.drafts == []


@pytest.mark.anyio
async def test_probes_are_open_and_everything_else_is_closed() -> None:
    async with gateway(MemoryLog(), requires_token=True, tokens=TOKENS) as client:
        paths = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/v1/later", "//healthz", "/healthz/"]
        statuses = {path: (await client.get(path)).status_code for path in paths}
        scrape = await client.get("/metrics", headers={"Authorization": "Bearer old-token"})
    assert statuses == {path: 200 if path in ("/healthz", "/readyz") else 401 for path in paths}
    assert scrape.status_code == 200


@pytest.mark.anyio
async def test_web_page_cannot_post_to_a_gateway_that_asks_for_no_token() -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        answer = await client.post("/v1/events", content=EVENT, headers={"Origin": "http://evil.example"})
    assert (answer.status_code, log.drafts) == (403, [])


@pytest.mark.anyio
async def test_tokens_never_appear_in_logs_answers_or_reprs() -> None:
    async with gateway(MemoryLog(), requires_token=True, tokens=TOKENS) as client:
        with capture_logs() as lines:
            answers = [await post(client, "Bearer old-token"), await post(client, "Bearer guessed-token")]
    assert [line["problem"] for line in lines if line["event"] == "refused"] == ["urn:pagesieve:problem:unauthorized"]
    said = f"{lines} {[answer.text for answer in answers]} {Settings(tokens=TOKENS)!r} {vars(Tokens(['old-token']))}"
    assert "old-token" not in said
    assert "guessed-token" not in said


def test_tokens_come_from_settings_and_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("second\n\n  third  \n", "utf-8")
    tokens = Tokens.of(Settings(tokens="first,", tokens_file=file))
    assert [tokens.opens(f"Bearer {word}") for word in ("first", "second", "third", "")] == [True, True, True, False]


def test_tokens_file_that_cannot_be_read_is_misuse(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match=r"PAGESIEVE_TOKENS_FILE .*gone: No such file or directory"):
        Tokens.of(Settings(tokens_file=tmp_path / "gone"))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("::ffff:127.0.0.1", True),
        (EVERYWHERE, False),
        ("::", False),
        ("", False),
        ("192.0.2.7", False),
        ("::ffff:192.0.2.7", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_listening_beyond_loopback_without_tokens_is_refused_in_one_line() -> None:
    with pytest.raises(Misuse, match="PAGESIEVE_TOKENS") as misuse:
        check_exposure(EVERYWHERE, Settings())
    assert "\n" not in str(misuse.value)
    with pytest.raises(Misuse):
        check_exposure(EVERYWHERE, Settings(tokens=" , "))


def test_tokens_are_asked_for_beyond_loopback_and_wherever_there_are_some() -> None:
    assert check_exposure(EVERYWHERE, Settings(tokens="a")) is True
    assert check_exposure("127.0.0.1", Settings(tokens="a")) is True
    assert check_exposure("127.0.0.1", Settings()) is False


def test_gateway_that_requires_tokens_does_not_start_without() -> None:
    with pytest.raises(Misuse):
        create_gateway(MemoryLog(), Settings(), requires_token=True)
