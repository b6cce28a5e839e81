"""Replay: one line a decision, balanced books, and time that runs out at the end."""

import json
from io import BytesIO
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.policy import Policy
from pipeline.errors import Misuse
from pipeline.replay import Funnel, Outputs, decision_line, replay
from schemas import Decision, Reason

LINES = [
    b'{"source":"ids","name":"scan","labels":{"host":"a"},"starts_at":"2026-01-01T00:00:00Z"}\n',
    b"nonsense\n",
    b"\n",
    b'{"source":"ids","name":"scan","labels":{"host":"a"},"starts_at":"2026-01-01T00:01:00Z"}\n',
    b'{"source":"zbx","name":"disk","labels":{"host":"b"},"starts_at":"2026-01-01T00:02:00Z","severity":"high"}\n',
    b'{"source":"zbx","name":"disk","labels":{"host":"b"},"starts_at":"2026-01-01T00:02:00Z","status":"resolved",'
    b'"ends_at":"2026-01-01T00:03:00Z"}\n',
]


def run(lines: list[bytes], source: str = "canonical") -> tuple[Funnel, list[list[dict[str, object]]]]:
    files = decisions, incidents, pages, rejected = [BytesIO() for _ in range(4)]
    funnel = replay(lines, source, Policy(group_by=("host",)), Outputs(decisions, incidents, pages, rejected))
    return funnel, [[json.loads(line) for line in file.getvalue().splitlines()] for file in files]


def test_each_event_has_one_decision_line_and_the_rest_is_rejected() -> None:
    funnel, (decisions, _, _, rejected) = run(LINES)
    assert [(d["seq"], d["line"], d["reason"], d["paged"]) for d in decisions] == [
        (1, 1, "opened", True),
        (2, 4, "duplicate", False),
        (3, 5, "opened", True),
        (4, 6, "resolved", False),
    ]
    assert " ".join(decisions[0]) == "seq line fingerprint source_fingerprint incident_id reason score paged at scored"
    assert decisions[0]["at"] == "2026-01-01T00:00:00.000Z"
    assert [r["line"] for r in rejected] == [2]
    assert (funnel.lines, funnel.events, funnel.rejected, funnel.alerts) == (6, 4, 1, 2)


def test_a_line_may_tell_of_a_change_whatever_the_source_of_the_others() -> None:
    change = b'{"change": {"summary": "Deploy", "labels": {"host": "b"}, "at": "2026-01-01T00:01:30Z"}}\n'
    timeless = b'{"change": {"summary": "Deploy", "labels": {"host": "b"}}}\n'
    named = b'{"source":"change","name":"change","labels":{"host":"a"},"starts_at":"2026-01-01T00:01:40Z"}\n'
    funnel, (decisions, incidents, _, rejected) = run([*LINES[:4], change, timeless, named, *LINES[4:]])
    assert len(decisions) == funnel.events == 5
    assert [len(str(i["changes"])) > 2 for i in incidents if i["revision"] == 1] == [False, True]
    assert [(r["line"], r["where"]) for r in rejected] == [(2, ""), (6, "change.at")]


def test_time_goes_on_until_every_deadline_has_passed() -> None:
    funnel, (_, incidents, pages, _) = run(LINES)
    assert [i["state"] for i in incidents if i["state"] == "resolved"] == ["resolved"] * 2
    assert [p["event_action"] for p in pages] == ["trigger", "trigger", "resolve", "resolve"]
    assert (funnel.incidents, funnel.pages, funnel.faults) == (2, 2, 0)


def test_time_also_ends_when_resolving_takes_none() -> None:
    out = BytesIO()
    assert replay(LINES, "canonical", Policy(resolve_after=0), Outputs(out)).incidents == 2


def test_raw_webhooks_may_hold_several_alerts_a_line() -> None:
    item = '{"status":"firing","labels":{"alertname":"%s"},"startsAt":"2026-01-01T00:00:00Z"}'
    body = f'{{"alerts":[{item % "a"},{item % "b"},{{}}],"truncatedAlerts":3}}'.encode()
    funnel, (decisions, _, _, rejected) = run([body, body], "alertmanager")
    assert [d["line"] for d in decisions] == [1, 1, 2, 2]
    assert [r["where"] for r in rejected] == ["alerts[2].labels"] * 2
    assert funnel.truncated == 6


def test_a_source_that_is_not_there_is_misuse() -> None:
    with pytest.raises(Misuse):
        run(LINES, "nagios")


def test_two_replays_are_the_same_bytes(tmp_path: Path) -> None:
    outputs = []
    for name in "ab":
        with (tmp_path / name).open("wb") as out:
            replay(LINES, "canonical", Policy(), Outputs(out))
        outputs.append((tmp_path / name).read_bytes())
    assert outputs[0] == outputs[1]


@given(
    st.none() | st.text(max_size=20) | st.sampled_from(["0123456789abcdef", 'a"b', "é", "\\", ""]),
    st.none() | st.just("inc1:0123456789abcdef0123"),
    st.sampled_from(list(Reason)),
    st.none() | st.floats(0, 1),
    st.booleans(),
)
def test_a_decision_line_is_what_orjson_writes(
    theirs: str | None, incident_id: str | None, reason: Reason, score: float | None, paged: bool
) -> None:
    decision = Decision(
        fingerprint="fp1:b48f8f400d351b2c",
        source_fingerprint=theirs,
        incident_id=incident_id,
        reason=reason,
        score=score,
        paged=paged,
        at_ms=5,
        policy_version="p",
        fingerprint_version="fp1",
    )
    written = {
        "seq": 17,
        "line": 9,
        "fingerprint": decision.fingerprint,
        "source_fingerprint": theirs,
        "incident_id": incident_id,
        "reason": reason,
        "score": score,
        "paged": paged,
        "at": "1970-01-01T00:00:00.005Z",
    }
    line = decision_line(17, 9, decision, "1970-01-01T00:00:00.005Z")
    assert line.encode() == orjson.dumps(written, option=orjson.OPT_APPEND_NEWLINE)
