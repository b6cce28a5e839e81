"""What is posted fits where it goes, says the same as the report, and takes no order from a name."""

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from pipeline.report.message import SLACK_ALL, TEAMS_BYTES, generic, slack, subject, teams
from pipeline.report.misses import said
from pipeline.report.report import Report

LINK = "https://reports.example.com/2026-W47.html"
# What begins a mention, a link or an entity in Slack; a link in a card; and what would end JSON, if anything did.
EVIL = '<!channel> <@U123> <http://evil|x> & [a](javascript:alert(1)) "} \n# @here'


def long(report: Report, name: str = "x" * 4000) -> Report:
    """More of everything, under names that are too long."""
    advised = [one._replace(noisy=one.noisy._replace(name=name)) for one in report.advised] * 10
    loads = [one._replace(person=name) for one in report.loads] * 30
    return report._replace(advised=advised, loads=loads, fixes=[one._replace(what=name) for one in report.fixes] * 9)


def texts(found: Any) -> Iterator[str]:
    if isinstance(found, dict):
        yield from (found[key] for key in ("text",) if isinstance(found.get(key), str))
        for one in found.values():
            yield from texts(one)
    elif isinstance(found, list):
        for one in found:
            yield from texts(one)


def test_slack_gets_the_headline_the_funnel_the_misses_and_the_proposals_with_their_effects(report: Report) -> None:
    told = slack(report, LINK)
    assert told["text"] == subject(report)
    text = "\n".join(texts(told["blocks"]))
    assert report.headline in text
    assert f"{report.counts.pages:,} pages" in text
    assert said(report.missed) in text
    assert report.advised[0].noisy.name in text
    assert "missed of" in text
    assert "route ReplicaLagHigh: hold 5m" in text
    assert told["blocks"][-1]["text"]["text"] == f"<{LINK}|The whole report>"


def test_what_slack_gets_is_within_its_limits_however_much_there_is(report: Report) -> None:
    for one in (report, long(report), long(report, EVIL * 50), long(report, "\U0001f600" * 3000)):
        told = slack(one, LINK)
        blocks = told["blocks"]
        assert len(blocks) <= 50
        assert len(json.dumps(blocks, ensure_ascii=False)) <= SLACK_ALL
        for block in blocks:
            assert len(block["text"]["text"]) <= (150 if block["type"] == "header" else 3000)
    assert "what did not fit here" in blocks[-1]["text"]["text"]


def test_what_teams_gets_is_an_adaptive_card_within_its_limits(report: Report) -> None:
    for one in (report, long(report), long(report, EVIL * 50), long(report, "\U0001f600" * 3000)):
        told = teams(one, LINK)
        assert len(orjson.dumps(told)) <= TEAMS_BYTES
        [attached] = told["attachments"]
        card = attached["content"]
        assert (told["type"], attached["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
        assert (card["type"], card["actions"][0]["url"]) == ("AdaptiveCard", LINK)
        assert {block["type"] for block in card["body"]} == {"TextBlock"}
    assert "did not fit" in card["body"][-1]["text"]


@pytest.mark.parametrize("make", [slack, teams])
def test_a_name_from_outside_mentions_nobody_and_links_nowhere(make: Any, report: Report) -> None:
    evil = report._replace(
        advised=[report.advised[0]._replace(noisy=report.advised[0].noisy._replace(name=EVIL))],
        loads=[report.loads[0]._replace(person=EVIL)],
        fixes=[report.fixes[0]._replace(what=EVIL)],
    )
    said = "\n".join(texts(make(evil, None)))
    assert "<" not in said.replace("\\<", "")
    assert make is slack or "](" not in said.replace("\\](", "")
    if make is slack:
        sections = [one["text"] for one in slack(evil, None)["blocks"] if one["type"] == "section"]
        assert all(one["verbatim"] for one in sections)


def test_any_other_webhook_gets_all_of_it(report: Report) -> None:
    told = json.loads(orjson.dumps(generic(report, None), option=orjson.OPT_NON_STR_KEYS))
    assert (told["week"], told["headline"], told["link"]) == (report.week, report.headline, None)
    assert told["report"]["counts"]["pages"] == report.counts.pages
    assert told["markdown"].startswith("# On call, 2026-W47")


def test_without_a_link_nothing_points_anywhere(report: Report) -> None:
    assert "actions" not in teams(report, None)["attachments"][0]["content"]
    assert not any("http" in text for text in texts(slack(report, None)))
