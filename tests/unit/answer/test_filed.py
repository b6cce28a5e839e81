"""The files that the real replay writes answer, too."""

import json
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest

from pipeline.answer import FiledPast, IncidentStory, answer, read_asked
from pipeline.answer.words import lines
from pipeline.core.policy import Policy
from pipeline.errors import Misuse
from pipeline.replay import Outputs, replay


def event(second: int, name: str, **labels: str) -> bytes:
    said = {"source": "zbx", "name": name, "labels": labels, "starts_at": f"2026-01-01T00:00:{second:02}Z"}
    return json.dumps(said).encode() + b"\n"


LINES = [
    event(0, "NodeDown", node="n7", cluster="eu"),
    b"no event\n",
    event(2, "DiskFull", node="n7", cluster="eu"),
    event(3, "NodeDown", node="n7", cluster="eu"),
    event(4, "Slow", host="b", cluster="us"),
]


def of(text: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: iter(text.splitlines(keepends=True))


def written() -> tuple[bytes, bytes]:
    decisions, incidents = BytesIO(), BytesIO()
    replay(LINES, "canonical", Policy(group_by=("cluster",)), Outputs(decisions, incidents))
    return decisions.getvalue(), incidents.getvalue()


def past(decisions: bytes, incidents: bytes | None = None) -> FiledPast:
    names = "decisions.ndjson", "incidents.ndjson"
    return FiledPast(names, of(decisions), None if incidents is None else of(incidents))


def said(what: str, of_past: FiledPast) -> list[str]:
    story = answer(read_asked(what), of_past, 50)
    assert story is not None
    return list(lines(story))


def test_an_incident_has_names_where_the_incidents_were_kept_too() -> None:
    decisions, incidents = written()
    incident_id = json.loads(decisions.splitlines()[0])["incident_id"]
    told = said(incident_id[:13], past(decisions, incidents))
    assert told[0].startswith(f"{incident_id}, resolved, ")
    assert "paged     00:00:00  opened by NodeDown on n7 (line:1)" in told
    assert any("DiskFull on n7  joined" in line for line in told)
    bare = said(incident_id, past(decisions))
    assert bare[0] == f"{incident_id}: only decisions name it; what it was is not recorded here"
    assert any("fp1:" in line and "joined" in line for line in bare)
    assert bare[-1] == "  … and 1 repeats until 00:00:03"


def test_a_line_names_an_event() -> None:
    told = said("line:3", past(*written()))
    assert told[0] == "line:3: 1 decided"
    assert "DiskFull on n7 [fp1:" in told[1]
    assert answer(read_asked("line:2"), past(*written()), 50) is None
    with pytest.raises(Misuse, match="in a replay's file it is line:N"):
        answer(read_asked("0:3"), past(*written()), 50)


def test_the_beginning_of_several_ids_is_misuse_that_names_them() -> None:
    first, *_ = written()[0].splitlines()
    one = json.loads(first)
    ids = [one["fingerprint"][:-1] + digit for digit in "0123456"]
    text = b"".join(json.dumps(one | {"fingerprint": each}).encode() + b"\n" for each in ids)
    with pytest.raises(Misuse) as failure:
        answer(read_asked(ids[0][:12]), past(text), 50)
    assert str(failure.value) == (f"{ids[0][:12]} is the beginning of 7 ids, give more of it: {', '.join(ids[:5])}, …")
    assert answer(read_asked(ids[0]), past(text), 50) is not None


def test_what_is_no_replays_file_is_named_by_line() -> None:
    decisions, incidents = written()
    with pytest.raises(Misuse, match=r"decisions.ndjson: line 1 is no decision of a replay: "):
        answer(read_asked("line:1"), past(incidents), 50)
    incident_id = json.loads(incidents.splitlines()[0])["incident_id"]
    with pytest.raises(Misuse, match=r"incidents.ndjson: line 1 is no incident of a replay: "):
        answer(read_asked(incident_id), past(decisions, decisions), 50)


def test_an_incident_that_was_merged_says_where_its_alerts_are() -> None:
    decisions, incidents = written()
    first, other = dict.fromkeys(json.loads(line)["incident_id"] for line in decisions.splitlines())
    last = json.loads([line for line in incidents.splitlines() if other.encode() in line][-1])
    last |= {"revision": 99, "state": "merged", "merged_into": first}
    found = past(decisions.replace(other.encode(), first.encode()), incidents + json.dumps(last).encode() + b"\n")
    told = said(other, found)
    assert told[0].startswith(f"{other}, merged, ")
    assert any(line.startswith(f"merged    into {first}, which goes on for it: ") for line in told)
    story = answer(read_asked(first), found, 50)
    assert isinstance(story, IncidentStory)
    assert (story.came_from, len(story.alerts)) == ([other], 3)
