"""Reports and the policy on the page: made elsewhere, shown under the page's rules, and said plainly when missing."""

import base64
import hashlib
import json
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.edge.web import reading
from pipeline.edge.web.pasted import LONGEST, event_of
from pipeline.errors import Misuse, Rejected
from pipeline.report import render
from tests.unit.edge.web.scene import FORM, Site, site

pytestmark = pytest.mark.anyio
STYLE = b"p { color: red }"
REPORT = b"<!doctype html><html><head><style>" + STYLE + b"</style></head><body><p>2026-W47</p></body></html>"


def with_report(made: list[str], trouble: str = "") -> Any:
    async def report(week: str) -> bytes:
        made.append(week)
        if trouble:
            raise Misuse(trouble)
        return REPORT

    return report


async def beyond(**changed: Any) -> Any:
    async with site() as (made, _):
        return Site.beyond(made, **changed)


async def test_without_an_archive_it_says_how_to_have_one() -> None:
    async with site() as (_, client):
        reports, one = await client.get("/ui/report"), await client.get("/ui/report/2026-W47")
    assert "There is no archive" in reports.text
    assert "--archive DIR" in reports.text
    assert one.status_code == 404


async def test_no_week_is_offered_that_was_over_before_the_archive_begins() -> None:
    today = datetime.now(UTC).date()
    made = await beyond(report=with_report([]), archived_from=lambda: today - timedelta(days=7))
    async with site(beyond=made) as (_, client):
        two = (await client.get("/ui/report")).text
    assert two.count('<a href="/ui/report/') == 2
    async with site(beyond=await beyond(report=with_report([]), archived_from=lambda: None)) as (_, client):
        none = (await client.get("/ui/report")).text
    assert '<a href="/ui/report/' not in none
    assert "There is nothing in the archive yet" in none


async def test_a_report_is_made_once_for_a_while_and_may_use_its_own_style_and_nothing_else() -> None:
    made: list[str] = []
    async with site(beyond=await beyond(report=with_report(made))) as (_, client):
        reports = await client.get("/ui/report")
        answers = [await client.get("/ui/report/2026-W47") for _ in range(3)]
    assert "so far" in reports.text
    assert "the last whole week" in reports.text
    assert made == ["2026-W47"]
    assert '<a href="/ui/report">' in answers[0].text
    policy = answers[0].headers["content-security-policy"]
    assert f"'sha256-{base64.b64encode(hashlib.sha256(STYLE).digest()).decode()}'" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script" not in policy


async def test_incidents_that_a_report_names_are_links_but_only_where_it_names_them_itself() -> None:
    key = "inc1:" + "0" * 20
    evil = f'<a href="https://x/ {key} onclick=x">{key}</a> &lt;code&gt;{key}&lt;/code&gt;'
    body = f"<code>{key}</code><code>pagesieve mark {key} --as duplicate</code>{evil}"

    async def report(_: str) -> bytes:
        return f"<html><body>{body}</body></html>".encode()

    async with site(beyond=await beyond(report=report)) as (_, client):
        answer = await client.get("/ui/report/2026-W47")
    link = f'<a href="/ui/incidents/{key}">{key}</a>'
    assert f"<code>{link}</code><code>pagesieve mark {link} --as duplicate</code>{evil}" in answer.text


@pytest.mark.parametrize("week", ["2026-47", "%2e%2e", "2026-W47.html", "--out", "2026-W4\N{ARABIC-INDIC DIGIT SEVEN}"])
async def test_what_is_no_week_is_not_asked_for(week: str) -> None:
    made: list[str] = []
    async with site(beyond=await beyond(report=with_report(made))) as (_, client):
        answer = await client.get(f"/ui/report/{week}")
    assert (answer.status_code, made) == (404, [])


async def test_why_a_report_cannot_be_made_is_said() -> None:
    async with site(beyond=await beyond(report=with_report([], "there are no <decisions> in it"))) as (_, client):
        answer = await client.get("/ui/report/2026-W47")
    assert answer.status_code == 404
    assert "there are no &lt;decisions&gt; in it" in answer.text


async def test_the_policy_is_shown_and_explains_what_is_pasted() -> None:
    async with site(beyond=await beyond(policy_text="hold: 2m # </pre><script>")) as (_, client):
        page = await client.get("/ui/policy")
        answer = await client.post("/ui/policy", data={"alert": "alertname=DiskFull\nhost=<a>"}, headers=FORM)
        wrong = await client.post("/ui/policy", data={"alert": "<nothing>"}, headers=FORM)
    assert "hold: 2m # &lt;/pre&gt;&lt;script&gt;" in page.text
    assert "&#34;host&#34;:&#34;&lt;a&gt;&#34;" in answer.text
    assert "alertname=DiskFull\nhost=&lt;a&gt;</textarea>" in answer.text
    assert wrong.status_code == 400
    assert "expected label=value on each line" in wrong.text


@pytest.mark.parametrize(
    ("text", "name", "labels"),
    [
        ('DiskFull{host="a",  severity="critical"}', "DiskFull", {"host": "a", "severity": "critical"}),
        ('{alertname="DiskFull", path="/\\"x\\\\"}', "DiskFull", {"path": '/"x\\'}),
        ("alertname=DiskFull\nhost: db-1\n\n", "DiskFull", {"host": "db-1"}),
        ('alertname="DiskFull"\nsummary=a b, c', "DiskFull", {"summary": "a b, c"}),
        ('{"alertname": "DiskFull", "host": "a"}', "DiskFull", {"host": "a"}),
        (
            'alertname = DiskFull , \nhost="a b" ,\nurl: "http://x?a=b:c"\nodd="\nx=a",,',
            "DiskFull",
            {"host": "a b", "url": "http://x?a=b:c", "odd": "", "x": 'a",'},
        ),
        ("DiskFull{}", "DiskFull", {}),
        ("ALERTS{alertname=x}", "ALERTS", {}),
    ],
)
def test_an_alert_is_pasted_as_people_have_it(text: str, name: str, labels: dict[str, str]) -> None:
    found = json.loads(event_of(text))
    assert found["name"] == name
    assert labels.items() <= found["labels"].items()
    assert found.get("severity") == labels.get("severity")


def test_the_longest_line_costs_no_more_than_its_length() -> None:
    for spaces in (2_000, LONGEST - 100):
        for text in (f"alertname=x\nhost=a{' ' * spaces}b", f"x{{host=a{' ' * spaces}b}}", f"{' ,' * (spaces // 2)}="):
            began_s = time.process_time()
            with suppress(Rejected):
                event_of(text)
            assert time.process_time() - began_s < 1.0


async def test_what_is_pasted_is_read_beside_the_loop_in_which_alerts_are_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_in: list[threading.Thread] = []

    def watched(text: str) -> bytes:
        read_in.append(threading.current_thread())
        return event_of(text)

    monkeypatch.setattr(reading, "event_of", watched)
    async with site() as (_, client):
        await client.post("/ui/policy", data={"alert": "alertname=DiskFull"}, headers=FORM)
    assert len(read_in) == 1
    assert read_in[0] is not threading.current_thread()


def test_what_is_json_already_is_left_alone() -> None:
    for text in ('{"name": "x", "labels": {"a": "b"}}', '{"alerts": []}', '[{"name": "x"}]'):
        assert event_of(text) == text.encode()


@pytest.mark.parametrize("text", ["", " \n", "x" * 70_000, "host=a", 'X{host="a" b}', "no label", "{}", '{"a": "b"}'])
def test_what_is_no_alert_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(Rejected):
        event_of(text)


def test_a_real_report_has_what_the_page_looks_for() -> None:
    template = (render.TEMPLATES / "report.html.j2").read_text()
    assert template.count("<body>\n") == template.count("<style>\n") == 1
