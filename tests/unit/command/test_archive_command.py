"""`archive` and `sql` keep their exit codes; a question can read the archive and do nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.edge.archive.columns import PLACE, TABLES
from tests.unit.command.test_command_line import complaint, pagesieve
from tests.unit.edge.archive.test_beside import append


@pytest.fixture(name="archive", scope="module")
def _archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archived")
    append(folder / "data", "inc1:a", "inc1:b")
    done = pagesieve("archive", "--data-dir", folder / "data", "--out", folder / "it's an archive")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("archived 2 records")
    return folder / "it's an archive"


def test_a_question_is_answered_for_people_and_for_programs(archive: Path) -> None:
    asked = "SELECT incident_id, count(*) AS deeds FROM outcomes GROUP BY 1 ORDER BY 1"
    done = pagesieve("sql", asked, "--json", PAGESIEVE_ARCHIVE=str(archive))
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"incident_id": "inc1:a", "deeds": 1},
        {"incident_id": "inc1:b", "deeds": 1},
    ]
    shown = pagesieve("sql", asked, "--archive", archive).stdout
    assert [line.split() for line in shown.splitlines()] == [["incident_id", "deeds"], ["inc1:a", "1"], ["inc1:b", "1"]]


def test_a_row_with_more_columns_than_the_width_has_room_for_is_shown_a_value_a_line(archive: Path) -> None:
    columns = ", ".join(f"{number} AS column_{number}" for number in range(30))
    wide = f"FROM range(2) SELECT {columns}"
    shown = pagesieve("sql", wide, "--archive", archive).stdout.splitlines()
    assert (len(shown), shown[29], shown[30], shown[31]) == (61, "column_29  29", "", "column_0   0")


def test_a_long_answer_is_given_whole(archive: Path) -> None:
    done = pagesieve("sql", "SELECT n FROM range(25000) t(n)", "--json", "--archive", archive)
    assert [json.loads(line)["n"] for line in done.stdout.splitlines()] == list(range(25_000))


@pytest.mark.parametrize("table", [table.name for table in TABLES])
def test_a_table_of_which_nothing_was_archived_has_the_columns_of_one_that_was(archive: Path, table: str) -> None:
    done = pagesieve("sql", f"FROM (DESCRIBE {table})", "--json", "--archive", archive)
    assert (done.returncode, done.stderr) == (0, "")
    described = [json.loads(line) for line in done.stdout.splitlines()]
    [known] = [one for one in TABLES if one.name == table]
    wanted = [name for name, _, _ in PLACE] + [column.name for column in known.columns] + ["day"]
    assert [one["column_name"] for one in described] == wanted
    types = {one["column_name"]: one["column_type"] for one in described}
    assert (types["logged_at"], types["day"], types["seq"]) == ("TIMESTAMP WITH TIME ZONE", "DATE", "BIGINT")


def test_who_does_not_archive_does_not_load_what_archives() -> None:
    code = "import sys, pipeline.command.up, pipeline.command.on_kafka; print({'pyarrow', 'duckdb'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_up_refuses_the_archive_of_another_log_before_it_starts(archive: Path, tmp_path: Path) -> None:
    done = pagesieve("up", "--data-dir", tmp_path, "--listen", "127.0.0.1:0", "--archive", archive)
    assert "is the archive of the log in" in complaint(done, 2)


@pytest.mark.parametrize(
    "question",
    [
        "DROP VIEW outcomes",
        "CREATE TABLE x AS SELECT 1",
        "COPY (SELECT 1) TO '{archive}/x.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{archive}/x.csv'",
        "ATTACH '{archive}/x.db'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/hostname'",
        "SET enable_external_access = true",
        "SELECT 1; SELECT 2",
        "SELECT nothing FROM outcomes",
        "PRAGMA database_list",
    ],
)
def test_what_is_no_question_to_the_archive_is_refused_in_one_line(archive: Path, question: str) -> None:
    before = sorted(archive.rglob("*"))
    done = pagesieve("sql", question.format(archive=str(archive).replace("'", "''")), "--archive", archive)
    assert complaint(done, 2).startswith("sql: ")
    assert sorted(archive.rglob("*")) == before


def test_wrong_use_is_said_in_one_line(tmp_path: Path) -> None:
    assert "PAGESIEVE_ARCHIVE" in complaint(pagesieve("sql", "SELECT 1"), 2)
    assert "there is no such folder" in complaint(pagesieve("sql", "SELECT 1", "--archive", tmp_path / "no"), 2)
    assert "there is nothing in it" in complaint(pagesieve("sql", "SELECT 1", "--archive", tmp_path), 2)
    nowhere = pagesieve("archive", "--data-dir", tmp_path, "--out", tmp_path / "out")
    assert "there is no log" in complaint(nowhere, 2)
    assert "PAGESIEVE_KAFKA" in complaint(pagesieve("archive", "--out", tmp_path / "out"), 2)
