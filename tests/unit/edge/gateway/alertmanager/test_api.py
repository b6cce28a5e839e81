"""Alertmanager's API v2 over HTTP: statuses, shapes, and who is let in."""

import gzip
import json
from typing import Any

import pytest

from pipeline.edge.gateway import Board
from schemas.topics import ALERTS, SILENCES
from tests.memory_log import MemoryLog
from tests.unit.edge.gateway.alertmanager.scene import (
    alertmanager,
    board,
    incident,
    member,
    now_ms,
    posted,
    silence,
)

pytestmark = pytest.mark.anyio
GETS = ("silences", "silence/s1", "alerts", "alerts/groups", "receivers", "status")


async def test_a_silence_is_made_read_changed_and_ended() -> None:
    log = MemoryLog()
    async with alertmanager(log, board()) as client:
        made = await client.post("/api/v2/silences", json=posted())
        silence_id = made.json()["silenceID"]
        read = (await client.get(f"/api/v2/silence/{silence_id}")).json()
        changed = await client.post("/api/v2/silences", json=posted(id=silence_id, end=7_200_000, comment="longer"))
        (listed,) = (await client.get("/api/v2/silences")).json()
        ended = await client.delete(f"/api/v2/silence/{silence_id}")
        over = (await client.get(f"/api/v2/silence/{silence_id}")).json()
    assert (made.status_code, changed.status_code, ended.status_code) == (200, 200, 200)
    assert changed.json() == made.json()
    assert read["status"] == {"state": "active"}
    assert read["matchers"] == [{"name": "alertname", "value": "DiskFull", "isRegex": False, "isEqual": True}]
    assert (read["createdBy"], read["comment"], listed["comment"]) == ("me", "known", "longer")
    assert over["status"] == {"state": "expired"}
    assert ended.content == b""
    # Made, changed, ended: each is listed and heard in every partition.
    assert (len(log.on(SILENCES.name)), len(log.on(ALERTS.name))) == (3, 3 * log.partition_count)


async def test_every_operator_comes_back_as_it_was_sent() -> None:
    sent = [
        {"name": "a", "value": 'say "x"\\', "isRegex": False, "isEqual": True},
        {"name": "b", "value": "x|y.*", "isRegex": True, "isEqual": True},
        {"name": "c", "value": "", "isRegex": False, "isEqual": False},
        {"name": "a label", "value": "z+", "isRegex": True, "isEqual": False},
    ]
    async with alertmanager(MemoryLog(), board()) as client:
        made = await client.post("/api/v2/silences", json=posted(matchers=sent))
        read = await client.get(f"/api/v2/silence/{made.json()['silenceID']}")
    assert read.json()["matchers"] == sent


async def test_silences_come_in_alertmanagers_order() -> None:
    found = board(
        silence("ended first", end=-9000),
        silence("starts later", start=90_000),
        silence("ends later", end=900_000),
        silence("ended last", end=-1000),
        silence("ends soon", end=60_000),
        silence("starts soon", start=30_000),
    )
    async with alertmanager(MemoryLog(), found) as client:
        listed = (await client.get("/api/v2/silences")).json()
    assert [one["id"] for one in listed] == [
        *("ends soon", "ends later", "starts soon", "starts later", "ended last", "ended first")
    ]


async def test_a_filter_names_matchers_that_a_silence_has() -> None:
    found = board(silence("one", 'a="x"', 'b=~"y.*"'), silence("two", 'a="x"'))
    async with alertmanager(MemoryLog(), found) as client:

        async def ids(*filters: str) -> set[str]:
            listed = (await client.get("/api/v2/silences", params={"filter": filters})).json()
            return {one["id"] for one in listed}

        assert await ids("a=x") == {"one", "two"}
        assert await ids('a="x"', 'b=~"y.*"') == {"one"}
        assert await ids('a=~"x"') == set()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[", "Invalid JSON"),
        (b"{}", "matchers: Field required"),
        (posted(matchers=[]), "matchers: List should have at least 1 item"),
        (posted(matchers=[{"name": "a", "value": 1, "isRegex": False}]), "matchers[0].value: Input should be a valid"),
        (
            posted({"name": "a", "value": "(", "isRegex": True}),
            "label matcher 0: expected a regular expression",
        ),
        (posted({"name": "", "value": "x", "isRegex": False}), "invalid label matcher 0: a matcher needs"),
        (posted({"name": "a", "value": "x" * 9000, "isRegex": False}), "invalid label matcher 0: it is longer than"),
        (posted({"name": "a", "value": ".*", "isRegex": True}), "at least one matcher must not match the empty string"),
        (posted(start=10, end=10), "start time must be before end time"),
        (posted(start=-20_000, end=-10_000), "end time can't be in the past"),
        (posted(end=367 * 86_400_000), "it must end within 366 days"),
        (posted(endsAt="tomorrow"), "endsAt: must be an RFC 3339 time"),
        (posted(endsAt="0001-01-01T00:00:00Z"), "invalid zero end timestamp"),
        (posted(comment="x" * 20_000), "comment: String should have at most"),
    ],
)
async def test_a_silence_that_cannot_be_is_a_400_that_says_why(body: Any, said: str) -> None:
    log = MemoryLog()
    async with alertmanager(log, board()) as client:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = await client.post("/api/v2/silences", content=content)
    assert (answer.status_code, log.drafts) == (400, [])
    assert said in answer.json()


async def test_without_a_start_it_holds_at_once() -> None:
    async with alertmanager(MemoryLog(), board()) as client:
        await client.post("/api/v2/silences", json=posted(startsAt="0001-01-01T00:00:00Z"))
        (listed,) = (await client.get("/api/v2/silences")).json()
    assert listed["status"]["state"] == "active"


async def test_an_id_that_nobody_knows_is_a_404() -> None:
    async with alertmanager(MemoryLog(), board()) as client:
        answers = [
            await client.get("/api/v2/silence/00000000-0000-4000-8000-000000000000"),
            await client.delete("/api/v2/silence/00000000-0000-4000-8000-000000000000"),
            await client.post("/api/v2/silences", json=posted(id="00000000-0000-4000-8000-000000000000")),
        ]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(404, "silence not found")] * 3


async def test_alerts_groups_receivers_and_status_have_alertmanagers_fields() -> None:
    found = board(incident("a", member(pod="p1"), team="db", unlisted=2), silence())
    async with alertmanager(MemoryLog(), found) as client:
        answers = {name: await client.get(f"/api/v2/{name}") for name in GETS}
    (alert,) = answers["alerts"].json()
    assert set(alert) == {
        *("annotations", "endsAt", "fingerprint", "receivers", "startsAt", "status", "updatedAt"),
        *("generatorURL", "labels"),
    }
    assert alert["status"] == {"inhibitedBy": [], "silencedBy": ["s1"], "state": "suppressed"}
    (group,) = answers["alerts/groups"].json()
    assert group == {"alerts": [alert], "labels": {"cluster": "eu"}, "receiver": {"name": "db"}}
    assert answers["receivers"].json() == [{"name": "db"}, {"name": "default"}]
    status = answers["status"].json()
    assert set(status) == {"cluster", "config", "uptime", "versionInfo"}
    assert status["cluster"] == {"peers": [], "status": "disabled"}
    # What is cut is counted.
    assert answers["alerts"].headers["x-pagesieve-unlisted"] == "2"


async def test_before_the_log_is_read_nothing_is_answered_but_a_503() -> None:
    log = MemoryLog()
    async with alertmanager(log, Board()) as client:
        answers = [await client.get(f"/api/v2/{name}") for name in GETS]
        answers.append(await client.post("/api/v2/silences", json=posted()))
        answers.append(await client.delete("/api/v2/silence/s1"))
        taken = await client.post("/api/v2/alerts", json=[{"labels": {"alertname": "x"}}])
    assert {answer.status_code for answer in answers} == {503}
    assert {answer.headers["retry-after"] for answer in answers} == {"5"}
    assert taken.status_code == 200


async def test_a_log_that_is_away_is_a_503_and_nothing_is_listed() -> None:
    log, found = MemoryLog(), board()
    log.is_away = True
    async with alertmanager(log, found) as client:
        answer = await client.post("/api/v2/silences", json=posted())
    assert (answer.status_code, found.silences(now_ms())) == (503, [])
    assert "broker.internal" not in answer.text


async def test_every_path_asks_for_a_token_where_there_are_tokens() -> None:
    async with alertmanager(MemoryLog(), board(silence()), tokens="secret") as client:
        closed = [(await client.get(f"/api/v2/{name}")).status_code for name in GETS]
        closed.append((await client.delete("/api/v2/silence/s1")).status_code)
        opened = await client.delete("/api/v2/silence/s1", headers={"Authorization": "Bearer secret"})
    assert (set(closed), opened.status_code) == ({401}, 200)


async def test_a_web_page_can_change_nothing() -> None:
    log = MemoryLog()
    async with alertmanager(log, board(silence())) as client:
        client.headers["Origin"] = "http://evil.example"
        answers = [await client.post("/api/v2/silences", json=posted()), await client.delete("/api/v2/silence/s1")]
    assert ([answer.status_code for answer in answers], log.drafts) == ([403, 403], [])


async def test_metrics_hold_no_id_and_openapi_tells_of_every_path() -> None:
    async with alertmanager(MemoryLog(), board(silence("client-chosen"))) as client:
        await client.get("/api/v2/silence/client-chosen")
        scrape = (await client.get("/metrics")).text
        document = (await client.get("/openapi.json")).json()
    assert 'endpoint="/api/v2/silence/{silence_id}",status="200"' in scrape
    assert "client-chosen" not in scrape
    assert set(document["paths"]["/api/v2/silences"]) == {"get", "post"}
    assert set(document["paths"]["/api/v2/alerts"]) == {"get", "post"}
    assert set(document["paths"]["/api/v2/silence/{silence_id}"]) == {"get", "delete"}
    assert "#/$defs" not in json.dumps(document)
    for name in set(_references(document)):
        assert name in document["components"]["schemas"]


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"].rpartition("/")[2]] if isinstance(part.get("$ref"), str) else []
        return own + [name for value in part.values() for name in _references(value)]
    return [name for value in part for name in _references(value)] if isinstance(part, list) else []


async def test_a_compressed_body_is_understood() -> None:

    async with alertmanager(MemoryLog(), board()) as client:
        content = gzip.compress(json.dumps(posted()).encode())
        answer = await client.post("/api/v2/silences", content=content, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 200
