"""The body: PagerDuty takes every one, whatever the page holds, and is told what was cut."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from pipeline.edge.pagerduty_body import BODY_LIMIT, body_of
from schemas import Page, PageAlert, PageLink, Status
from tests.integration.pagerduty_rules import event_errors
from tests.pages import page

KEY = "k" * 32


def with_alerts(count: int, text: str) -> Page:
    told = page("inc1:big")
    alert = PageAlert(
        name="DiskFull", labels={"host": text}, severity="error", status=Status.FIRING, starts_at="2026-11-23T10:00:00Z"
    )
    details = told.payload.custom_details.model_copy(update={"alerts": (alert,) * count, "unlisted": 3})
    return told.model_copy(update={"payload": told.payload.model_copy(update={"custom_details": details})})


def test_a_page_that_fits_is_sent_whole() -> None:
    told = with_alerts(20, "a" * 5000)
    event = orjson.loads(body_of(told, KEY))
    assert event.pop("routing_key") == KEY
    assert Page.model_validate(event) == told


def test_a_page_that_is_too_large_is_cut_and_says_so() -> None:
    told = with_alerts(3000, "ü" * 500)
    body = body_of(told, KEY)
    event = orjson.loads(body)
    details = event["payload"]["custom_details"]
    assert len(body) <= BODY_LIMIT
    assert 300 < len(details["alerts"]) < 3000
    assert details["unlisted"] + len(details["alerts"]) == 3003
    assert "left out" in details["note"]
    assert (event["dedup_key"], event["payload"]["summary"]) == (told.dedup_key, told.payload.summary)


@given(st.integers(0, 40), st.integers(0, 100_000), st.integers(0, 1024), st.sampled_from('aü\N{GRINNING FACE}"\n'))
def test_pagerduty_takes_every_body(alerts: int, length: int, summary: int, letter: str) -> None:
    told = with_alerts(alerts, letter * length)
    links = (
        PageLink(href="javascript:alert(1)", text=letter),
        PageLink(href="https://x.internal", text=letter * length),
    )
    payload = told.payload.model_copy(update={"summary": letter * summary, "source": "", "group": letter * length})
    body = body_of(told.model_copy(update={"links": links, "payload": payload}), KEY)
    event = orjson.loads(body)
    assert len(body) <= BODY_LIMIT
    assert event_errors(event, len(body)) == []
    assert event["payload"]["summary"] == (letter * summary or "(no summary)")
