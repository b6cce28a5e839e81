"""The archive is asked here for all that the figures are made of; DuckDB counts, Python only judges."""

import weakref
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, NamedTuple, Self

import duckdb
import orjson

from pipeline.errors import Missing, Misuse
from pipeline.report.cases import final
from pipeline.report.facts import DAY_MS, DEEDS, WEEK_MS, Case, Counts, Facts, Paged, Period
from schemas import Reason, Score, Verdict

# Four weeks to compare with, and before the first of them 30 days in which something may have been there already.
LOOKED_BACK_MS = 4 * WEEK_MS + 30 * DAY_MS
LATER_MS = WEEK_MS  # ends and marks that came after the week count
SERVICE_LABELS = ("service", "app", "deployment", "job", "namespace")
_NEEDED = ("decisions", "incidents")
_OVER = (Reason.RESOLVED, Reason.ALREADY_RESOLVED, Reason.NEVER_FIRED)


class Silenced(NamedTuple):
    """An alert that was silenced on several days."""

    name: str
    fingerprint: str
    days: int
    events: int


class Archive:
    """The folder of Parquet files, opened for one report."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, period: Period, tier_label: str) -> None:
        self._ask, self.period, self._tier_label = connection.execute, period, tier_label
        self.cases, self.pages = self._read()

    @classmethod
    def open(cls, root: Path, period: Period, tier_label: str = "tier") -> Self:
        """Read what the report of `period` needs. Raises Misuse if there is no archive, Missing if it is damaged."""
        connection = duckdb.connect(":memory:")
        connection.execute("SET TimeZone = 'UTC'; SET memory_limit = '600MB'; SET preserve_insertion_order = false")
        _overflow(connection)
        try:
            _see(connection, root, period)
        except duckdb.Error as exc:
            raise _damaged(exc) from None
        return cls(connection, period, tier_label)

    def facts(self, period: Period) -> Facts:
        """What the figures of `period` are made of."""
        pages = tuple(page for page in self.pages if period.has(page.at_ms))
        until = [case for case in self.cases if case.opened_ms < period.until_ms]
        mine = sum(period.has(case.opened_ms) for case in until)
        events, alerts = self._events(period)
        return Facts(period, Counts(events, alerts, mine, len(pages)), pages, tuple(until))

    def silenced(self, days: int) -> list[Silenced]:
        """What was silenced on at least so many days of the four weeks before the end of the period."""
        rows = self.rows(
            "SELECT fingerprint, count(DISTINCT day), count(*) FROM decisions WHERE reason = 'silenced'"
            ' AND "at" >= to_timestamp(?) AND "at" < to_timestamp(?)'
            " GROUP BY 1 HAVING count(DISTINCT day) >= ? ORDER BY 2 DESC, 1 LIMIT 10",
            [self.period.earlier(3).from_ms / 1000, self.period.until_ms / 1000, days],
        )
        names = {case.fingerprint: case.name for case in self.cases}
        return [Silenced(names.get(row[0], row[0]), *row) for row in rows]

    def count_between(self, period: Period) -> int:
        """How many alert events those are."""
        if not self.has("alerts"):
            return 0
        query = 'SELECT count(*) FROM alerts WHERE "at" >= to_timestamp(?) AND "at" < to_timestamp(?)'
        [row] = self.rows(query, [period.from_ms / 1000, period.until_ms / 1000])
        return int(row[0])

    def _events(self, period: Period) -> tuple[int, int]:
        # What a crash decided twice stands there twice, and is one event.
        over = ", ".join(f"'{reason}'" for reason in _OVER)
        [row] = self.rows(
            "SELECT count(*), count(DISTINCT (fingerprint, incident_id)) FILTER (is_firing)"  # noqa: S608 - our own words
            " FROM (SELECT fingerprint, any_value(incident_id) AS incident_id,"
            f' bool_or(reason NOT IN ({over})) AS is_firing FROM decisions WHERE "at" >= to_timestamp(?)'
            ' AND "at" < to_timestamp(?) GROUP BY raw_partition, raw_offset, scope, seq, fingerprint)',
            [period.from_ms / 1000, period.until_ms / 1000],
        )
        return row[0], row[1]

    def _read(self) -> tuple[tuple[Case, ...], tuple[Paged, ...]]:
        rows = self.rows(
            "SELECT incident_id, state, merged_into, epoch_ms(opened_at), epoch_ms(resolved_at), severity, summary,"
            " alerts, events, team, is_paged, quiet, has_flapped, score, members ->> '$[0].name',"
            " members ->> '$[0].template', members ->> '$[0].fingerprint', members ->> '$[0].labels',"
            " TRY_CAST(members ->> '$[0].starts_at_ms' AS BIGINT), is_suppressible,"
            " CASE WHEN is_suppressible OR NOT is_paged AND quiet = 'suppressed' THEN scored END FROM (SELECT *,"
            " bool_or(is_flapping) OVER (PARTITION BY incident_id) AS has_flapped FROM incidents"
            ' QUALIFY row_number() OVER (PARTITION BY incident_id ORDER BY revision DESC, "offset" DESC) = 1)'
            " ORDER BY opened_at, incident_id"
        )
        into = {row[0]: row[2] for row in rows if row[2]}
        deeds, runbooks = self._deeds(into), self._runbooks()
        cases = [self._case(row, deeds.get(row[0], []), runbooks.get(row[16])) for row in rows if row[0] not in into]
        return tuple(cases), tuple(self._pages(into))

    def _case(self, row: Sequence[Any], deeds: list[Any], runbook: str | None) -> Case:
        labels: dict[str, str] = orjson.loads(row[17]) if row[17] else {}
        marks = [deed for deed in deeds if Verdict(deed[1]).is_mark]
        marks.sort(key=lambda deed: (deed[4], deed[3]))  # a person is believed before a program, then the latest
        acted = [deed for deed in deeds if deed[1] in DEEDS and deed[4]]
        acknowledged = next((deed for deed in acted if deed[1] == Verdict.ACKNOWLEDGED), None)
        return Case(
            incident_id=row[0],
            opened_ms=row[3],
            began_ms=min(row[18] or row[3], row[3]),
            resolved_ms=row[4],
            template=row[15] or row[14] or "?",
            name=row[14] or "?",
            severity=row[5],
            summary=row[6],
            fingerprint=row[16] or "",
            alerts=row[7],
            events=row[8],
            labels=tuple(sorted(labels.items())),
            team=row[9],
            service=next((labels[name] for name in SERVICE_LABELS if name in labels), None),
            tier=labels.get(self._tier_label),
            runbook=runbook,
            is_paged=row[10],
            quiet=row[11],
            is_flapping=row[12],
            score=row[13],
            acknowledged_ms=acknowledged[3] if acknowledged else None,
            acknowledged_by=acknowledged[2] if acknowledged else None,
            mark=marks[-1][1] if marks else None,
            acted_ms=acted[0][3] if acted else None,
            is_suppressible=bool(row[19]),
            scored=Score.model_validate_json(row[20]) if row[20] else None,
        )

    def _pages(self, into: dict[str, str]) -> list[Paged]:
        if not self.has("pages"):
            return []
        told = ", ".join(f"'{reason}'" for reason in Reason if reason.pages)
        rows = self.rows(
            "SELECT epoch_ms(coalesce(any_value(i.updated_at), min(p.logged_at))),"  # noqa: S608 - our own words
            " p.incident_id, p.revision,"
            " any_value(p.reason) FROM pages p LEFT JOIN incidents i USING (incident_id, revision)"
            f" WHERE p.event_action = 'trigger' AND p.reason IN ({told}) GROUP BY 2, 3 ORDER BY 1, 2, 3"
        )
        return [Paged(at_ms, final(incident_id, into), reason) for at_ms, incident_id, _, reason in rows]

    def _deeds(self, into: dict[str, str]) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        if self.has("outcomes"):
            for row in self.rows(
                'SELECT DISTINCT incident_id, verdict, "by", epoch_ms("at"), is_person FROM outcomes ORDER BY 4, 2, 3'
            ):
                found.setdefault(final(row[0], into), []).append(row)
        return found

    def _runbooks(self) -> dict[str, str]:
        if not self.has("alerts"):
            return {}
        return dict(
            self.rows(
                "SELECT fingerprint, any_value(coalesce(annotations['runbook_url'], annotations['runbook']))"
                " FROM alerts WHERE annotations['runbook_url'] IS NOT NULL OR annotations['runbook'] IS NOT NULL"
                " GROUP BY 1"
            )
        )

    def has(self, table: str) -> bool:
        """Whether anything of it was archived."""
        return bool(self.rows("SELECT 1 FROM duckdb_views() WHERE view_name = ? AND NOT internal", [table]))

    def rows(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        """The answer to a query; a `?` in it stands for one of `values`."""
        try:
            try:
                return self._ask(query, list(values)).fetchall()
            except duckdb.IOException:  # the files of a day were gathered at this moment: now they have other names
                return self._ask(query, list(values)).fetchall()
        except duckdb.Error as exc:
            raise _damaged(exc) from None


def _overflow(connection: duckdb.DuckDBPyConnection) -> None:
    """Let what does not fit into memory go to a folder of our own, which goes with the connection.

    Else it goes to `.tmp` wherever the process was started, which for a service is `/`, where it may write nothing.
    """
    folder = mkdtemp(prefix="pagesieve-report-")
    weakref.finalize(connection, rmtree, folder, ignore_errors=True)
    connection.execute("SET temp_directory = '" + folder.replace("'", "''") + "'")


def _see(connection: duckdb.DuckDBPyConnection, root: Path, period: Period) -> None:
    """Make a view of each table that there is."""
    first, last = _day(period.from_ms - LOOKED_BACK_MS), _day(period.until_ms + LATER_MS)
    for table in ("alerts", "decisions", "incidents", "pages", "outcomes", "controls"):
        if next((root / table).glob("*/*.parquet"), None) is None:
            if table in _NEEDED:
                raise Misuse(f"--archive {root}: there are no {table} in it; `pagesieve archive` fills it")
            continue
        files = str(root.resolve() / table / "*" / "*.parquet").replace("'", "''")
        # Controls are few, and a silence of today may have been set a year ago.
        days = "true" if table == "controls" else f"day BETWEEN DATE '{first}' AND DATE '{last}'"
        connection.execute(
            f"CREATE VIEW {table} AS SELECT * FROM"  # noqa: S608 - our own names, a quoted path, two dates
            f" read_parquet('{files}', hive_partitioning = true, union_by_name = true) WHERE {days}"
        )


def _damaged(exc: duckdb.Error) -> Missing:
    return Missing(f"the archive cannot be read: {' '.join(str(exc).split())}")


def end_ms(root: Path) -> int:
    """Where the newest day of the archive ends. Raises Misuse if there is none."""
    days = sorted(path.name.removeprefix("day=") for path in (root / "decisions").glob("day=*"))
    try:
        return int(datetime.fromisoformat(f"{days[-1]}T00:00:00+00:00").timestamp()) * 1000 + DAY_MS
    except (IndexError, ValueError):
        raise Misuse(f"--archive {root}: there are no decisions in it; `pagesieve archive` fills it") from None


def _day(at_ms: int) -> str:
    return (datetime.fromtimestamp(0, UTC) + timedelta(days=at_ms // DAY_MS)).date().isoformat()
