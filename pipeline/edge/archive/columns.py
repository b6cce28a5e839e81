"""The columns of the archive are the fields of the records in `schemas/`, one table a topic, by the rules below.

A field keeps its name. A time is a timestamp, without the `_ms` of its name; labels are a map; a record within a record
that is always there gives its fields; what may be missing, or is a list, is JSON. A record that carries a list (alerts,
decisions) gives a row for each of its items, numbered by `seq`.
"""

import types
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from schemas import Alerts, Control, Decisions, Delivery, Incident, Outcome, Page
from schemas.record import Record
from schemas.topics import ALERTS, DECISIONS, DELIVERIES, INCIDENTS, OUTCOMES, PAGES


class Kind(StrEnum):
    """What a column holds, in Parquet's words."""

    TEXT = "string"
    FLAG = "boolean"
    INTEGER = "int64"
    NUMBER = "double"
    TIME = "timestamp(ms, UTC)"
    MAP = "map(string, string)"
    JSON = "string, JSON"


class Column(NamedTuple):
    """A column: how to come to its value from the record, and from the item of its list."""

    name: str
    kind: Kind
    path: tuple[str, ...]
    is_of_item: bool
    means: str


class ArchivedTable(NamedTuple):
    """What becomes of a topic. `items` is the field whose items are the rows; empty: the record is the row."""

    name: str
    topic: str
    record: type[Record]
    items: str
    columns: tuple[Column, ...]


# Of every row: where in the log its record stands. Together they name the row.
PLACE = (
    ("partition", Kind.INTEGER, "of the topic, where the record stands"),
    ("offset", Kind.INTEGER, "in the partition; together with `seq` it names the row"),
    ("seq", Kind.INTEGER, "which item of the record's list, from 0"),
    ("logged_at", Kind.TIME, "when the record was written; its day is the folder"),
)


def _columns(record: type[Record], items: str = "") -> tuple[Column, ...]:
    found = list(_walk(record, (), skip=items))
    if items:
        (item, _) = get_args(record.model_fields[items].annotation)
        found += [column._replace(is_of_item=True) for column in _walk(item, ())]
    names = [column.name for column in found]
    assert len(set(names)) == len(names), names  # noqa: S101 - two fields of one name: one of them must be renamed
    return tuple(found)


def _walk(record: type[Record], path: tuple[str, ...], skip: str = "") -> Iterator[Column]:
    for name, field in record.model_fields.items():
        # `kind` of an `alerts` record tells it from ticks and controls, which are not archived.
        if name == skip or (get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1):
            continue
        if isinstance(field.annotation, type) and issubclass(field.annotation, Record):
            yield from _walk(field.annotation, (*path, name))
            continue
        kind = _kind_of(name, field)
        shown = name.removesuffix("_ms") if kind is Kind.TIME else name
        yield Column(shown, kind, (*path, name), is_of_item=False, means=field.description or "")


def _kind_of(name: str, field: FieldInfo) -> Kind:
    plain = field.annotation
    if get_origin(plain) in {Union, types.UnionType}:
        (plain,) = (one for one in get_args(plain) if one is not type(None))
    if get_origin(plain) is dict:
        return Kind.MAP
    if get_origin(plain) is Literal:
        return Kind.TEXT
    if not isinstance(plain, type) or issubclass(plain, Record):
        return Kind.JSON
    if plain is int and name.endswith("_ms"):
        return Kind.TIME
    known: dict[type[Any], Kind] = {bool: Kind.FLAG, int: Kind.INTEGER, float: Kind.NUMBER}
    return known.get(plain, Kind.TEXT)


TABLES = (
    ArchivedTable("alerts", ALERTS.name, Alerts, "alerts", _columns(Alerts, "alerts")),
    ArchivedTable("decisions", DECISIONS.name, Decisions, "decisions", _columns(Decisions, "decisions")),
    ArchivedTable("incidents", INCIDENTS.name, Incident, "", _columns(Incident)),
    ArchivedTable("pages", PAGES.name, Page, "", _columns(Page)),
    ArchivedTable("deliveries", DELIVERIES.name, Delivery, "", _columns(Delivery)),
    ArchivedTable("outcomes", OUTCOMES.name, Outcome, "", _columns(Outcome)),
    ArchivedTable("controls", ALERTS.name, Control, "", _columns(Control)),
)
ARCHIVED = tuple(dict.fromkeys(table.topic for table in TABLES))
_ABOUT = {
    "alerts": "Every alert event, as it was decided upon.",
    "decisions": "What was decided for each of them; `raw_partition`, `raw_offset`, `scope`, `fingerprint` lead to it.",
    "incidents": "Every revision that was read; the highest of an `incident_id` is how it ended. The topic keeps the"
    " newest only, so that of several between two looks the earlier ones may be missing.",
    "pages": "Every page; the revision of `incidents` with the same number was its cause.",
    "deliveries": "What the pager delivered, and when: every page up to and including `revision`."
    " Of several between two looks the earlier ones may be missing.",
    "outcomes": "What people did. What was told twice stands there twice, with one `id`.",
    "controls": "What changed how alerts are decided: silences, outcomes as triage heard of them, changes, and another"
    " policy, whole. Each stands in every partition of the topic once.",
}


def page() -> str:
    """The page that documents the columns, as Markdown: deploy/archive.md is this, and a test compares."""
    lines = [
        "# The archive's columns",
        "",
        "Made by `pagesieve schema --archive` from the records in `schemas/`; do not edit.",
        "",
        "`ARCHIVE/TABLE/day=YYYY-MM-DD/TOPIC-PARTITION-FIRSTOFFSET.parquet`: the day is that of `logged_at`, in UTC,",
        "and is itself a column, `day`, for whoever reads folders as DuckDB, pandas and Athena do. A file is whole",
        "from the moment it has its name. When a day has been over for some hours, the small files of each partition",
        "are gathered into few, each under the name of its first: a row keeps its folder, and stands there once. For a",
        "moment meanwhile a reader may see a row twice, or be told that a file is gone: it asks again.",
        "Columns may be added; none changes its meaning.",
        "`at`, `by`, `group` and `offset` are words of SQL: put them in double quotes there.",
        "",
        "In every table:",
        "",
        *_rows((name, kind.value, means) for name, kind, means in PLACE),
    ]
    for table in TABLES:
        lines += ["", f"## {table.name}", "", f"{_ABOUT[table.name]} Topic `{table.topic}`.", ""]
        lines += _rows((column.name, column.kind.value, column.means) for column in table.columns)
    return "\n".join(lines) + "\n"


def _rows(columns: Any) -> list[str]:
    rows = [f"| `{name}` | {kind} | {means} |" for name, kind, means in columns]
    return ["| column | type | means |", "| --- | --- | --- |", *rows]
