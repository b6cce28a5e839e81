"""What people post of incidents stands on `outcomes` and in every partition of `alerts`, or they are told why not."""

import asyncio
import gzip
import json
from typing import Any

import pytest

from pipeline.codec import decode, decode_alerts
from pipeline.edge.gateway import Board
from pipeline.edge.gateway import known as rule
from schemas import Control, IncidentState, Outcome, Verdict
from tests.memory_log import MemoryLog
from tests.unit.edge.gateway.alertmanager.scene import alertmanager, board, entry, incident
from tests.unit.edge.gateway.scene import gateway, raw

pytestmark = pytest.mark.anyio
PATH = "/v1/outcomes"
KEYS = ["inc1:e9dc6358fc2f3a6efa44", "inc1:00000000000000000000"]
TYPO = "inc1:e9dc6358fc2f3a6efa45"
GOOD = {"incident_id": KEYS[0], "verdict": "not_actionable", "by": "ada", "note": "a backup"}


async def test_several_marks_stand_on_outcomes_by_incident_and_in_every_partition_in_their_order() -> None:
    log = MemoryLog()
    marks = [{**GOOD, "incident_id": key, "at": "2026-11-23T07:06:06.120Z"} for key in KEYS]
    async with gateway(log) as client:
        answer = await client.post(PATH, content=raw({"outcomes": marks}))
        again = await client.post(PATH, content=gzip.compress(raw(marks)), headers={"Content-Encoding": "gzip"})
    written = [decode(Outcome, draft.value) for draft in log.on("outcomes")]
    assert answer.status_code == 202
    assert answer.json() == again.json() == {"accepted": 2, "ids": [one.id for one in written[:2]]}
    assert [draft.key for draft in log.on("outcomes")] == KEYS * 2
    assert written[:2] == written[2:]
    assert {(one.verdict, one.by, one.via, one.note) for one in written} == {
        (Verdict.NOT_ACTIONABLE, "ada", "api", "a backup")
    }
    heard = [(draft.partition, decode_alerts(draft.value)) for draft in log.on("alerts")[:6]]
    told = [(number, one.outcome and one.outcome.incident_id) for number, one in heard if isinstance(one, Control)]
    assert told == [(number, key) for number in range(3) for key in KEYS]
    assert [draft.topic for draft in log.drafts[:8]] == ["outcomes"] * 2 + ["alerts"] * 6


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"incident_id": "inc1:e9dc6358"}, "incident_id"),
        ({"incident_id": None}, "incident_id"),
        ({"verdict": "noise"}, "verdict"),
        ({"verdict": ["duplicate"]}, "verdict"),
        ({"by": "  "}, "by"),
        ({"by": "x" * 201}, "by"),
        ({"note": "x" * 2001}, "note"),
        ({"note": 7}, "note"),
        ({"at": "yesterday"}, "at"),
        ({"is_person": "yes"}, "is_person"),
    ],
)
async def test_one_that_is_wrong_is_named_and_none_is_taken(change: dict[str, Any], field: str) -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        answer = await client.post(PATH, content=raw({"outcomes": [GOOD, {**GOOD, **change}]}))
        alone = await client.post(PATH, content=raw({**GOOD, **change}))
    assert (answer.status_code, answer.json()["field"]) == (400, f"outcomes[1].{field}")
    assert (alone.status_code, alone.json()["field"]) == (400, field)
    assert answer.headers["content-type"] == "application/problem+json"
    assert log.drafts == []


@pytest.mark.parametrize(
    ("body", "field"),
    [(b"{", None), (b"7", None), (b'{"outcomes": 7}', "outcomes"), (b"[7]", "[0]"), (raw([GOOD] * 501), None)],
)
async def test_what_is_no_list_of_outcomes_is_400(body: bytes, field: str | None) -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        answer = await client.post(PATH, content=body)
    assert (answer.status_code, answer.json().get("field"), log.drafts) == (400, field, [])


async def test_an_empty_list_is_fine_and_a_time_to_come_is_now() -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        assert (await client.post(PATH, content=b"[]")).json() == {"accepted": 0, "ids": []}
        assert log.drafts == []
        await client.post(PATH, content=raw({**GOOD, "at": "2999-01-01T00:00:00Z", "is_person": False}))
    [outcome] = [decode(Outcome, draft.value) for draft in log.on("outcomes")]
    [control, *_] = [json.loads(draft.value) for draft in log.on("alerts")]
    assert (outcome.at_ms, outcome.is_person) == (control["at_ms"], False)


async def test_too_large_a_body_is_413_and_a_token_is_asked_for_and_a_log_that_is_away_is_503() -> None:
    log = MemoryLog()
    async with gateway(log, requires_token=True, tokens="secret") as client:
        assert (await client.post(PATH, content=raw(GOOD))).status_code == 401
        client.headers["Authorization"] = "Bearer secret"
        assert (await client.post(PATH, content=raw(GOOD))).status_code == 202
        assert (await client.post(PATH, content=raw({**GOOD, "x": "x" * 1_100_000}))).status_code == 413
        log.is_away = True
        away = await client.post(PATH, content=raw(GOOD))
    assert (away.status_code, away.headers["retry-after"]) == (503, "5")


async def unknown(found: Board, *keys: str) -> object:
    """What the answer to marks of these says of those that nobody knows."""
    log = MemoryLog()
    async with alertmanager(log, found) as client:
        answer = await client.post(PATH, content=raw([{**GOOD, "incident_id": key} for key in keys]))
    assert (answer.status_code, answer.json()["accepted"]) == (202, len(keys))
    assert [draft.key for draft in log.on("outcomes")] == list(keys)  # it may be of an older archive, so it is kept
    return answer.json().get("unknown")


async def test_of_an_id_that_no_incident_has_the_sender_is_told_and_the_mark_is_kept() -> None:
    over = incident(KEYS[1], revision=2, state=IncidentState.RESOLVED)
    found = board(incident(KEYS[0]), incident(KEYS[1]), over)
    assert await unknown(found, *KEYS) == []
    assert await unknown(found, KEYS[0], TYPO, TYPO) == [TYPO]


async def test_an_incident_that_is_on_its_way_to_the_gateway_is_waited_for() -> None:
    found = board()
    task = asyncio.create_task(unknown(found, KEYS[0]))
    await asyncio.sleep(0.2)
    found.take(entry(incident(KEYS[0])))
    assert await task == []


async def test_a_gateway_that_cannot_tell_says_neither() -> None:
    early = Board()
    assert await unknown(early, TYPO) is None
    log = MemoryLog()
    async with gateway(log) as client:
        answer = await client.post(PATH, content=raw(GOOD))
    assert "unknown" not in answer.json()


async def test_of_more_incidents_than_it_can_remember_it_calls_none_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "MOST", 2)
    found = board(*(incident(f"inc1:{number:020x}") for number in range(3)))
    assert await unknown(found, TYPO) is None
    assert await unknown(found, f"inc1:{2:020x}") == []


async def test_a_web_page_cannot_mark() -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        answer = await client.post(PATH, content=raw(GOOD), headers={"Origin": "http://evil.example"})
    assert (answer.status_code, log.drafts) == (403, [])
