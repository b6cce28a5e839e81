"""The board: what it shows of the log, what it forgets, and what it counts instead of keeping."""

import pytest

from pipeline.edge.gateway.alertmanager import board as rule
from pipeline.edge.gateway.alertmanager.board import Board
from pipeline.errors import Rejected
from pipeline.log.entry import Entry
from schemas import IncidentState
from schemas.topics import INCIDENTS, SILENCES
from tests.unit.edge.gateway.alertmanager.scene import DAY_MS, board, entry, incident, member, now_ms, silence


def ids(found: Board) -> list[str]:
    return [one.incident_id for one in found.incidents()]


def test_an_incident_stands_at_its_newest_revision_until_it_is_over() -> None:
    found = board(incident("a", revision=2, summary="new"), incident("a", revision=1, summary="old"), incident("b"))
    assert {one.incident_id: one.summary for one in found.incidents()} == {"a": "new", "b": "disk"}
    found.take(entry(incident("a", revision=3, state=IncidentState.RESOLVED)))
    found.take(entry(incident("b", revision=2, state=IncidentState.MERGED)))
    assert ids(found) == []


def test_an_acknowledged_incident_is_still_open() -> None:
    assert ids(board(incident("a", state=IncidentState.ACKNOWLEDGED))) == ["a"]


def test_a_silence_stands_as_it_was_last_changed() -> None:
    now = now_ms()
    newer, older = silence(comment="newer", updated_at_ms=now + 5), silence(comment="older", updated_at_ms=now)
    found = board(newer, older)
    assert [one.silence.comment for one in found.silences(now)] == ["newer"]
    assert found.silence("s1", now) == newer


def test_a_silence_leaves_five_days_after_its_end() -> None:
    now = now_ms()
    found = board(silence("long over", end=-5 * DAY_MS - 1000), silence("just over", end=-1000))
    assert found.silence("long over", now) is None
    assert [one.silence.id for one in found.silences(now)] == ["just over"]


def test_what_is_no_record_of_its_topic_is_rejected_by_name() -> None:
    for topic, value in [(SILENCES.name, b"{}"), (INCIDENTS.name, b"[]"), (INCIDENTS.name, b"\xff")]:
        with pytest.raises(Rejected):
            Board().take(Entry(topic, 0, 0, "x", value, {}, 0))
    with pytest.raises(Rejected, match="matchers: item 1, position 2"):
        Board().take(entry(silence("s", "a")))


def test_incidents_beyond_the_room_are_counted_instead_of_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    one = incident("a", member(pod="1"), member(pod="2"), unlisted=3)
    monkeypatch.setattr(rule, "MOST_BYTES", len(entry(one).value) + 10)
    found = board(one, incident("b", member(pod="3")))
    assert ids(found) == ["a"]
    assert found.unlisted() == 3 + 1
    # Room that is given back is used again.
    found.take(entry(incident("a", revision=2, state=IncidentState.RESOLVED)))
    found.take(entry(incident("b", member(pod="3"), revision=2)))
    assert (ids(found), found.unlisted()) == (["b"], 0)


def test_there_are_never_more_lines_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "MOST_INCIDENTS", 2)
    monkeypatch.setattr(rule, "MOST_SILENCES", 2)
    found = board(*(incident(name) for name in "abc"), *(silence(name, end=n * 1000) for n, name in enumerate("abc")))
    assert ids(found) == ["a", "b"]
    assert {one.silence.id for one in found.silences(now_ms())} == {"b", "c"}
