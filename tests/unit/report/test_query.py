"""What is read from the archive: incidents as they ended, pages once, deeds of people, and merges followed."""

import gc
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.codec import encode
from pipeline.edge.archive.files import write
from pipeline.errors import Misuse
from pipeline.log.entry import Entry
from pipeline.report.facts import Case, Week
from pipeline.report.past import past
from pipeline.report.query import Archive
from schemas import Alerts, Outcome, Tick, Verdict
from schemas.record import Record
from schemas.topics import ALERTS, DECISIONS, INCIDENTS, OUTCOMES, PAGES
from tests.scene import EPOCH_MS, alert, at, ms, play, resolved

WEEK = Week.before(EPOCH_MS + 7 * 86_400_000)


def archived(root: Path, records: list[Alerts | Tick], *deeds: Outcome, twice: bool = False) -> Archive:
    facts = play(records)
    topics: dict[str, list[Record]] = {
        ALERTS.name: [one for one in records if isinstance(one, Alerts)],
        DECISIONS.name: [*facts.decisions] * (2 if twice else 1),
        INCIDENTS.name: [*facts.incidents] * (2 if twice else 1),
        PAGES.name: [*facts.pages] * (2 if twice else 1),
        OUTCOMES.name: list(deeds),
    }
    entries = [
        Entry(topic, 0, offset, "", encode(one), {}, EPOCH_MS)
        for topic, several in topics.items()
        for offset, one in enumerate(several)
    ]
    write(root, entries)
    return Archive.open(root, WEEK.period)


def scene() -> list[Alerts | Tick]:
    return [
        *at(0, alert("Disk", cluster="c", host="a", team="db", service="orders")),
        *at(5, alert("Disk", cluster="c", host="a", team="db", service="orders")),
        *at(60, resolved("Disk", cluster="c", host="a", team="db", service="orders")),
        *at(300),
    ]


def only(archive: Archive) -> Case:
    [case] = archive.cases
    return case


def deed(case: Case, verdict: Verdict, seconds: float, by: str, *, is_person: bool = True) -> Outcome:
    return Outcome(
        incident_id=case.incident_id, verdict=verdict, by=by, via="api", at_ms=ms(seconds), is_person=is_person
    )


def test_an_incident_is_as_it_ended_with_what_its_first_alert_says(tmp_path: Path) -> None:
    archive = archived(tmp_path, scene())
    case = only(archive)
    assert (case.name, case.team, case.service, case.is_paged) == ("Disk", "db", "orders", True)
    assert (case.opened_ms, case.resolved_ms) == (ms(0), ms(120))
    [page] = archive.pages
    assert (page.at_ms, page.incident_id, page.reason) == (ms(0), case.incident_id, "opened")
    assert archive.facts(WEEK.period).counts == (3, 1, 1, 1)


def test_what_a_crash_wrote_twice_counts_once(tmp_path: Path) -> None:
    once, twice = (archived(tmp_path / str(many), scene(), twice=many) for many in (False, True))
    assert once.facts(WEEK.period) == twice.facts(WEEK.period)


def test_a_person_is_believed_before_a_program_and_the_first_deed_counts(tmp_path: Path) -> None:
    case = only(archived(tmp_path / "bare", scene()))
    archive = archived(
        tmp_path / "told",
        scene(),
        deed(case, Verdict.RESOLVED, 5, "cron", is_person=False),
        deed(case, Verdict.ACKNOWLEDGED, 20, "ada"),
        deed(case, Verdict.ACKNOWLEDGED, 30, "lin"),
        deed(case, Verdict.ACTIONABLE, 40, "ada"),
        deed(case, Verdict.FALSE_POSITIVE, 50, "bot", is_person=False),
    )
    told = only(archive)
    assert (told.acknowledged_ms, told.acknowledged_by, told.acted_ms) == (ms(20), "ada", ms(20))
    assert told.mark == "actionable"


def test_the_events_come_back_as_they_were(tmp_path: Path) -> None:
    records = [one for one in scene() if isinstance(one, Alerts)]
    again = past(archived(tmp_path, scene()), WEEK.period)
    assert [one.alerts for one in again if isinstance(one, Alerts)] == [one.alerts for one in records]


def test_files_that_are_gathered_while_the_report_is_made_are_found_under_their_new_names(tmp_path: Path) -> None:
    archive = archived(tmp_path, scene())
    at_first = archive.facts(WEEK.period), past(archive, WEEK.period)
    for folder in tmp_path.glob("*/day=*"):
        [one] = folder.iterdir()
        pq.write_table(pq.ParquetFile(one).read(), folder / f"{one.stem[:-20]}{7:020d}.parquet")
        one.unlink()
    assert (archive.facts(WEEK.period), past(archive, WEEK.period)) == at_first


def test_what_does_not_fit_into_memory_goes_to_a_temporary_folder_that_is_gone_with_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    archive = archived(tmp_path / "archive", scene())
    [[named]] = archive.rows("SELECT current_setting('temp_directory')")
    assert (
        Path(named).parent == tmp_path / "temporary"
    )  # and not `.tmp` wherever it was started, which is / of a service
    assert Path(named).stat().st_mode & 0o077 == 0
    archive.rows("SET memory_limit = '30MB'")
    archive.rows("SET threads = 1")
    [[many]] = archive.rows("SELECT count(*) FROM (SELECT DISTINCT hash(range), range FROM range(2_000_000))")
    assert many == 2_000_000
    del archive
    gc.collect()
    assert not Path(named).exists()


def test_a_folder_without_an_archive_is_misuse(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="there are no decisions in it"):
        Archive.open(tmp_path, WEEK.period)
