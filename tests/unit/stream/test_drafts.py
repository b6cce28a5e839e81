"""What is written for what was concluded, and what happens where the log has a limit."""

import pytest

from pipeline.codec import decode, encode
from pipeline.core.triage import Triage
from pipeline.errors import Rejected
from pipeline.log import Entry
from pipeline.log.backlog import size_of
from pipeline.stream.drafts import KEPT_CHARACTERS, alerts_draft, facts_drafts, rejected_draft, rejection, tick_draft
from schemas import Alerts, Decisions, Incident, Page, Tick
from schemas import Rejected as RejectedRecord
from schemas.topics import ALERTS, DECISIONS, INCIDENTS, MAX_RECORD_BYTES, PAGES, REJECTED
from tests.scene import POLICY, alert, at


def raw(value: bytes, **headers: str) -> Entry:
    return Entry("alerts.raw", 2, 7, "", value, headers, 1000)


def opened(text: str = "") -> Alerts:
    [record] = at(0, alert("disk", cluster="eu", text=text))
    assert isinstance(record, Alerts)
    return record


def test_every_fact_goes_to_its_topic_under_its_key_with_the_position_that_caused_it() -> None:
    record = opened()
    facts = Triage(POLICY).step([record])
    drafts = facts_drafts(facts, 3, 41)
    incident_id = facts.incidents[0].incident_id
    assert [(draft.topic, draft.key) for draft in drafts] == [
        (DECISIONS.name, record.scope),
        (INCIDENTS.name, incident_id),
        (PAGES.name, incident_id),
    ]
    assert all(draft.headers == {"log_partition": "3", "log_offset": "41"} for draft in drafts)
    assert decode(Decisions, drafts[0].value) == facts.decisions[0]
    assert decode(Incident, drafts[1].value) == facts.incidents[0]
    assert decode(Page, drafts[2].value) == facts.pages[0]


def test_a_tick_goes_to_the_partition_whose_time_it_tells() -> None:
    draft = tick_draft(5, 2)
    assert (draft.topic, draft.partition) == (ALERTS.name, 2)
    assert decode(Tick, draft.value) == Tick(at_ms=5)


def test_an_alert_too_large_for_the_log_is_rejected_not_sent() -> None:
    record = opened(text="x" * MAX_RECORD_BYTES)
    with pytest.raises(Rejected, match="more than the log takes"):
        alerts_draft(record)


def test_a_page_too_large_for_the_log_goes_out_without_its_list_of_alerts() -> None:
    facts = Triage(POLICY).step([opened()])
    page, incident = facts.pages[0], facts.incidents[0]
    details = page.payload.custom_details
    huge = details.alerts[0].model_copy(update={"summary": "x" * MAX_RECORD_BYTES})
    payload = page.payload.model_copy(
        update={"custom_details": details.model_copy(update={"alerts": (huge,), "alert_count": 1})}
    )
    member = incident.members[0].model_copy(update={"summary": "x" * MAX_RECORD_BYTES})
    facts = facts._replace(
        pages=[page.model_copy(update={"payload": payload})],
        incidents=[incident.model_copy(update={"members": (member,)})],
    )
    _, told, paged = facts_drafts(facts, 0, 0)
    assert decode(Incident, told.value).unlisted == 1
    assert decode(Incident, told.value).members == ()
    assert decode(Page, paged.value).payload.custom_details.unlisted == 1


def test_a_rejected_body_is_kept_whole_with_its_place() -> None:
    record = rejection(raw(b"\xff\x00", source="alertmanager"), Rejected("no JSON", "alerts[0]"))
    draft = rejected_draft(record)
    kept = decode(RejectedRecord, draft.value)
    assert (draft.topic, draft.key) == (REJECTED.name, "alertmanager")
    assert (kept.topic, kept.partition, kept.offset, kept.where) == ("alerts.raw", 2, 7, "alerts[0]")
    assert kept.body_encoding == "base64"


def test_a_rejected_body_too_large_is_cut_and_says_so() -> None:
    entry = raw(b"\x01" * (MAX_RECORD_BYTES - 100))
    draft = rejected_draft(rejection(entry, Rejected("nonsense")))
    kept = decode(RejectedRecord, draft.value)
    assert size_of(draft) <= MAX_RECORD_BYTES
    assert len(kept.body) == KEPT_CHARACTERS
    assert "cut" in kept.reason


def test_a_rejected_record_encodes_the_same_every_time() -> None:
    record = rejection(raw(b"{}"), Rejected("nonsense"))
    assert encode(record) == encode(record)
