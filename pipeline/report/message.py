"""The report as a message, short enough for each chat that takes it; what does not fit is said to be in the report.

| where | takes | gets at most |
| --- | --- | --- |
| Slack, incoming webhook | 50 blocks; characters: a header 150, a section 3,000, all 13,000 | 40; 150, 2,900, 10,000 |
| Teams, workflow webhook | an adaptive card of 28 kB; 21 kB were measured (msteams_hermes) | 18 kB |
| any other webhook | JSON, all of the report in it | as much as there is |

Slack's 13,000 stands in no documentation (slackapi/bolt-js, issue 2509).
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from pipeline.report import misses
from pipeline.report.facts import Hours
from pipeline.report.render import effected, markdown, plain, said, sided
from pipeline.report.report import Report

SLACK_BLOCKS, SLACK_HEADER, SLACK_SECTION, SLACK_ALL = 40, 150, 2900, 10_000
TEAMS_BYTES = 18_000
MOST_LINES = 8
_CARD_MARKDOWN = re.compile(r"([\\*_\[\]`#<>])")
Message = dict[str, Any]


class Part(NamedTuple):
    """A heading, and lines below it: each a name from outside, and what we say of it."""

    heading: str
    lines: list[tuple[str, str]]


def subject(report: Report) -> str:
    """The title of a letter or message."""
    if not (report.counts.events or report.counts.pages):
        return f"On call {report.week}: nothing is recorded of this week"
    night = sum(load.hours[Hours.SLEEP] for load in report.loads)
    return (
        f"On call {report.week}: {report.counts.pages} page{'' if report.counts.pages == 1 else 's'}, {night} at night"
    )


def slack(report: Report, link: str | None) -> Message:
    """For an incoming webhook of Slack. `verbatim`: a name that looks like a channel or a link becomes none."""
    blocks: list[Message] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(subject(report), SLACK_HEADER), "emoji": False}},
        _section(_slack(report.headline)),
    ]
    room = SLACK_ALL - 200  # for what is said at the end
    is_cut = False
    for part in parts(report):
        lines = [_line(_slack, f"*{_slack(name)}*", text) for name, text in part.lines]
        text = "\n".join([f"*{_slack(part.heading)}*", *lines] if part.heading else lines)
        block = _section(text)
        if len(blocks) < SLACK_BLOCKS - 1 and len(orjson.dumps([*blocks, block]).decode()) < room:
            blocks.append(block)
        else:
            is_cut = True
    end = _end(link, is_cut=is_cut)
    if end:
        blocks.append(_section(f"<{link}|{end}>" if link else end))
    return {"text": _slack(subject(report)), "blocks": blocks}


def teams(report: Report, link: str | None) -> Message:
    """For a workflow of Teams that takes webhooks: an adaptive card."""
    body: list[Message] = [
        {"type": "TextBlock", "size": "Large", "weight": "Bolder", "wrap": True, "text": _card(subject(report))},
        {"type": "TextBlock", "wrap": True, "text": _card(report.headline)},
    ]
    is_cut = False
    for part in parts(report):
        lines = ["- " + _line(_card, f"**{_card(name)}**", text) for name, text in part.lines]
        text = "\n".join([f"**{_card(part.heading)}**", "", *lines] if part.heading else lines)
        block = {"type": "TextBlock", "wrap": True, "text": text}
        if len(orjson.dumps(_carded([*body, block], link))) < TEAMS_BYTES - 300:
            body.append(block)
        else:
            is_cut = True
    if is_cut:
        body.append({"type": "TextBlock", "wrap": True, "isSubtle": True, "text": _end(None, is_cut=True)})
    return _carded(body, link)


def generic(report: Report, link: str | None) -> Message:
    """For anything that takes JSON: what to show, and all of it."""
    return {
        "kind": "pagesieve.report",
        "week": report.week,
        "title": subject(report),
        "headline": report.headline,
        "link": link,
        "markdown": markdown(report),
        "report": plain(report),
    }


def parts(report: Report) -> list[Part]:
    """What a message says, the most telling first."""
    counts, by_name = report.counts, {one.name: one for one in report.figures}
    funnel = (
        f"{counts.events:,} events, {counts.alerts:,} alerts, {counts.incidents:,} incidents, {counts.pages:,} pages"
    )
    found = [
        Part(
            "What became of the events",
            [
                ("", funnel),
                ("noise reduction", f"{said(by_name['noise reduction'].value)}; {misses.said(report.missed)}"),
            ],
        )
    ]
    if report.loads:
        found.append(Part("Whom it rang for", [(one.person, _load(one.hours)) for one in report.loads[:MOST_LINES]]))
    for one in report.advised[:MOST_LINES]:
        if one.proposal:
            effect = f" This week: {effected(one.effect)}." if one.effect else ""
            noisy = f"{one.noisy.pages} pages, actionable {said(one.noisy.actionable)}."
            found.append(Part("", [(one.noisy.name, f"{noisy} {one.proposal.title}.{effect}")]))
    fixes = [
        (one.what, f"{sided(one.before)} before, {sided(one.after)} after") for one in report.fixes if one.since_ms
    ]
    if fixes:
        found.append(Part("What fixes did", fixes[:MOST_LINES]))
    if report.to_grade:
        wait = f"{len(report.to_grade)} that were kept quiet wait for somebody to say what they were"
        found.append(Part("To grade", [("", wait)]))
    return found


def _load(hours: dict[Hours, int]) -> str:
    return (
        f"{sum(hours.values())} pages: {hours[Hours.BUSINESS]} at work, {hours[Hours.OFF]} after hours,"
        f" {hours[Hours.SLEEP]} asleep"
    )


def _line(escaped: Callable[[str], str], name: str, text: str) -> str:
    return f"{name}: {escaped(text)}" if name.strip("*") else escaped(text)


def _section(text: str) -> Message:
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut(text, SLACK_SECTION), "verbatim": True}}


def _carded(body: list[Message], link: str | None) -> Message:
    card: Message = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    if link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "The whole report", "url": link}]
    attached = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attached]}


def _end(link: str | None, *, is_cut: bool) -> str:
    if link:
        return "The whole report" + (", with what did not fit here" if is_cut else "")
    return "The rest did not fit here: it is in the report." if is_cut else ""


def _slack(text: str) -> str:
    """As Slack shows it unchanged, on one line: these three are all that begins a mention, a link or an entity."""
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _card(text: str) -> str:
    return _CARD_MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
