"""What stands in the log after a request, and what the sender is told."""

import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.codec import decode
from schemas import Rejected
from schemas.topics import MAX_RECORD_BYTES
from tests.memory_log import MemoryLog
from tests.unit.edge.gateway.scene import FIRING, GOOD, PARTLY_BAD, SOURCE_OF, gateway, raw

pytestmark = pytest.mark.anyio
PAYLOADS = Path(__file__).parents[5] / "shared/data/payloads/alertmanager-0.25"


@pytest.mark.parametrize("path", GOOD)
async def test_body_goes_to_the_log_untouched_with_its_source_and_time(path: str) -> None:
    log = MemoryLog()
    body = b" " + raw(GOOD[path]) + b"\n"
    before_ms = time.time_ns() // 1_000_000
    async with gateway(log) as client:
        answer = await client.post(path, content=body)
    after_ms = time.time_ns() // 1_000_000
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "truncated": 0})
    (draft,) = log.drafts
    assert (draft.topic, draft.key, draft.value) == ("alerts.raw", SOURCE_OF[path], body)
    assert draft.headers.keys() == {"source", "received_at"}
    assert draft.headers["source"] == SOURCE_OF[path]
    received_at = draft.headers["received_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", received_at)
    assert before_ms <= round(datetime.fromisoformat(received_at).timestamp() * 1000) <= after_ms


async def test_client_cannot_choose_when_its_alert_was_received() -> None:
    log = MemoryLog()
    event = {**GOOD["/v1/events"], "received_at": "2001-01-01T00:00:00Z"}
    async with gateway(log) as client:
        await client.post("/v1/events", content=raw(event), headers={"received_at": "2001-01-01T00:00:00Z"})
    assert not log.drafts[0].headers["received_at"].startswith("2001")


async def test_tenant_is_kept() -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        await client.post("/v1/events", content=raw(GOOD["/v1/events"]), headers={"X-Pagesieve-Tenant": " acme "})
        await client.post("/v1/events", content=raw(GOOD["/v1/events"]), headers={"X-Pagesieve-Tenant": ""})
    assert [draft.headers.get("tenant") for draft in log.drafts] == ["acme", None]


@pytest.mark.parametrize("tenants", [["a" * 129], ["a\x7fb"], ["a\tb"], ["acme", "other"]])
async def test_tenant_that_is_none_is_named_and_the_body_kept_aside(tenants: list[str]) -> None:
    log = MemoryLog()
    headers = [("X-Pagesieve-Tenant", tenant) for tenant in tenants]
    async with gateway(log) as client:
        answer = await client.post("/v1/events", content=raw(GOOD["/v1/events"]), headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (400, "X-Pagesieve-Tenant")
    assert [draft.topic for draft in log.drafts] == ["alerts.rejected"]


@pytest.mark.parametrize("path", PARTLY_BAD)
async def test_one_bad_item_is_named_and_the_good_ones_are_kept(path: str) -> None:
    log = MemoryLog()
    body, field = PARTLY_BAD[path]
    async with gateway(log) as client:
        answer = await client.post(path, content=raw(body))
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem.pop("detail").startswith(field)
    assert problem == {
        "type": "urn:pagesieve:problem:malformed",
        "title": "Something in the body is no alert",
        "status": 400,
        "field": field,
        "kept": 2,
        "rejected": 1,
    }
    # The normalise step splits them again and rejects the bad one: here the whole body stands once, untouched.
    assert [(draft.topic, draft.value) for draft in log.drafts] == [("alerts.raw", raw(body))]


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize("body", [b"", b"{", b"7", b"[[]]", b"[null]", b'{"alerts": 7}', b"\xff\xfe\x00"])
async def test_unusable_body_is_kept_aside_with_the_reason(path: str, body: bytes) -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        answer = await client.post(path, content=body)
    assert answer.status_code == 400
    assert answer.json()["kept"] == 0
    (draft,) = log.drafts
    assert (draft.topic, draft.key) == ("alerts.rejected", SOURCE_OF[path])
    record = decode(Rejected, draft.value)
    assert (record.source, record.where) == (SOURCE_OF[path], answer.json().get("field", ""))
    assert record.reason in answer.json()["detail"]
    assert record.body_encoding == "base64" if b"\xff" in body else record.body.encode() == body


async def test_rejected_body_of_control_characters_still_fits_a_record() -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        await client.post("/v1/events", content=b"\x00" * (4 * 1024 * 1024))
    assert len(log.drafts[0].value) < MAX_RECORD_BYTES


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/alertmanager", {"alerts": []}), ("/api/v2/alerts", []), ("/v1/events", [])]
)
async def test_body_without_alerts_is_fine_and_leaves_no_trace(path: str, body: Any) -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        answer = await client.post(path, content=raw(body))
    assert (answer.status_code, log.drafts) == (200, [])


async def test_lines_of_events_are_taken_by_their_content() -> None:
    log = MemoryLog()
    lines = b'{"name": "a"}\n\n{"name": "b"}\nnonsense\n'
    async with gateway(log) as client:
        answer = await client.post("/v1/events", content=lines)
    assert (answer.status_code, answer.json()["field"], answer.json()["kept"]) == (400, "line 4", 2)
    assert log.drafts[0].value == lines


async def test_truncated_alerts_are_counted_told_and_logged() -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        with capture_logs() as lines:
            answer = await client.post("/v1/alertmanager", content=raw({"alerts": [FIRING], "truncatedAlerts": 247}))
        metrics = (await client.get("/metrics")).text
    assert answer.json() == {"accepted": 1, "truncated": 247}
    assert [line["truncated"] for line in lines if line["event"] == "alerts_truncated"] == [247]
    assert 'pagesieve_gateway_truncated_alerts_total{source="alertmanager"}' in metrics


async def test_truncated_count_that_is_nonsense_does_no_harm() -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        answer = await client.post("/v1/alertmanager", content=raw({"alerts": [FIRING], "truncatedAlerts": -3}))
    assert answer.status_code == 200


@pytest.mark.parametrize("body", [raw(GOOD["/v1/events"]), b"nonsense"])
async def test_log_that_is_away_is_a_503_so_that_alertmanager_comes_back(body: bytes) -> None:
    log = MemoryLog()
    log.is_away = True
    async with gateway(log) as client:
        away = await client.post("/v1/events", content=body)
        log.is_away = False
        back = await client.post("/v1/events", content=body)
    assert (away.status_code, away.headers["retry-after"]) == (503, "5")
    assert "internal" not in away.text
    assert back.status_code in (200, 400)
    assert len(log.drafts) == 1


async def test_fault_of_ours_is_a_bare_500_and_its_log_line_quotes_no_body() -> None:
    class Broken(MemoryLog):
        async def append(self, drafts: Any) -> None:
            raise ValueError(f"cannot write {drafts[0].value!r}")

    async with gateway(Broken()) as client:
        with capture_logs() as lines:
            answer = await client.post("/v1/events", content=raw({"name": "s3cret"}))
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "ValueError" not in answer.text
    (fault,) = [line for line in lines if line["event"] == "gateway_fault"]
    assert fault["error"] == "ValueError"
    assert "s3cret" not in str([{**line, "frames": []} for line in lines])
    assert "s3cret" not in answer.text


async def test_large_body_is_taken_like_a_small_one() -> None:
    log = MemoryLog()
    body = raw({"alerts": [FIRING] * 4000})
    async with gateway(log) as client:
        answer = await client.post("/v1/alertmanager", content=body)
    assert answer.json() == {"accepted": 4000, "truncated": 0}
    assert log.drafts[0].value == body


async def test_a_huge_key_in_the_body_does_not_come_back_in_full() -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        answer = await client.post("/v1/events", content=raw({"name": "x", "labels": {"k" * 100_000: 7}}))
    assert answer.status_code == 400
    assert len(answer.content) < 2000


async def test_every_captured_webhook_is_accepted() -> None:
    if not PAYLOADS.is_dir():
        pytest.skip(f"{PAYLOADS} is not here")
    bodies = [path.read_bytes() for path in sorted(PAYLOADS.glob("*_f*_r*.json"))]
    assert len(bodies) >= 90
    log = MemoryLog()
    async with gateway(log) as client:
        answers = [await client.post("/v1/alertmanager", content=body) for body in bodies]
    assert {answer.status_code for answer in answers} == {200}
    assert [draft.value for draft in log.drafts] == bodies
    assert sum(answer.json()["truncated"] for answer in answers) > 0


GOOD_ITEM = {"labels": {"alertname": "A"}}
# As the captured answers of a real Alertmanager 0.25 are (api_responses.json, `edge`).
LIKE_ALERTMANAGER = [
    ("no_labels", raw([{"labels": {}}]), 400),
    ("only_empty_label", raw([{"labels": {"alertname": ""}}]), 400),
    (
        "ends_before_starts",
        raw([{**GOOD_ITEM, "startsAt": "2026-01-01T01:00:00Z", "endsAt": "2026-01-01T00:00:00Z"}]),
        400,
    ),
    ("not_array", b"{}", 400),
    ("not_json", b"[{", 400),
    ("empty_array", b"[]", 200),
    ("label_not_string", raw([{"labels": {"alertname": 7}}]), 400),
    ("bad_utf8", b'[{"labels": {"alertname": "A\xff"}}]', 200),
    ("bad_time", raw([{**GOOD_ITEM, "startsAt": "yesterday"}]), 400),
    ("no_alertname", raw([{"labels": {"severity": "critical"}}]), 200),
    ("unknown_field", raw([{**GOOD_ITEM, "colour": "red"}]), 200),
]


@pytest.mark.parametrize(("case", "body", "status"), LIKE_ALERTMANAGER, ids=[case for case, *_ in LIKE_ALERTMANAGER])
async def test_status_is_the_one_that_a_real_alertmanager_gives(case: str, body: bytes, status: int) -> None:
    async with gateway(MemoryLog()) as client:
        assert (await client.post("/api/v2/alerts", content=body)).status_code == status, case
