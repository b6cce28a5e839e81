"""What is read as a change, and what is rejected by the name of its field."""

import json
from typing import Any

import pytest

from pipeline.errors import Rejected
from pipeline.sources.changes import MOST_LABELS, MOST_LINKS, MOST_TOGETHER, read_changes
from schemas import Change

NOW_MS = 1_764_115_200_000  # 2025-11-26 00:00 UTC
PLAIN = {"summary": "Deploy cart 1.2.3", "service": "cart"}
# As PagerDuty documents it.
EVENT = {
    "routing_key": "samplekeyhere",
    "payload": {
        "summary": "Build Success: Increase snapshot create timeout to 30 seconds",
        "timestamp": "2025-11-25T23:58:00Z",
        "source": "acme-build-pipeline-tool-default-i-9999",
        "custom_details": {"build_state": "passed", "service": "snapshots", "run": {"id": 9}, "build_number": 2},
    },
    "links": [{"href": "https://acme.pagerduty.dev/build/2", "text": "View more details in Acme!"}],
}


def read(said: Any, received_at_ms: int | None = NOW_MS) -> list[Change]:
    heard = read_changes(json.dumps(said).encode(), received_at_ms)
    assert not heard.rejected
    return heard.changes


def test_the_plain_form() -> None:
    said = {
        **PLAIN,
        "labels": {"cluster": "eu-1"},
        "at": "2025-11-25T23:59:00Z",
        "kind": "deploy",
        "source": "ci",
        "link": "https://ci/1",
    }
    [found] = read(said)
    assert found.summary == "Deploy cart 1.2.3"
    assert found.labels == {"cluster": "eu-1", "service": "cart"}
    assert (found.kind, found.source, found.at_ms) == ("deploy", "ci", NOW_MS - 60_000)
    assert [(link.href, link.text) for link in found.links] == [("https://ci/1", "change")]


def test_pagerdutys_change_event_without_its_secret() -> None:
    [found] = read(EVENT)
    assert found.summary.startswith("Build Success")
    assert found.labels == {"build_state": "passed", "service": "snapshots"}
    assert found.at_ms == NOW_MS - 120_000
    assert found.links[0].text == "View more details in Acme!"
    assert "samplekeyhere" not in found.model_dump_json()


def test_pagerdutys_source_says_what_it_was_made_to_where_nothing_else_does() -> None:
    [found] = read({"payload": {"summary": "Deploy", "source": "cart"}})
    assert found.labels == {"service": "cart"}


def test_without_a_time_it_is_made_now_and_never_later() -> None:
    assert read(PLAIN)[0].at_ms == NOW_MS
    assert read({**PLAIN, "at": "2999-01-01T00:00:00Z"})[0].at_ms == NOW_MS


def test_the_same_said_again_has_the_same_id_and_anything_else_another() -> None:
    ids = {read(said)[0].id for said in (PLAIN, PLAIN, {**PLAIN, "kind": "flag"}, {**PLAIN, "service": "web"})}
    assert len(ids) == 3
    assert read_changes(json.dumps(PLAIN).encode(), NOW_MS, "acme").changes[0].id not in ids


def test_several_come_as_an_array_or_one_a_line() -> None:
    two = [PLAIN, {**PLAIN, "service": "web"}]
    lines = b"\n".join(json.dumps(one).encode() for one in two)
    assert read(two) == read_changes(lines, NOW_MS).changes
    assert read([]) == []


def test_bad_ones_are_named_and_the_others_kept() -> None:
    heard = read_changes(json.dumps([PLAIN, {"service": "cart"}, 7]).encode(), NOW_MS)
    assert len(heard.changes) == 1
    assert [failure.where for failure in heard.rejected] == ["[1].summary", "[2]"]


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"service": "cart"}, "summary"),
        ({"summary": "  ", "service": "cart"}, "summary"),
        ({"summary": "Deploy"}, "service"),
        ({**PLAIN, "at": "yesterday"}, "at"),
        ({**PLAIN, "labels": {"a": 1}}, "labels.a"),
        ({**PLAIN, "labels": {"no label": "x"}}, "labels"),
        ({**PLAIN, "labels": {f"l{n}": "x" for n in range(MOST_LABELS)}}, "labels"),
        ({**PLAIN, "kind": "k" * 201}, "kind"),
        ({"payload": {"source": "x"}}, "payload.summary"),
        ({"payload": 1}, "payload"),
        ("text", ""),
        ([PLAIN] * (MOST_TOGETHER + 1), ""),
    ],
)
def test_what_is_none_is_rejected_by_name(said: Any, where: str) -> None:
    with pytest.raises(Rejected) as caught:
        read_changes(json.dumps(said).encode(), NOW_MS)
    assert caught.value.where == where


def test_history_says_the_time_itself() -> None:
    with pytest.raises(Rejected, match="time"):
        read_changes(json.dumps(PLAIN).encode(), None)


def test_long_summaries_are_cut_and_odd_links_left_out() -> None:
    links = [
        "https://ok/1",
        {"href": "javascript:alert(1)"},
        {"href": 7},
        {"href": "https://" + "x" * 3000},
        *["https://ok/2"] * 9,
    ]
    [found] = read({**PLAIN, "summary": "d\n" * 3000, "links": links})
    assert len(found.summary) == 1024
    assert "\n" not in found.summary
    assert len(found.links) == MOST_LINKS
    assert all(link.href.startswith("https://ok") for link in found.links)
