"""The command line keeps its contract: exit codes, one line on stderr, results on stdout or in the named file."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.topics import TOPICS

EVENT = {
    "source": "probe",
    "name": "DiskFull",
    "labels": {"host": "a"},
    "annotations": {},
    "severity": "critical",
    "status": "firing",
    "starts_at": "2026-01-05T10:00:00Z",
    "ends_at": None,
}


def pagesieve(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command with no PAGESIEVE_ variables but those given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PAGESIEVE_")}
    return subprocess.run(
        [Path(sys.executable).with_name("pagesieve"), *arguments],
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def complaint(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line that says what is wrong."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("pagesieve: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("pagesieve: ").rstrip()


def test_help_names_every_command_and_version_the_version() -> None:
    done = pagesieve("--help")
    assert done.returncode == 0
    for command in (
        "up",
        "gateway",
        "worker",
        "pager",
        "topics",
        "replay",
        "explain",
        "mark",
        "schema",
        "archive",
        "sql",
        "report",
    ):
        assert f" {command} " in done.stdout
    assert pagesieve("--version").stdout.startswith("pagesieve ")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom pipeline.command.app import run\nrun(['--help'])\n"
        "heavy = {'faust', 'aiokafka', 'kafka', 'numba', 'numpy', 'httpx', 'uvicorn', 'fastapi', 'yaml', 'schemas'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    ("part", "others"),
    [
        ("pipeline.edge.gateway", {"numba", "faust", "sklearn", "kafka"}),
        ("pipeline.edge.pager", {"numba", "numpy", "faust", "sklearn", "kafka", "pipeline.edge.gateway"}),
        ("pipeline.stream.worker", {"fastapi", "sklearn", "pipeline.edge"}),
    ],
)
def test_a_part_starts_without_what_only_others_need(part: str, others: set[str]) -> None:
    code = f"import sys, {part}\nprint(sorted({others} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say which command (see pagesieve --help)"),
        (("attic",), "No such command 'attic'"),
        (("topics",), "Missing command"),
        (("up",), "Missing option '--data-dir'"),
        (("up", "--data-dir", "/nowhere", "--sink", "fax"), "'fax' is not one of 'console', 'pagerduty'"),
        (("up", "--data-dir", "/nowhere", "--listen", "9095"), "--listen 9095: expected HOST:PORT"),
        (("up", "--data-dir", "/nowhere", "--listen", "::1:9095"), "--listen ::1:9095: expected HOST:PORT"),
        (("up", "--data-dir", "/nowhere", "--listen", "0.0.0.0:0"), "PAGESIEVE_TOKENS"),
        (("up", "--data-dir", "/nowhere", "--policy", "/no/policy"), "policy /no/policy: No such file or directory"),
        (
            ("up", "--data-dir", "/nowhere", "--schedule", "/no/shifts"),
            "schedule /no/shifts: No such file",
        ),
        (("gateway",), "PAGESIEVE_KAFKA is not set"),
        (("worker",), "PAGESIEVE_KAFKA is not set"),
        (("pager",), "PAGESIEVE_KAFKA is not set"),
        (("topics", "check"), "PAGESIEVE_KAFKA is not set"),
        (("schema", "--colour"), "No such option: --colour"),
        (("replay", "/no/events", "--decisions", "/dev/null"), "/no/events: No such file or directory"),
        (("replay", "/dev/null", "--decisions", "/no/folder/out"), "/no/folder/out: No such file or directory"),
        (("replay", "/dev/null", "--decisions", "/dev/zero", "--source", "smoke"), "--source smoke: there are alert"),
    ],
)
def test_wrong_use_is_exit_2_with_one_line_that_says_which(arguments: tuple[str, ...], said: str) -> None:
    assert said in complaint(pagesieve(*arguments), 2)


def test_a_setting_that_cannot_be_right_is_named_without_its_value() -> None:
    said = complaint(pagesieve("topics", "check", PAGESIEVE_LOG_LEVEL="hunter2"), 2)
    assert said.startswith("PAGESIEVE_LOG_LEVEL: ")
    assert "hunter2" not in said


def test_a_broker_that_is_not_there_is_exit_3() -> None:
    assert "127.0.0.1:1" in complaint(pagesieve("topics", "check", PAGESIEVE_KAFKA="127.0.0.1:1"), 3)


def test_schema_describes_every_record_that_stands_on_a_topic() -> None:
    described = json.loads(pagesieve("schema").stdout)
    assert set(described) == {record.__name__ for topic in TOPICS for record in topic.record}
    for schema in described.values():
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["type"] == "object"
        assert set(schema["required"]) <= set(schema["properties"])


def test_the_table_of_topics_is_for_people_and_for_programs() -> None:
    listed = json.loads(pagesieve("schema", "--topics", "--json").stdout)
    assert [topic["name"] for topic in listed] == [topic.name for topic in TOPICS]
    table = pagesieve("schema", "--topics").stdout
    assert all(topic.name in table for topic in TOPICS)


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    process = subprocess.Popen(
        [Path(sys.executable).with_name("pagesieve"), "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.communicate()[1] == b""
    assert process.returncode == 1


@pytest.mark.parametrize("suffix", [".ndjson", ".ndjson.gz"])
def test_replay_writes_a_decision_for_every_event_and_prints_the_funnel(tmp_path: Path, suffix: str) -> None:
    recorded = tmp_path / f"events{suffix}"
    content = (json.dumps(EVENT) + "\nno event\n").encode()
    recorded.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    outputs = {name: tmp_path / name for name in ("decisions", "incidents", "pages", "rejected")}
    options = [argument for name, path in outputs.items() for argument in (f"--{name}", path)]
    done = pagesieve("replay", recorded, *options, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    funnel = json.loads(done.stdout)
    assert (funnel["lines"], funnel["events"], funnel["rejected"], funnel["pages"]) == (2, 1, 1, 1)
    decision = json.loads(outputs["decisions"].read_text())
    assert (decision["seq"], decision["line"], decision["reason"], decision["paged"]) == (1, 1, "opened", True)
    assert json.loads(outputs["rejected"].read_text())["line"] == 2
    assert json.loads(outputs["pages"].read_text().splitlines()[0])["event_action"] == "trigger"
    assert outputs["incidents"].read_text()


def test_replay_prints_the_funnel_as_a_sentence(tmp_path: Path) -> None:
    recorded = tmp_path / "events.ndjson"
    recorded.write_text(json.dumps(EVENT) + "\n")
    done = pagesieve("replay", recorded, "--decisions", tmp_path / "out")
    assert done.stdout == (
        "1 events of 1 alerts → 1 incidents → 1 pages; 1 lines, 0 rejected; "
        "missed: nothing was kept quiet for its score\n"
    )


def test_replay_does_not_overwrite_its_recording(tmp_path: Path) -> None:
    recorded = tmp_path / "events.ndjson"
    recorded.write_text(json.dumps(EVENT) + "\n")
    assert "is the recording itself" in complaint(pagesieve("replay", recorded, "--decisions", recorded), 2)
    assert json.loads(recorded.read_text()) == EVENT


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(json.dumps(EVENT).encode() * 99)[:-20]])
def test_replay_names_a_recording_that_is_not_what_its_name_says(tmp_path: Path, content: bytes) -> None:
    recorded = tmp_path / "events.ndjson.gz"
    recorded.write_bytes(content)
    said = complaint(pagesieve("replay", recorded, "--decisions", tmp_path / "out"), 2)
    assert said.startswith(f"{recorded}: line 1: not whole gzip")


def test_replay_of_another_sources_recording_says_so(tmp_path: Path) -> None:
    recorded = tmp_path / "webhooks.ndjson"
    recorded.write_text('{"version":"4","alerts":[]}\n{"alerts":[{"labels":{}}]}\n')
    done = pagesieve("replay", recorded, "--decisions", tmp_path / "out")
    assert "nothing in it is an event as canonical writes it; " in done.stderr
    assert done.stderr.strip().endswith("; --source may be alertmanager, prometheus")
    assert done.returncode == 2


def test_replay_obeys_the_policy_of_the_environment(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("gaps: 3\n")
    done = pagesieve("replay", "/dev/null", "--decisions", "/dev/null", PAGESIEVE_POLICY=str(policy))
    assert complaint(done, 2) == f"policy {policy}: line 1: gaps: no such field; did you mean gap?"
