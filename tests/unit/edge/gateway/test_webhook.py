"""What PagerDuty tells is recorded and triage hears it; what else it sends is ignored kindly, and nobody else is."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from pipeline.codec import decode, decode_alerts, encode
from pipeline.edge.gateway import AlertmanagerApi, Board, create_gateway
from pipeline.edge.gateway.signature import Secrets
from pipeline.errors import Misuse
from pipeline.log.entry import Entry
from pipeline.settings import Settings
from schemas import Control, Outcome, Verdict
from schemas.topics import OUTCOMES
from tests.memory_log import MemoryLog
from tests.unit.edge.gateway.scene import gateway
from tests.webhooks import SERVICE, signature, webhook

pytestmark = pytest.mark.anyio
SECRET = "a-long-secret"  # noqa: S105 - of this test alone
KEY = "inc1:e9dc6358fc2f3a6efa44"
PATH = "/v1/pagerduty/webhook"


async def post(client: httpx.AsyncClient, body: bytes, *secrets: str) -> httpx.Response:
    return await client.post(
        PATH, content=body, headers={"X-PagerDuty-Signature": signature(body, *(secrets or (SECRET,)))}
    )


async def said(bodies: Sequence[bytes], log: MemoryLog | None = None, **settings: Any) -> list[httpx.Response]:
    settings = {"pagerduty_webhook_secrets": SECRET, **settings}
    async with gateway(log or MemoryLog(), requires_token=True, tokens="t", **settings) as client:
        return [await post(client, body) for body in bodies]


def outcomes(log: MemoryLog) -> list[Outcome]:
    return [decode(Outcome, draft.value) for draft in log.on("outcomes")]


async def test_an_acknowledgement_stands_on_outcomes_and_then_in_every_partition_without_a_token() -> None:
    log = MemoryLog()
    [answer] = await said([webhook("incident.acknowledged", KEY)], log)
    [outcome] = outcomes(log)
    assert (answer.status_code, answer.json()) == (202, {"status": "recorded", "id": outcome.id})
    assert [draft.topic for draft in log.drafts] == ["outcomes", "alerts", "alerts", "alerts"]
    assert [draft.partition for draft in log.on("alerts")] == [0, 1, 2]
    assert log.drafts[0].key == KEY
    heard = [decode_alerts(draft.value) for draft in log.on("alerts")]
    assert [one.outcome for one in heard if isinstance(one, Control)] == [outcome] * 3
    assert outcome.model_dump(exclude={"id", "at_ms"}) == {
        "incident_id": KEY,
        "verdict": Verdict.ACKNOWLEDGED,
        "by": "Ada Lovelace",
        "via": "pagerduty",
        "note": "",
        "is_person": True,
        "known_as": "PGR0VU2",
    }


async def test_an_event_sent_again_is_the_same_outcome() -> None:
    log, body = MemoryLog(), webhook("incident.acknowledged", KEY)
    first, again = await said([body, body], log)
    assert first.json() == again.json()
    assert len({draft.value for draft in log.on("outcomes")}) == 1
    [other] = await said([webhook("incident.acknowledged", KEY, event_id="another")])
    assert other.json()["id"] != first.json()["id"]


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        ("incident.unacknowledged", Verdict.UNACKNOWLEDGED),
        ("incident.resolved", Verdict.RESOLVED),
        ("incident.reopened", Verdict.REOPENED),
        ("incident.reassigned", Verdict.REASSIGNED),
        ("incident.delegated", Verdict.REASSIGNED),
    ],
)
async def test_what_a_person_does_is_recorded_with_who(kind: str, verdict: Verdict) -> None:
    log = MemoryLog()
    body = webhook(kind, KEY, assignees=[{"summary": "Bob"}, {"summary": "Eve"}, "x", {}])
    assert [one.status_code for one in await said([body], log)] == [202]
    [outcome] = outcomes(log)
    assert (outcome.verdict, outcome.by) == (verdict, "Ada Lovelace")
    assert outcome.note == ("to Bob, Eve" if verdict is Verdict.REASSIGNED else "")


async def test_what_a_program_does_is_said_to_be_so_and_its_resolve_is_the_echo_of_ours() -> None:
    log = MemoryLog()
    bodies = [webhook(f"incident.{kind}", KEY, agent=SERVICE) for kind in ("acknowledged", "resolved")]
    answers = await said([*bodies, webhook("incident.unacknowledged", KEY, agent=None)], log)
    assert [answer.json()["status"] for answer in answers] == ["recorded", "ignored", "recorded"]
    assert [(one.by, one.is_person) for one in outcomes(log)] == [("API Service", False), ("pagerduty", False)]


async def test_a_note_belongs_to_the_incident_that_an_earlier_event_named() -> None:
    log = MemoryLog()
    note = webhook("incident.annotated", content="Just a backup: naïve", event_id="n")
    before, _, after = await said([note, webhook("incident.triggered", KEY, agent=SERVICE), note], log)
    assert before.json()["status"] == "ignored"
    assert after.json()["status"] == "recorded"
    [outcome] = outcomes(log)
    assert (outcome.incident_id, outcome.verdict, outcome.note) == (KEY, Verdict.ANNOTATED, "Just a backup: naïve")


async def test_a_gateway_that_starts_learns_from_the_log_which_incident_a_note_belongs_to() -> None:
    log, board, settings = MemoryLog(), Board(), Settings(pagerduty_webhook_secrets=SECRET)
    app = create_gateway(log, settings, requires_token=False, api=AlertmanagerApi(log, board, settings))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://gateway") as client:
        note = webhook("incident.annotated", content="a backup")
        early = await post(client, note)
        assert (early.status_code, early.headers["retry-after"]) == (503, "5")  # so PagerDuty sends it again
        acknowledged = Outcome(
            incident_id=KEY, verdict=Verdict.ACKNOWLEDGED, by="ada", via="pagerduty", at_ms=1, known_as="PGR0VU2"
        )
        board.take(Entry(OUTCOMES.name, 0, 0, KEY, encode(acknowledged), {}, 0))
        board.is_current = True
        assert (await post(client, note)).json()["status"] == "recorded"
        foreign = webhook("incident.annotated", content="a backup", pagerduty_id="POTHER")
        assert (await post(client, foreign)).json()["status"] == "ignored"


@pytest.mark.parametrize(
    "body",
    [
        webhook("incident.acknowledged", "another-monitor's-key"),
        webhook("incident.acknowledged", "pagesieve-watchdog"),
        webhook("incident.acknowledged", None),
        webhook("incident.triggered", KEY),
        webhook("incident.priority_updated", KEY),
        webhook("service.updated"),
        webhook("what.comes.next", KEY),
    ],
)
async def test_what_is_nothing_to_us_is_taken_kindly_and_leaves_no_trace(body: bytes) -> None:
    log = MemoryLog()
    [answer] = await said([body], log)
    assert (answer.status_code, answer.json()["status"], log.drafts) == (202, "ignored", [])


async def test_a_ping_is_200() -> None:
    [answer] = await said([webhook("pagey.ping", agent=None)])
    assert (answer.status_code, answer.json()) == (200, {"status": "pong"})


@pytest.mark.parametrize(("age_s", "status"), [(3500, 202), (3700, 400), (-3500, 202), (-3700, 400)])
async def test_what_happened_long_ago_is_refused(age_s: float, status: int) -> None:
    log = MemoryLog()
    [answer] = await said([webhook("incident.acknowledged", KEY, at_s=time.time() - age_s)], log)
    assert answer.status_code == status
    assert bool(log.drafts) is (status == 202)
    if status == 400:
        assert answer.json()["field"] == "event.occurred_at"
    else:
        assert outcomes(log)[0].at_ms <= time.time() * 1000


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", None),
        (b"[]", None),
        (b'{"event": 7}', "event"),
        (b'{"event": {}}', "event.id"),
        (b'{"event": {"id": "x", "event_type": 7}}', "event.event_type"),
        (b'{"event": {"id": "x", "event_type": "y"}}', "event.occurred_at"),
        (b'{"event": {"id": "x", "event_type": "y", "occurred_at": "yesterday"}}', "event.occurred_at"),
    ],
)
async def test_what_is_signed_and_is_no_event_is_400_by_name(body: bytes, field: str | None) -> None:
    [answer] = await said([body])
    assert (answer.status_code, answer.json().get("field")) == (400, field)


async def test_a_wrong_or_missing_signature_is_403_before_anything_is_read() -> None:
    log = MemoryLog()
    async with gateway(log, pagerduty_webhook_secrets=f"{SECRET},next") as client:
        body = webhook("incident.acknowledged", KEY)
        assert (await post(client, body, "wrong")).status_code == 403
        assert (await client.post(PATH, content=body)).status_code == 403
        assert (await client.post(PATH, content=b"{")).status_code == 403
        assert log.drafts == []
        assert (await post(client, body, "next")).status_code == 202
        assert (await post(client, body, "retired", SECRET)).status_code == 202


async def test_without_a_secret_there_is_no_such_endpoint() -> None:
    async with gateway(MemoryLog()) as client:
        answer = await post(client, webhook("pagey.ping"))
    assert (answer.status_code, "PAGESIEVE_PAGERDUTY_WEBHOOK_SECRETS" in answer.json()["detail"]) == (404, True)


async def test_too_large_or_compressed_a_body_is_refused_and_a_log_that_is_away_is_503() -> None:
    log = MemoryLog()
    async with gateway(log, pagerduty_webhook_secrets=SECRET) as client:
        assert (await post(client, b"x" * 600_000)).status_code == 413
        body = webhook("incident.acknowledged", KEY)
        headers = {"X-PagerDuty-Signature": signature(body, SECRET), "Content-Encoding": "gzip"}
        assert (await client.post(PATH, content=body, headers=headers)).status_code == 415
        log.is_away = True
        assert (await post(client, body)).status_code == 503


async def test_a_secret_never_appears_in_logs_answers_or_reprs() -> None:
    settings = Settings(pagerduty_webhook_secrets=SECRET)
    async with gateway(MemoryLog(), pagerduty_webhook_secrets=SECRET) as client:
        with capture_logs() as lines:
            body = webhook("incident.acknowledged", KEY)
            answers = [await post(client, body), await post(client, body, "guessed"), await post(client, b"{")]
    shown = f"{lines} {[answer.text for answer in answers]} {settings!r} {vars(Secrets.of(settings))}"
    for hidden in (SECRET, signature(body, SECRET)[3:], signature(body, "guessed")[3:]):
        assert hidden not in shown
    assert [line["problem"] for line in lines if line["event"] == "refused"] == ["urn:pagesieve:problem:unsigned"]


def test_secrets_come_from_settings_and_from_a_file_and_one_that_cannot_be_read_is_misuse(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text("second\n\n third \n", "utf-8")
    secrets = Secrets.of(Settings(pagerduty_webhook_secrets="first,", pagerduty_webhook_secrets_file=file))
    known = [secrets.have_signed(b"x", [signature(b"x", one)]) for one in ("first", "second", "third", "", " third ")]
    assert known == [True, True, True, False, False]
    with pytest.raises(Misuse, match=r"PAGESIEVE_PAGERDUTY_WEBHOOK_SECRETS_FILE .*gone: No such file or directory"):
        Secrets.of(Settings(pagerduty_webhook_secrets_file=tmp_path / "gone"))
