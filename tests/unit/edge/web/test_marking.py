"""A mark from the page stands where one from `pagesieve mark` does, is shown at once, and comes whole or not at all."""

import pytest

from pipeline.codec import decode, decode_alerts
from schemas import Control, Outcome, Verdict
from tests.unit.answer.recorded import event
from tests.unit.edge.web.scene import FORM, KEY, ids, site

pytestmark = pytest.mark.anyio
STORY = ((0, [event("ProbeFailed", cluster="a")]), (3, [event("DiskFull", cluster="b")]))


async def test_one_is_marked_as_outcomes_are_and_its_page_shows_it_at_once() -> None:
    async with site(*STORY) as (made, client):
        [key, _] = ids((await client.get("/ui/")).text)
        form = {
            "incident": key,
            "verdict": "not_actionable",
            "note": "a backup",
            "by": "ada",
            "back": f"/ui/incidents/{key}",
        }
        answer = await client.post("/ui/mark", data=form, headers=FORM)
        page = await client.get(answer.headers["location"])
    [outcome] = [decode(Outcome, draft.value) for draft in made.log.on("outcomes")]
    assert (outcome.incident_id, outcome.verdict, outcome.by) == (key, Verdict.NOT_ACTIONABLE, "ada")
    assert (outcome.via, outcome.note, outcome.is_person) == ("web", "a backup", True)
    controls = [decode_alerts(draft.value) for draft in made.log.on("alerts")]
    assert [one.outcome for one in controls if isinstance(one, Control)] == [outcome] * 3
    assert answer.status_code == 303
    assert "One incident is marked as <strong>not actionable</strong>" in page.text
    judged = page.text.partition('id="judged">')[2].partition("</p>")[0]
    assert "not actionable</span> by ada (a backup)." in judged
    assert "0 of 1 judged needed somebody" in judged
    assert 'value="ada"' in page.text  # who marks again need not say who they are


async def test_many_are_marked_at_once_and_the_list_says_so() -> None:
    async with site(*STORY) as (made, client):
        keys = ids((await client.get("/ui/")).text)
        form = {"incident": [*keys, keys[0]], "verdict": "duplicate", "by": "ada", "back": "/ui/?show=all&marked=7"}
        answer = await client.post("/ui/mark", data=form, headers=FORM)
        page = await client.get(answer.headers["location"])
        unjudged = await client.get("/ui/?judged=no")
    assert [draft.key for draft in made.log.on("outcomes")] == keys
    assert answer.headers["location"] == "/ui/?show=all&marked=2&as=duplicate"
    assert "2 incidents are marked" in page.text
    assert page.text.count("duplicate</span> by ada") == 2
    assert ids(unjudged.text) == []


async def test_who_has_logged_in_cannot_mark_as_somebody_else() -> None:
    async with site(*STORY, tokens="secret") as (made, client):
        await client.post("/ui/login", data={"name": "ada", "token": "secret"}, headers=FORM)
        page = await client.get("/ui/")
        form = {"incident": ids(page.text)[0], "verdict": "actionable", "by": "root"}
        await client.post("/ui/mark", data=form, headers=FORM)
    assert 'name="by"' not in page.text
    assert [decode(Outcome, draft.value).by for draft in made.log.on("outcomes")] == ["ada"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"incident": []}, "choose at least one"),
        ({"incident": [KEY, "inc1:zz"]}, "must be the whole id"),
        ({"verdict": ""}, "choose what it was"),
        ({"verdict": "acknowledged"}, "choose what it was"),
        ({"by": ""}, "say who you are"),
        ({"by": "Ada Lövelace"}, "ASCII"),
        ({"note": "x" * 2001}, "at most 2000 characters"),
        ({"incident": [f"inc1:{n:020x}" for n in range(501)]}, "at most 500"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_marked(change: dict[str, object], complaint: str) -> None:
    async with site() as (made, client):
        form = {"incident": [KEY], "verdict": "duplicate", "by": "ada"} | change
        answer = await client.post("/ui/mark", data=form, headers=FORM)
    assert (answer.status_code, made.log.drafts) == (400, [])
    assert complaint in answer.text


async def test_a_form_is_limited_in_kind_bytes_and_fields_and_a_log_that_is_away_is_said() -> None:
    form = {"incident": KEY, "verdict": "duplicate", "by": "ada"}
    async with site() as (made, client):
        kind = await client.post("/ui/mark", json=form, headers={"Origin": FORM["Origin"]})
        large = await client.post("/ui/mark", data=form | {"note": "x" * 300_000}, headers=FORM)
        many = await client.post("/ui/mark", data=form | {"incident": ["x"] * 1001}, headers=FORM)
        broken = await client.post("/ui/mark", content=b"note=%ff%fe&x=\xff", headers=FORM)
        made.log.is_away = True
        away = await client.post("/ui/mark", data=form, headers=FORM)
        page = await client.get("/ui/")
    assert [answer.status_code for answer in (kind, large, many, broken, away)] == [415, 413, 400, 400, 503]
    assert "it may not be marked" in away.text
    assert "broker.internal" not in away.text
    assert made.log.drafts == []
    assert page.status_code == 200


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
async def test_whoever_marked_stays_on_the_page(back: str) -> None:
    async with site() as (_, client):
        form = {"incident": KEY, "verdict": "duplicate", "by": "ada", "back": back}
        answer = await client.post("/ui/mark", data=form, headers=FORM)
    assert answer.headers["location"] == "/ui/?marked=1&as=duplicate"


async def test_a_made_up_word_of_what_was_marked_is_not_repeated() -> None:
    async with site() as (_, client):
        for query in ("marked=1&as=<b>x", "marked=99999&as=duplicate", "marked=x&as=duplicate"):
            assert 'class="flash"' not in (await client.get(f"/ui/?{query}")).text


async def test_the_page_is_as_light_as_one_likes() -> None:
    async with site() as (_, client):
        dark = await client.post("/ui/theme", data={"theme": "dark", "back": "/ui/policy"}, headers=FORM)
        page = await client.get("/ui/")
        await client.post("/ui/theme", data={"theme": ""}, headers=FORM)
        auto = await client.get("/ui/", headers={"Cookie": 'pagesieve_theme="><script>'})
    assert dark.headers["location"] == "/ui/policy"
    assert '<html lang="en" data-theme="dark">' in page.text
    assert '<html lang="en">' in auto.text
