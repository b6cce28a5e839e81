"""A question to the archive: DuckDB answers it, reads the archive only, and changes nothing."""

import sys
from pathlib import Path
from typing import Any

import duckdb
import orjson
from rich.console import Console
from rich.table import Column, Table

from pipeline.command.archive import archive_of
from pipeline.command.surroundings import read_settings
from pipeline.edge.archive.columns import PLACE, TABLES, ArchivedTable, Kind
from pipeline.errors import Misuse

MOST_ROWS_SHOWN = 1000
AT_ONCE = 10_000
NARROWEST = 10  # characters of a column that can be read
_IN_DUCKDB = {
    Kind.TEXT: "VARCHAR",
    Kind.FLAG: "BOOLEAN",
    Kind.INTEGER: "BIGINT",
    Kind.NUMBER: "DOUBLE",
    Kind.TIME: "TIMESTAMP WITH TIME ZONE",
    Kind.MAP: "MAP(VARCHAR, VARCHAR)",
    Kind.JSON: "VARCHAR",
}


def run_sql(query: str, folder: Path | None, *, as_json: bool) -> None:
    """Print the answer: a table, or one JSON object a line. Raises Misuse."""
    root = archive_of(folder, read_settings())
    connection = _opened(root)
    try:
        statements = connection.extract_statements(query)
        # EXPLAIN would be no question either: EXPLAIN ANALYZE does what it explains, and could write beside our files.
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise Misuse("sql: one SELECT, please; the archive can only be read")
        answer = connection.execute(statements[0])
        names = [column[0] for column in answer.description or ()]
        _print_lines(answer, names) if as_json else _print_table(answer, names)
    except duckdb.Error as exc:
        raise Misuse(f"sql: {exc}") from None
    finally:
        connection.close()


def _opened(root: Path) -> duckdb.DuckDBPyConnection:
    """A database in memory with a view for each table, that can reach nothing but the archive."""
    if not root.is_dir():
        raise Misuse(f"--archive {root}: there is no such folder")
    connection = duckdb.connect(":memory:")
    connection.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
    connection.execute("SET TimeZone = 'UTC'")
    found = {table.name for table in TABLES if next((root / table.name).glob("*/*.parquet"), None)}
    if not found:
        raise Misuse(f"--archive {root}: there is nothing in it; `pagesieve archive` fills it")
    connection.execute(f"SET allowed_directories = [{_text(str(root.resolve()))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    for table in TABLES:
        if table.name not in found:
            connection.execute(_empty(table))
            continue
        files = _text(f"{root.resolve()}/{table.name}/*/*.parquet")
        connection.execute(
            f"CREATE VIEW {table.name} AS SELECT * FROM"  # noqa: S608 - our own names, and a quoted path
            f" read_parquet({files}, hive_partitioning = true, union_by_name = true)"
        )
    return connection


def _empty(table: ArchivedTable) -> str:
    """A table of which nothing was archived yet has no rows: a question to it is none to a wrong name."""
    columns = [(name, kind) for name, kind, _ in PLACE] + [(column.name, column.kind) for column in table.columns]
    listed = ", ".join(f'"{name}" {_IN_DUCKDB[kind]}' for name, kind in columns)
    return f'CREATE TABLE {table.name} ({listed}, "day" DATE)'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _print_lines(answer: Any, names: list[str]) -> None:
    while rows := answer.fetchmany(AT_ONCE):
        for row in rows:
            line = orjson.dumps(dict(zip(names, row, strict=True)), default=str, option=orjson.OPT_NON_STR_KEYS)
            sys.stdout.write(line.decode() + "\n")


def _print_table(answer: Any, names: list[str]) -> None:
    """As a table; where there are more columns than the width has room for, a value a line."""
    rows = answer.fetchmany(MOST_ROWS_SHOWN + 1)
    shown = [["" if value is None else _shown(value) for value in row] for row in rows[:MOST_ROWS_SHOWN]]
    console = Console(highlight=False, markup=False)
    if len(names) * NARROWEST > console.width:
        longest = max(map(len, names))
        for number, row in enumerate(shown):
            lines = (f"{name:{longest}}  {value}" for name, value in zip(names, row, strict=True))
            console.print(*[""] * (number > 0), *lines, sep="\n", soft_wrap=True)
    else:
        table = Table(*(Column(name, overflow="fold") for name in names), box=None, pad_edge=False)
        for row in shown:
            table.add_row(*row)
        console.print(table)
    if len(rows) > MOST_ROWS_SHOWN:
        console.print(f"… only the first {MOST_ROWS_SHOWN}; --json gives all")


def _shown(value: Any) -> str:
    text = str(value)
    return "".join(mark if mark.isprintable() else " " for mark in text)
