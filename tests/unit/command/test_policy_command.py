"""A policy can be checked, explained and improved from the command line."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.unit.command.test_command_line import complaint, pagesieve

DISK = '{"name": "DiskFull", "labels": {"host": "a", "team": "db"}, "severity": "error"}'
AT = "2026-01-05T10:00:00Z"
POLICY = """
group_by: [host]
hold: 2m
repeat_after: 4h
page_now: ['severity="critical"']
routes:
- {name: payments, match: 'team="payments"', hold: 1m}
- {name: nightly, match: 'job="batch"', page_during: [office], at_least: 3}
silences:
- {match: 'host="old"', comment: being replaced}
inhibit:
- {source: 'alertname="NodeDown"', target: 'team="db"', equal: [host]}
time_intervals:
- {name: office, time_intervals: [{times: [{start_time: '08:00', end_time: 17:00}]}]}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def said(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_check_says_the_version_of_a_valid_policy(policy: Path) -> None:
    told = json.loads(said(pagesieve("policy", "check", policy, "--json")))
    assert told["complaints"] == []
    assert said(pagesieve("policy", "check", policy)) == (
        f"{policy}: valid; decisions will name it {told['policy_version']}\n"
    )


def test_check_lists_everything_that_is_wrong_and_exits_1(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("gaps: 3\nroutes:\n- {name: a, match: b~c}\n")
    done = pagesieve("policy", "check", path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines() == [
        f"{path}: line 1: gaps: no such field; did you mean gap?",
        f"{path}: line 3: routes[0].match: position 2: expected one of = != =~ !~ after the label name, found 'b~c'",
    ]
    found = json.loads(pagesieve("policy", "check", path, "--json").stdout)
    assert found["policy_version"] is None
    assert [(one["line"], one["path"]) for one in found["complaints"]] == [(1, "gaps"), (3, "routes[0].match")]


def test_check_of_no_file_is_wrong_use() -> None:
    assert complaint(pagesieve("policy", "check", "/no/policy"), 2) == "policy /no/policy: No such file or directory"


def test_explain_says_which_rule_applies_and_when_it_would_page(policy: Path) -> None:
    told = said(pagesieve("policy", "explain", DISK, "--policy", policy, "--at", AT))
    for words in (
        "DiskFull{host=a, team=db}, error, at 2026-01-05 10:00:00 UTC, by policy p1:",
        "scope default, group host=a",
        "not payments: team=\"payments\", but team is 'db'",
        'not nightly: job="batch", but job is missing',
        "held by hold 2m, until 10:02:00",
        "pages        at 10:02:00 if it still fires (hold_ended: ",
        "again at 14:02:00 and every 4h until somebody acknowledges",
        'an alert that matches {alertname="NodeDown"} with host=a fires',
        "resolves 1m after",
        "within 10m of that reopens it",
        "heard of no more, it is over at 10:05:00",
        "4 quick changes",
    ):
        assert words in told


def test_explain_of_what_is_held_knows_the_silence_that_begins_before_its_page(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(
        "hold: 2m\nsilences: [{match: team=db, starts_at: 2026-01-05T10:01:00Z, ends_at: 2026-01-05T11:00:00Z}]\n"
    )
    told = said(pagesieve("policy", "explain", DISK, "--policy", path, "--at", AT))
    assert "held by hold 2m, until 10:02:00\n" in told
    assert "pages        at 11:00:00 if it still fires (quiet_ended: " in told


def test_explain_names_everything_that_keeps_an_alert_quiet(policy: Path, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"name": "Dump", "labels": {"host": "old", "job": "batch"}}')
    at = ("--policy", policy, "--at", "2026-01-05T18:00:00Z")
    told = said(pagesieve("policy", "explain", event, *at))
    assert "silenced by silence: being replaced\n" in told
    assert "muted by outside of page_during office, until 2026-01-06 08:00:00\n" in told
    assert "too_few by at_least 3: this one counts, 2 more must fire beside it\n" in told
    assert "pages        not within 366d\n" in told
    found = json.loads(said(pagesieve("policy", "explain", event, *at, "--json")))
    assert [one["reason"] for one in found["quiet"]] == ["silenced", "muted", "held", "too_few"]
    assert (found["route"], found["reason"], found["pages_at"]) == ("nightly", "silenced", None)


def test_explain_without_a_policy_pages_now() -> None:
    told = said(pagesieve("policy", "explain", DISK))
    assert "pages        now\n" in told


def test_explain_reads_any_monitor_s_body_from_stdin() -> None:
    body = {"alerts": [{"status": "resolved", "labels": {"alertname": name}, "startsAt": AT} for name in "ab"]}
    done = subprocess.run(
        [*pagesieve("--version").args[:1], "policy", "explain", "-", "--at", AT],
        input=json.dumps(body),
        capture_output=True,
        text=True,
        check=False,
    )
    told = said(done)
    assert told.count("It is a resolve: it ends its alert, and opens nothing.") == 2
    assert "in Prometheus " in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("/no/event",), "/no/event: No such file or directory; expected JSON, a file with it, or - for stdin"),
        (("{}",), "name: is needed"),
        (("{",), "not JSON: "),
        ((DISK, "--at", "noon"), "--at noon: write a time with its zone, like "),
    ],
)
def test_explain_of_what_is_no_alert_is_wrong_use(arguments: tuple[str, ...], words: str) -> None:
    assert words in complaint(pagesieve("policy", "explain", *arguments), 2)


def test_suggest_proposes_the_line_that_drops_a_measured_value(tmp_path: Path) -> None:
    recorded = tmp_path / "events.ndjson"
    lines = []
    for minute in range(40):
        labels = {"service": "shop", "value": f"{minute * 7919 % 97}.3"}
        event = {"name": "HighLatency", "labels": labels, "status": "resolved"}
        fire = event | {"status": "firing", "received_at": f"2026-01-05T10:{minute:02}:00Z"}
        lines += [fire, event | {"ends_at": f"2026-01-05T10:{minute:02}:50Z"}]
    recorded.write_text("".join(json.dumps(line) + "\n" for line in lines) + "no event\n")
    told = said(pagesieve("policy", "suggest", recorded))
    assert told.startswith("# 80 events, 1 rejected\n# label `value` took 40 values in 40 alerts of HighLatency")
    assert told.endswith("drop_labels: [replica, prometheus_replica, __replica__, monitor_replica, value]\n")
    better = tmp_path / "policy.yaml"
    better.write_text(told)
    assert said(pagesieve("policy", "check", better))
    found = json.loads(said(pagesieve("policy", "suggest", recorded, "--policy", better, "--json")))
    assert (found["events"], found["proposals"], found["line"]) == (80, [], None)


def test_explain_names_the_file_in_which_there_is_no_alert(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text("nothing")
    assert complaint(pagesieve("policy", "explain", event), 2).startswith(f"{event}: ")
    assert complaint(pagesieve("policy", "explain", "{}"), 2) == "name: is needed"


def test_suggest_refuses_a_file_in_which_nothing_is_an_event(tmp_path: Path) -> None:
    recorded = tmp_path / "notes.ndjson"
    recorded.write_text("nothing\n")
    assert f"{recorded}: nothing in it is an event" in complaint(pagesieve("policy", "suggest", recorded), 2)


def test_suggest_names_what_it_cannot_read() -> None:
    assert complaint(pagesieve("policy", "suggest", "/no/events"), 2) == "/no/events: No such file or directory"
    assert "--source smoke" in complaint(pagesieve("policy", "suggest", "/dev/null", "--source", "smoke"), 2)


def test_explain_says_that_a_page_may_wait_for_what_only_the_past_knows(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("hold: auto\nhold_at_most: 7m\n")
    told = said(pagesieve("policy", "explain", DISK, "--policy", policy, "--at", AT))
    assert "pages        now" in told
    assert "says that it will soon be over by itself and no guardrail names it: then it is held, for 7m at most" in told
