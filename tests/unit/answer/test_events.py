"""An alert or one event is answered for: its decisions in order, what repeats only counted, and its incidents."""

import json

import pytest

from pipeline.answer import AlertStory, LoggedPast, read_asked
from pipeline.answer.records import absent, told
from pipeline.answer.words import absence
from pipeline.core.policy import Policy
from pipeline.errors import Misuse
from schemas import Reason
from schemas.topics import DECISIONS, RAW
from tests.laws.books import Log
from tests.unit.answer.recorded import ask, decisions, event, incident_ids, recorded, said

TOGETHER = Policy(group_by=("cluster",), resolve_after=60)
NODE = event("NodeDown", cluster="eu", node="n7", alertname="NodeDown")
OVER = event("NodeDown", cluster="eu", node="n7", alertname="NodeDown", status="resolved")


@pytest.fixture(name="log", scope="module")
def _log() -> Log:
    bodies = [[NODE], [NODE], [NODE], [OVER], [NODE]]
    return recorded(*((10 * number, body) for number, body in enumerate(bodies)), policy=TOGETHER)


def test_an_alert_is_told_by_its_decisions_and_repeats_are_one_line(log: Log) -> None:
    first = decisions(log)[0]
    [incident_id] = incident_ids(log)
    assert said(log, first.fingerprint) == [
        "NodeDown{cluster=eu, node=n7, alertname=NodeDown}, warning, from canonical",
        f"{first.fingerprint}, at its source {first.source_fingerprint}",
        f"by policy {TOGETHER.name}, no model",
        f"  2023-11-14 22:13:20 UTC  opened, PAGED in {incident_id}  (0:0)",
        f"      {Reason.OPENED.sentence}",
        "      score 0.047: its source sends events, few of which anybody has to act on (-3.00)",
        "      next at 22:18:20, if nothing comes before",
        "  22:13:30  duplicate, 2 times until 22:13:40  (0:1)",
        f"      {Reason.DUPLICATE.sentence}",
        "  22:13:50  resolved  (0:3)",
        f"      {Reason.RESOLVED.sentence}",
        "      next at 22:14:50, if nothing comes before",
        "  22:14:00  refired  (0:4)",
        f"      {Reason.REFIRED.sentence}",
        "      score 0.195: alerts of its kind began about once in 1 min (-0.69); 100 % of the times it fired lately it"
        " resolved by itself within ten minutes (-0.40); the alert itself began about once in 1 min (-0.17)",
        "      next at 2023-11-15 22:14:00, if nothing comes before",
        f"{incident_id}, open: NodeDown on n7 in cluster eu, since 22:13 UTC",
    ]


def test_a_page_that_waits_as_its_past_says_is_explained() -> None:
    patient = Policy.model_validate({"group_by": ["cluster"], "hold": "auto", "guardrails": {"watched": 1}})
    bodies = [(3600 * hour + after_s, [body]) for hour in range(6) for after_s, body in ((0, NODE), (20, OVER))]
    log = recorded(*bodies, (30_000, [NODE]), policy=patient)
    last = decisions(log)[-1]
    assert last.reason is Reason.HELD
    told_of = said(log, last.fingerprint)
    assert "      held 1m30s: 89 % of its kind were gone by then (6 past alerts of this one)" in told_of


def test_an_alert_is_found_by_the_fingerprint_of_its_source_too(log: Log) -> None:
    first = decisions(log)[0]
    assert first.source_fingerprint is not None
    for what in (first.source_fingerprint, first.source_fingerprint[:8], first.source_fingerprint.upper()):
        assert said(log, what) == said(log, first.fingerprint)


def test_of_many_decisions_the_latest_are_told(log: Log) -> None:
    lines = said(log, decisions(log)[0].fingerprint, 2)
    assert "  … 3 earlier decisions (--all)" in lines
    assert [line.split(" in ")[0].split()[-1] for line in lines if line.endswith(":3)")] == ["resolved"]
    assert sum(line.startswith("  2") for line in lines) == 2


def test_when_the_versions_change_it_is_said() -> None:
    log = recorded((0, [NODE]), policy=TOGETHER)
    other = Policy(group_by=("cluster",), gap=7)
    later = recorded((0, [NODE]), (60, [NODE]), policy=other)
    newer = [*later.read(DECISIONS.name)][1]
    both = log.changed(DECISIONS.name, lambda entries: [*entries, newer])
    said_by = [line for line in said(both, decisions(log)[0].fingerprint) if line.startswith("by policy")]
    assert said_by == [
        f"by policy {TOGETHER.name}, no model",
        f"by policy {other.name}, no model",
    ]


def test_one_event_is_told_with_all_that_was_in_it_also_what_was_no_alert() -> None:
    log = recorded((0, [NODE]), (1, [event("DiskFull", cluster="eu", host="a"), {"name": 7}, NODE]), policy=TOGETHER)
    lines = said(log, "0:1")
    assert lines[0] == "0:1 on alerts.raw: 2 decided"
    assert lines[1].startswith("  rejected, since it is no alert: [1].name: ")
    assert any("DiskFull on a [fp1:" in line and "joined" in line for line in lines)
    assert any("NodeDown on n7 [fp1:" in line and "duplicate" in line for line in lines)
    assert lines[-1].startswith(f"{incident_ids(log)[0]}, open: ")


def test_an_event_that_was_rejected_whole_is_found() -> None:
    log = recorded((0, ["no event"]), policy=TOGETHER)
    assert said(log, "0:0")[0] == "0:0 on alerts.raw: 0 decided"
    assert said(log, "0:0")[1].startswith("  rejected, since it is no alert: [0]: ")


def test_a_place_where_nothing_was_decided_says_why(log: Log) -> None:
    past = LoggedPast(log)
    assert ask(log, "0:7") is None
    assert past.beyond("0:7") == "nothing stands there yet: alerts.raw[0] ends before 5"
    assert past.beyond("9:7") == "alerts.raw has no partition 9, only 0, 1"
    assert "on its way" in LoggedPast(log.extended(RAW.name, 0, committed=3)).beyond("0:4")
    assert "retention has removed" in LoggedPast(log.extended(RAW.name, 0, first=2)).beyond("0:1")
    with pytest.raises(Misuse, match="give it with --decisions"):
        past.beyond("line:3")


def test_what_was_looked_through_is_said(log: Log) -> None:
    past = LoggedPast(log.extended(DECISIONS.name, 0, first=1).extended(DECISIONS.name, 1, first=1))
    assert list(past.decisions(lambda _: False)) == []
    assert absence("fp1:00", past.looked) == (
        "fp1:00 is not there; looked through 5 decisions from 2023-11-14 22:13:20 UTC to 2023-11-14 22:14:00 UTC, and"
        " retention has removed what was before"
    )
    assert absent("fp1:00", past.looked, "")["looked_through"]["decisions"] == 5


def test_a_program_reads_the_same(log: Log) -> None:
    story = ask(log, decisions(log)[0].fingerprint)
    assert isinstance(story, AlertStory)
    found = json.loads(json.dumps(told(story)))
    assert [(one["reason"], one["count"]) for one in found["decisions"]] == [
        ("opened", 1),
        ("duplicate", 2),
        ("resolved", 1),
        ("refired", 1),
    ]
    assert found["alert"]["labels"]["node"] == "n7"
    event_told = ask(log, "0:3")
    assert event_told is not None
    assert json.loads(json.dumps(told(event_told)))["decisions"][0]["place"] == "0:3"


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        ("inc1:abc", "inc1:abc: give at least 8 of its 20 hex digits"),
        ("fp1:0123456789abcdef0", "has 17 hex digits, and such an id has 16"),
        ("abc", "abc: give at least 8 of its 16 hex digits"),
        ("DiskFull", "DiskFull: expected an incident"),
        ("1:", "1:: expected an incident"),
        ("-1:5", "-1:5: expected an incident"),
        ("0:" + 5000 * "9", "9: expected an incident"),
    ],
)
def test_what_cannot_be_asked_about_is_misuse(what: str, complaint: str) -> None:
    with pytest.raises(Misuse) as failure:
        read_asked(what)
    assert complaint in str(failure.value)
