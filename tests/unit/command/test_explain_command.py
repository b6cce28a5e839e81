"""`pagesieve explain` keeps its exit codes: 0 found, 1 not there, 2 wrong use; it prints for people and programs."""

import gzip
import json
from pathlib import Path

import pytest

from tests.unit.command.test_command_line import EVENT, complaint, pagesieve


@pytest.fixture(name="replayed", scope="module")
def _replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `replay` wrote of two events, of which the second repeats the first."""
    folder = tmp_path_factory.mktemp("replayed")
    recorded = folder / "events.ndjson"
    recorded.write_text(2 * (json.dumps(EVENT) + "\n"))
    outputs = "--decisions", folder / "decisions", "--incidents", folder / "incidents"
    assert pagesieve("replay", recorded, *outputs).returncode == 0
    return folder


def first(replayed: Path) -> dict[str, str]:
    said: dict[str, str] = json.loads((replayed / "decisions").read_text().splitlines()[0])
    return said


def test_what_is_found_is_exit_0_for_people_and_for_programs(replayed: Path) -> None:
    files = "--decisions", replayed / "decisions", "--incidents", replayed / "incidents"
    incident_id = first(replayed)["incident_id"]
    done = pagesieve("explain", incident_id[:13], *files)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{incident_id}, resolved, critical, scope default\nDiskFull")
    assert "\n  … and 1 repeats until 10:00:00\n" in done.stdout
    done = pagesieve("explain", "line:1", *files, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["decisions"][0]["reason"] == "opened"
    assert json.loads(pagesieve("explain", first(replayed)["fingerprint"], *files, "--json").stdout)["found"]


def test_what_is_not_there_is_exit_1_and_says_what_was_looked_through(replayed: Path) -> None:
    done = pagesieve("explain", "fp1:00000000", "--decisions", replayed / "decisions")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        "fp1:00000000 is not there; looked through 2 decisions"
        " from 2026-01-05 10:00:00 UTC to 2026-01-05 10:00:00 UTC\n"
    )
    done = pagesieve("explain", "line:7", "--decisions", replayed / "decisions", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["found"], found["looked_through"]["decisions"]) == (1, False, 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing argument 'WHAT'"),
        (("DiskFull",), "DiskFull: expected an incident (inc1:…), an alert (fp1:…, or the 16 hex digits"),
        (("fp1:abc",), "fp1:abc: give at least 8 of its 16 hex digits"),
        (("fp1:00000000",), "say in which log: --data-dir of `pagesieve up`, or PAGESIEVE_KAFKA as for the worker"),
        (("line:1",), "line:1 names an event of a replay: say of which, with --decisions"),
        (("line:1", "--data-dir", "/nowhere"), "line:1 names an event of a replay"),
        (("0:1", "--data-dir", "/nowhere"), "--data-dir /nowhere: there is no log (pagesieve.db) in it"),
        (("line:1", "--decisions", "/no/file"), "/no/file: no such file"),
        (
            ("line:1", "--decisions", "/dev/null", "--incidents", "/no/file"),
            "/dev/null: no such file, or none that can",
        ),
        (("line:1", "--incidents", "/dev/null"), "--incidents goes with the --decisions of the same replay"),
        (("line:1", "--data-dir", "/nowhere", "--decisions", "/no/file"), "give one of them"),
    ],
)
def test_wrong_use_is_exit_2_with_one_line_that_says_which(arguments: tuple[str, ...], said: str) -> None:
    assert said in complaint(pagesieve("explain", *arguments), 2)


def test_a_terminal_without_our_letters_gets_others(replayed: Path) -> None:
    done = pagesieve("explain", "line:1", "--decisions", replayed / "decisions", LC_ALL="POSIX", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, "")
    incident_id = first(replayed)["incident_id"]
    done = pagesieve("explain", incident_id, "--decisions", replayed / "decisions", LC_ALL="POSIX", PYTHONUTF8="0")
    assert "? and 1 repeats" in done.stdout


def test_a_file_that_is_no_replays_is_exit_2(replayed: Path, tmp_path: Path) -> None:
    done = pagesieve("explain", "line:1", "--decisions", replayed / "events.ndjson")
    assert "events.ndjson: line 1 is no decision of a replay: line: Field required" in complaint(done, 2)
    (tmp_path / "cut.gz").write_bytes(gzip.compress((replayed / "decisions").read_bytes())[:-9])
    done = pagesieve("explain", "line:1", "--decisions", tmp_path / "cut.gz")
    assert "not whole gzip" in complaint(done, 2)


def test_the_beginning_of_several_is_exit_2_and_names_them(replayed: Path, tmp_path: Path) -> None:
    one = first(replayed)
    ids = [one["fingerprint"][:-1] + digit for digit in "01"]
    file = tmp_path / "decisions.ndjson.gz"
    file.write_bytes(gzip.compress("".join(json.dumps(one | {"fingerprint": id_}) + "\n" for id_ in ids).encode()))
    said = complaint(pagesieve("explain", ids[0][:12], "--decisions", file), 2)
    assert said == f"{ids[0][:12]} is the beginning of 2 ids, give more of it: {', '.join(ids)}"


def test_a_broker_that_is_not_there_is_exit_3() -> None:
    assert "127.0.0.1:1" in complaint(pagesieve("explain", "0:1", PAGESIEVE_KAFKA="127.0.0.1:1"), 3)
