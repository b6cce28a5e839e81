"""The list and an incident's page: what is on them, and that whatever a source calls its alerts stays text."""

import re

import pytest

from pipeline.errors import Retryable
from tests.laws.books import Log
from tests.unit.answer.recorded import event
from tests.unit.edge.web.scene import KEY, Markup, entry, ids, incident, site

pytestmark = pytest.mark.anyio
SCRIPT = re.compile(r"/ui/static/live[.]js[?][0-9a-f]{12}")
STORY = (
    (0, [event("NodeDown", cluster="eu-1", severity="critical", node="n7")]),
    (2, [event("PodDown", cluster="eu-1", pod="cart-1")]),
    (9, [event("PodDown", cluster="eu-1", pod="cart-1")]),
)


async def test_the_list_says_state_score_reason_and_what_comes_next() -> None:
    async with site(*STORY) as (_, client):
        answer = await client.get("/ui/")
    assert answer.status_code == 200
    for part in ("NodeDown on n7", ">firing<", "critical", "paged: opened", "0.", "2 of 2 firing"):
        assert part in answer.text
    assert len(ids(answer.text)) == 1


async def test_an_incident_tells_every_alert_and_why_it_joined_and_paged() -> None:
    async with site(*STORY) as (_, client):
        [key] = ids((await client.get("/ui/")).text)
        answer = await client.get(f"/ui/incidents/{key}")
    timeline = answer.text.partition('<ol class="timeline">')[2].partition("</ol>")[0]
    assert len(re.findall(r"<li class=\"m-alert", timeline)) == 2
    assert timeline.index("NodeDown on n7") < timeline.index("PodDown on cart-1")
    assert timeline.count(">paged<") == 1
    assert "It joined an open incident that was paged already." in timeline
    assert "1 duplicate" in answer.text
    assert "its source claims that it is serious" in answer.text


async def test_what_a_source_says_is_never_markup_nor_a_link_to_click_on() -> None:
    evil = '"><script>alert(1)</script>'
    body = event(f"X{evil}", severity="critical", cluster=evil, pod="<img src=x onerror=alert(1)>")
    body |= {"url": "javascript:alert(1)", "annotations": {"summary": evil, "runbook_url": "javascript:alert(2)"}}
    good = event("Fine", cluster=evil) | {"url": "https://good.example/graph"}
    async with site((0, [body]), (1, [good])) as (_, client):
        listing = await client.get("/ui/", params={"q": evil})
        [key] = ids((await client.get("/ui/")).text)
        story = await client.get(f"/ui/incidents/{key}")
        absent = await client.get("/ui/incidents/<script>alert(1)")
    for answer in (listing, story, absent):
        found = Markup(answer.text)
        scripts = [attributes["src"] or "" for tag, attributes in found.tags if tag == "script"]
        assert [bool(SCRIPT.fullmatch(script)) for script in scripts] == [True]
        assert "img" not in {tag for tag, _ in found.tags}
        assert not [
            name for _, attributes in found.tags for name in attributes if name.startswith("on") or name == "style"
        ]
        assert {link.partition(":")[0] for link in found.links if ":" in link and not link.startswith("/")} <= {"https"}
    assert 'href="https://good.example/graph" rel="noreferrer noopener"' in story.text


async def test_who_is_not_there_is_404_and_says_so() -> None:
    async with site() as (_, client):
        answers = [await client.get(f"/ui/incidents/{key}") for key in (KEY, "inc1:xyz", "%2e%2e")]
        nothing = await client.get("/ui/nothing")
        empty = await client.get("/ui/")
    assert [answer.status_code for answer in [*answers, nothing]] == [404] * 4
    assert "No such incident" in answers[0].text
    assert "Nothing is firing" in empty.text


async def test_an_incident_whose_log_is_away_still_shows_what_is_known() -> None:
    async with site(*STORY) as (made, client):
        [key] = ids((await client.get("/ui/")).text)
        log = made.told

    def away(*_: object) -> None:
        raise Retryable("broker.internal:9092 is away")

    beyond = made.beyond(story=away)
    async with site(log=log, beyond=beyond) as (_, client):
        answer = await client.get(f"/ui/incidents/{key}")
    assert answer.status_code == 200
    assert "There is no timeline now" in answer.text
    assert "broker.internal" not in answer.text
    assert "NodeDown on n7" in answer.text


async def test_what_is_cut_and_what_is_not_read_yet_is_said() -> None:
    async with site() as (made, client):
        made.live.__init__(most_live=2, most_ended=1)  # type: ignore[misc]  # the same object with other limits
        for number in range(3):
            made.live.take(entry(incident(number)))
            made.live.take(entry(incident(10 + number, state="resolved", firing=0)))
        live, ended = await client.get("/ui/"), await client.get("/ui/?show=ended")
    assert "The log is still being read" in live.text
    assert "1 more are open and not shown here" in live.text
    assert "2 more that are over are no longer listed here" in ended.text


async def test_nobody_is_sent_to_sleep_while_something_is_open_that_is_not_shown() -> None:
    async with site() as (made, client):
        made.live.__init__(most_live=1)  # type: ignore[misc]  # the same object with another limit
        made.live.take(entry(incident(1)))
        made.live.take(entry(incident(2)))
        made.live.take(entry(incident(2, state="resolved", firing=0)))
        short = await client.get("/ui/")
        made.live.take(entry(incident(1, state="resolved", firing=0)))
        over = await client.get("/ui/")
    assert "1 more are open and not shown here" in short.text
    assert "Sleep well" not in short.text
    said = re.search(r'<p class="as-of"[^>]*>(.*?)</p>', short.text, re.DOTALL)
    assert said is not None
    assert "1 open and not shown." in said[1]  # a page that stays open has this line, and not the note, kept new
    assert "not shown here" not in over.text
    assert "Sleep well" in over.text


async def test_a_page_of_the_list_is_as_long_with_ten_thousand_incidents_as_with_sixty() -> None:
    sizes = []
    for count in (60, 10_000):
        async with site(log=_log(), beyond=None) as (made, client):
            for number in range(count):
                made.live.take(entry(incident(number)))
            answer = await client.get("/ui/?page=2" if count > 60 else "/ui/")
        sizes.append((len(ids(answer.text)), len(answer.text)))
    assert [rows for rows, _ in sizes] == [50, 50]
    assert abs(sizes[0][1] - sizes[1][1]) < 1500


async def test_others_of_its_kind_show_their_scores_and_how_they_were_judged() -> None:
    def failing(second: int, host: str) -> tuple[int, list[object]]:
        return second, [event("ProbeFailed", cluster=host, host=host)]

    async with site(failing(0, "a-1"), failing(100, "a-2"), failing(200, "a-3")) as (_, client):
        keys = ids((await client.get("/ui/")).text)
        answer = await client.get(f"/ui/incidents/{keys[0]}")
    assert len(keys) == 3
    kin = answer.text.partition('<table class="kin">')[2].partition("</table>")[0]
    assert [key in kin for key in keys] == [False, True, True]
    assert kin.count("not yet") == 2


def _log() -> Log:
    return Log().finished()
