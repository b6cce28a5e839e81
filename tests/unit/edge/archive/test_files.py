"""Every row stands in the archive once, however often and in whatever portions it is written."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.codec import encode
from pipeline.edge.archive import page
from pipeline.edge.archive.files import forget, write
from pipeline.log.entry import Entry
from schemas import Control, Outcome, Tick, Verdict
from schemas.topics import ALERTS, INCIDENTS, OUTCOMES, PAGES
from tests.pages import entry as page_entry
from tests.pages import page as a_page
from tests.scene import alert, at, play

DAY_MS = 86_400_000
MIDNIGHT_MS = 20_000 * DAY_MS
ROOT = Path(__file__).parents[4]


def outcome(offset: int, at_ms: int, partition: int = 0) -> Entry:
    record = Outcome(id=f"out1:{offset}", incident_id="inc1:a", verdict=Verdict.RESOLVED, by="ada", via="api", at_ms=1)
    return Entry(OUTCOMES.name, partition, offset, "inc1:a", encode(record), {}, at_ms)


def offsets(root: Path, table: str = "outcomes") -> list[tuple[int, int]]:
    """(Partition, offset) of all that stands in the table."""
    rows = [
        row for path in sorted(root.glob(f"{table}/*/*.parquet")) for row in pq.ParquetFile(path).read().to_pylist()
    ]
    return sorted((row["partition"], row["offset"]) for row in rows)


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_file_is_named_after_topic_partition_and_first_offset_in_the_folder_of_its_day(tmp_path: Path) -> None:
    write(tmp_path, [outcome(7, MIDNIGHT_MS - 1), outcome(8, MIDNIGHT_MS), outcome(9, MIDNIGHT_MS), outcome(4, 0, 1)])
    assert files(tmp_path) == [
        "outcomes/day=1970-01-01/outcomes-1-00000000000000000004.parquet",
        "outcomes/day=2024-10-03/outcomes-0-00000000000000000007.parquet",
        "outcomes/day=2024-10-04/outcomes-0-00000000000000000008.parquet",
    ]


@pytest.mark.parametrize("again", [(0, 5), (0, 3), (0, 9), (2, 9)], ids=["same", "shorter", "longer", "compacted"])
def test_what_is_written_again_stands_there_once(tmp_path: Path, again: tuple[int, int]) -> None:
    everything = [outcome(number, MIDNIGHT_MS + number) for number in range(10)]
    write(tmp_path, everything[:5])
    write(tmp_path, everything[slice(*again)])  # a crash before the commit: read from there again
    write(tmp_path, everything[again[1] :])
    assert offsets(tmp_path) == [(0, number) for number in range(10)]


def test_a_day_that_comes_back_after_midnight_is_not_taken_for_one_that_is_written(tmp_path: Path) -> None:
    late = [outcome(0, MIDNIGHT_MS - 5), outcome(1, MIDNIGHT_MS), outcome(2, MIDNIGHT_MS - 1)]
    write(tmp_path, late)
    write(tmp_path, late)
    assert offsets(tmp_path) == [(0, 0), (0, 1), (0, 2)]


def test_what_a_kill_leaves_behind_is_no_part_of_the_archive(tmp_path: Path) -> None:
    write(tmp_path, [outcome(0, MIDNIGHT_MS)])
    [made] = tmp_path.rglob("*.parquet")
    made.with_name(f".{made.name}.1").write_bytes(b"PAR1 half")
    write(tmp_path, [outcome(1, MIDNIGHT_MS)])
    assert offsets(tmp_path) == [(0, 0), (0, 1)]


def test_days_that_are_too_old_are_removed_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    write(tmp_path, [outcome(day, MIDNIGHT_MS + day * DAY_MS) for day in range(3)])
    (tmp_path / "outcomes" / "day=mine").mkdir()
    forget(tmp_path, keep_days=1, now_ms=MIDNIGHT_MS + 2 * DAY_MS + 5)
    kept = sorted(path.name for path in (tmp_path / "outcomes").iterdir())
    assert kept == ["day=2024-10-05", "day=2024-10-06", "day=mine"]


def test_every_kind_of_record_gives_its_rows(tmp_path: Path) -> None:
    records = [*at(0, alert("Disk", host="a"), alert("Disk", host="b", severity="critical")), Tick(at_ms=1)]
    facts = play(records)
    write(
        tmp_path,
        [
            *(Entry(ALERTS.name, 0, offset, "", encode(one), {}, MIDNIGHT_MS) for offset, one in enumerate(records)),
            *(Entry("decisions", 0, offset, "", encode(one), {}, 0) for offset, one in enumerate(facts.decisions)),
            *(Entry(INCIDENTS.name, 0, offset, "", encode(one), {}, 0) for offset, one in enumerate(facts.incidents)),
            page_entry(a_page("inc1:a", team="db")),
            Entry(PAGES.name, 0, 1, "", b"{}", {}, 0),  # no page: said in the log, and passed over
        ],
    )
    alerts, decisions, incidents, [told] = (
        pq.ParquetFile(next(tmp_path.glob(f"{name}/*/*.parquet"))).read().to_pylist()
        for name in ("alerts", "decisions", "incidents", "pages")
    )
    assert [(row["name"], row["severity"], dict(row["labels"]), row["seq"]) for row in alerts] == [
        ("Disk", "warning", {"host": "a"}, 0),
        ("Disk", "critical", {"host": "b"}, 1),
    ]
    assert [row["reason"] for row in decisions] == [
        one.reason for record in facts.decisions for one in record.decisions
    ]
    assert incidents[-1]["revision"] == facts.incidents[-1].revision
    assert incidents[-1]["opened_at"].timestamp() * 1000 == facts.incidents[-1].opened_at_ms
    assert (told["event_action"], told["team"], told["reason"]) == ("trigger", "db", "opened")


def test_what_changed_how_alerts_are_decided_has_a_table_of_its_own(tmp_path: Path) -> None:
    records = [*at(0, alert("Disk")), Control(at_ms=5, policy="p1:abc", rules='{"gap":"1m"}'), Tick(at_ms=9)]
    write(tmp_path, [Entry(ALERTS.name, 0, n, "", encode(one), {}, MIDNIGHT_MS) for n, one in enumerate(records)])
    assert (offsets(tmp_path, "alerts"), offsets(tmp_path, "controls")) == ([(0, 0)], [(0, 1)])
    [row] = pq.ParquetFile(next(tmp_path.glob("controls/*/*.parquet"))).read().to_pylist()
    assert (row["policy"], row["rules"], row["silence"]) == ("p1:abc", '{"gap":"1m"}', None)


def test_the_page_about_the_columns_is_that_of_the_schemas() -> None:
    assert (ROOT / "deploy" / "archive.md").read_text() == page(), (
        "run `pagesieve schema --archive > deploy/archive.md`"
    )
