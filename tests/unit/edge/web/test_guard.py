"""Who comes in, what a page elsewhere can do (nothing), and which headers every answer carries."""

from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from starlette.datastructures import Headers

from pipeline.edge.web import Doors, check_web_exposure
from pipeline.edge.web.attempts import MOST_WRONG, WINDOW_S, Attempts
from pipeline.edge.web.guard import SECURITY
from pipeline.edge.web.session import LASTS_S, begin, name_of, readable_name
from pipeline.errors import Misuse
from pipeline.settings import Settings
from tests.unit.edge.web.scene import FORM, HERE, KEY, site

pytestmark = pytest.mark.anyio
PAGES = ["/ui/", f"/ui/incidents/{KEY}", "/ui/report", "/ui/report/2026-W47", "/ui/policy", "/ui/nothing"]
WRITES = ["/ui/mark", "/ui/policy", "/ui/theme", "/ui/logout"]
LOGIN = {"name": "ada", "token": "secret"}
GUESS = {"token": "guess"}
EVERYWHERE = "0.0.0.0"  # noqa: S104 - named here, nothing binds to it


async def logged_in(client: httpx.AsyncClient, **said: str) -> httpx.Response:
    return await client.post("/ui/login", data=LOGIN | said, headers=FORM)


async def test_every_answer_carries_the_headers_that_keep_a_browser_in() -> None:
    async with site() as (_, client):
        answers = [await client.get(path) for path in [*PAGES, "/", "/ui", "/ui/login", "/healthz", "/metrics"]]
        answers += [await client.post(path) for path in WRITES]
        answers += [
            await client.get("/ui/", headers={"Host": "evil.example"}),
            await client.put("/ui/mark", headers=FORM),
        ]
        static = await client.get("/ui/static/style.css")
    for answer in answers:
        assert {name: answer.headers.get(name) for name in SECURITY} == SECURITY, answer.request.url
    assert static.headers["cache-control"] == "public, max-age=86400"
    assert static.headers["x-content-type-options"] == "nosniff"
    for part in ("default-src 'self'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"):
        assert part in SECURITY["Content-Security-Policy"]
    assert "unsafe" not in SECURITY["Content-Security-Policy"]


async def test_without_tokens_only_names_of_this_machine_are_answered() -> None:
    async with site() as (_, client):
        statuses = {
            host: (await client.get("/ui/", headers={"Host": host})).status_code
            for host in ("127.0.0.1:9095", "localhost", "[::1]:9095", "evil.example:9095", "127.0.0.1.evil.example", "")
        }
    assert statuses == {
        "127.0.0.1:9095": 200,
        "localhost": 200,
        "[::1]:9095": 200,
        "evil.example:9095": 403,
        "127.0.0.1.evil.example": 403,
        "": 403,
    }


@pytest.mark.parametrize("path", [*WRITES, "/ui/login"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:9096"},
        {"Origin": HERE, "Sec-Fetch-Site": "cross-site"},
        {"Origin": HERE, "Sec-Fetch-Site": "same-site"},
        {"Origin": "file://127.0.0.1:9095"},
    ],
)
async def test_nothing_is_changed_by_a_request_from_anywhere_else(path: str, headers: dict[str, str]) -> None:
    async with site() as (made, client):
        form = {"incident": KEY, "verdict": "duplicate", "by": "ada", "theme": "dark"}
        answer = await client.post(path, data=form, headers=headers)
    assert (answer.status_code, made.log.drafts, dict(answer.cookies)) == (403, [], {})


async def test_with_tokens_every_page_asks_for_a_log_in_and_no_write_passes_without() -> None:
    async with site(tokens="secret") as (made, client):
        pages = [await client.get(path) for path in PAGES]
        writes = [
            await client.post(path, data={"incident": KEY, "verdict": "duplicate"}, headers=FORM)
            for path in WRITES
            if path != "/ui/theme"
        ]
        probe, metrics = await client.get("/healthz"), await client.get("/metrics")
        scrape = await client.get("/metrics", headers={"Authorization": "Bearer secret"})
    assert {answer.status_code for answer in pages} == {303}
    assert pages[1].headers["location"] == f"/ui/login?next=%2Fui%2Fincidents%2Finc1%3A{'0' * 20}"
    assert {answer.status_code for answer in writes} == {401}
    assert (probe.status_code, metrics.status_code, scrape.status_code) == (200, 401, 200)
    assert made.log.drafts == []


async def test_a_token_logs_in_and_the_cookie_is_out_of_reach_of_scripts_and_other_sites() -> None:
    async with site(tokens="secret") as (_, client):
        answer = await logged_in(client, next="/ui/policy")
        inside = await client.get("/ui/")
        out = await client.post("/ui/logout", headers=FORM)
        after = await client.get("/ui/")
    cookie = answer.headers["set-cookie"]
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/policy")
    assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/ui"))
    assert "Secure" not in cookie
    assert "secret" not in cookie
    assert inside.status_code == 200
    assert ">ada<" in inside.text
    assert (out.status_code, after.status_code) == (303, 303)


async def test_behind_https_cookies_are_secure_and_the_proxys_name_is_ours() -> None:
    async with site(tokens="secret", web_origin="https://pages.example") as (_, client):
        headers = FORM | {"Origin": "https://pages.example"}
        answer = await client.post("/ui/login", data=LOGIN, headers=headers)
    assert answer.status_code == 303
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("said", [{"token": "wrong"}, {"token": ""}, {"token": "SECRET"}, {"token": "secret "[:-2]}])
async def test_a_wrong_token_is_refused(said: dict[str, str]) -> None:
    async with site(tokens="secret") as (_, client):
        answer = await logged_in(client, **said)
    assert (answer.status_code, dict(answer.cookies)) == (403, {})
    assert "That is none of the tokens" in answer.text


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x00b"])
async def test_who_says_no_name_is_asked_for_one(name: str) -> None:
    async with site(tokens="secret") as (_, client):
        answer = await logged_in(client, name=name)
    assert (answer.status_code, dict(answer.cookies)) == (400, {})


async def test_who_guesses_waits() -> None:
    async with site(tokens="secret") as (_, client):
        for _ in range(MOST_WRONG):
            assert (await logged_in(client, **GUESS)).status_code == 403
        blocked = await logged_in(client)
    assert blocked.status_code == 429
    assert 0 < int(blocked.headers["retry-after"]) <= WINDOW_S


async def test_behind_a_proxy_who_guesses_waits_alone() -> None:
    def through(*forwarded: str) -> list[tuple[str, str]]:
        return [*FORM.items(), *(("X-Forwarded-For", one) for one in forwarded)]

    async def status(client: httpx.AsyncClient, headers: list[tuple[str, str]], **said: str) -> int:
        return int((await client.post("/ui/login", data=LOGIN | said, headers=headers)).status_code)

    async with site(tokens="secret", web_trusted_proxies="127.0.0.1,10.0.0.5") as (_, client):
        for number in range(MOST_WRONG):  # whatever a stranger says before what the proxy adds counts for nothing
            assert await status(client, through(f"198.51.100.{number}, 203.0.113.7"), **GUESS) == 403
        assert await status(client, through("203.0.113.7")) == 429
        assert await status(client, through("192.0.2.1", "203.0.113.7, 10.0.0.5")) == 429  # through two that are ours
        assert await status(client, through("203.0.113.8")) == 303
    async with site(tokens="secret", web_trusted_proxies="10.0.0.5") as (_, client):
        for number in range(MOST_WRONG):  # who is no proxy of ours may not say where he is
            assert await status(client, through(f"203.0.113.{number}"), **GUESS) == 403
        assert await status(client, through("203.0.113.99")) == 429


@pytest.mark.parametrize("forwarded", [[], [""], ["unknown"], ["203.0.113.7, 10.0.0.9:x"], ["127.0.0.1"], [" , "]])
def test_where_a_proxy_names_no_address_its_own_counts(forwarded: list[str]) -> None:
    doors = Doors(Settings(web_trusted_proxies="127.0.0.1"))
    headers = Headers(raw=[(b"x-forwarded-for", one.encode()) for one in forwarded])
    assert doors.address_of({"client": ("127.0.0.1", 1)}, headers) == "127.0.0.1"
    assert doors.address_of({"client": None}, headers) is None


def test_addresses_wait_apart_but_an_ipv6_network_is_one_and_they_are_not_remembered_for_ever() -> None:
    attempts = Attempts()
    for number in range(MOST_WRONG):
        attempts.note_wrong(f"2001:db8::{number}", 5.0)
    assert attempts.wait_s("2001:db8::ffff", 5.0) == WINDOW_S
    assert attempts.wait_s("2001:db8:0:1::1", 5.0) == attempts.wait_s("10.0.0.1", 5.0) == 0
    assert attempts.wait_s("2001:db8::1", 5.0 + WINDOW_S) == 0
    attempts.note_wrong("2001:db8::1", 5.0 + WINDOW_S)
    assert attempts.wait_s("2001:db8::1", 5.0 + WINDOW_S) == 0


@pytest.mark.parametrize(
    "wanted", ["https://evil.example", "//evil.example", "/ui/\\evil.example", "/v1/events", "/ui//x"]
)
async def test_a_log_in_goes_on_to_pages_of_ours_only(wanted: str) -> None:
    async with site(tokens="secret") as (_, client):
        answer = await logged_in(client, next=wanted)
    assert answer.headers["location"] == "/ui/"


async def test_a_link_from_a_chat_is_asked_for_again_by_our_own_page_so_that_the_cookie_comes_along() -> None:
    async with site(tokens="secret") as (_, client):
        hop = await client.get("/ui/", headers={"Sec-Fetch-Site": "cross-site"})
    assert hop.status_code == 200
    assert '<meta http-equiv="refresh" content="0">' in hop.text
    assert "Incidents" not in hop.text


async def test_a_proxy_says_who_it_is_and_only_a_trusted_one() -> None:
    proxied: dict[str, Any] = {"web_user_header": "X-Forwarded-User", "web_trusted_proxies": "127.0.0.0/8"}
    async with site(**proxied) as (_, client):
        named = await client.get("/ui/", headers={"X-Forwarded-User": "grace"})
        twice = await client.get("/ui/", headers=[("X-Forwarded-User", "grace"), ("X-Forwarded-User", "root")])
        nobody = await client.get("/ui/")
        login = await client.get("/ui/login")
    assert named.status_code == 200
    assert ">grace<" in named.text
    assert (twice.status_code, nobody.status_code) == (303, 303)
    assert "through the proxy" in login.text
    async with site(**proxied | {"web_trusted_proxies": "10.0.0.0/8"}) as (_, client):
        assert (await client.get("/ui/", headers={"X-Forwarded-User": "grace"})).status_code == 303


def test_beyond_loopback_somebody_must_log_in_or_be_named() -> None:
    for settings in (Settings(tokens="secret"), Settings(web_user_header="X-User", web_trusted_proxies="10.0.0.1")):
        assert not check_web_exposure(EVERYWHERE, settings).is_open
    assert check_web_exposure("127.0.0.1", Settings()).is_open
    with pytest.raises(Misuse, match="shows incidents to others"):
        check_web_exposure(EVERYWHERE, Settings())
    with pytest.raises(Misuse, match="PAGESIEVE_WEB_TRUSTED_PROXIES"):
        Doors(Settings(web_user_header="X-User"))
    with pytest.raises(Misuse, match="PAGESIEVE_WEB_TRUSTED_PROXIES"):
        Doors(Settings(web_user_header="X-User", web_trusted_proxies="not-a-network"))
    with pytest.raises(Misuse, match="PAGESIEVE_WEB_ORIGIN needs"):
        Doors(Settings(web_origin="https://pages.example"))
    assert Doors(Settings(web_origin="http://localhost:8000")).is_open
    with pytest.raises(ValidationError, match="an address without a path, like https://"):
        Settings(web_origin="pages.example")


def test_a_session_ends_with_its_time_its_token_and_any_change_to_it() -> None:
    keys = Doors(Settings(tokens="one,two")).keys
    cookie = begin(keys[1], "Ada Lövelace", 1000)
    assert name_of(cookie, keys, 1001) == "Ada Lövelace"
    assert name_of(cookie, keys, 1000 + LASTS_S) is None
    assert name_of(cookie, keys[:1], 1001) is None
    for at in range(len(cookie)):
        changed = cookie[:at] + ("a" if cookie[at] != "a" else "b") + cookie[at + 1 :]
        assert name_of(changed, keys, 1001) is None
    for strange in ("", ".", "..", "a.b.c", "é.1.x", "x" * 5000):
        assert name_of(strange, keys, 1001) is None
    assert name_of(begin(b"", "x", 1000), [], 1001) is None


def test_a_name_is_one_short_line() -> None:
    assert readable_name("  Ada \n L. ") == "Ada L."
    assert readable_name("a\x1bb") is readable_name("") is readable_name("x" * 101) is None


async def test_a_fault_is_a_bare_500_with_the_same_headers() -> None:
    async with site() as (made, client):
        made.live.listed = None  # type: ignore[method-assign, assignment]  # anything that breaks
        answer = await client.get("/ui/")
    assert (answer.status_code, answer.headers["x-frame-options"]) == (500, "DENY")
    assert "NoneType" not in answer.text
