"""A page is counted for whoever was on call, at the hour that their own clock showed."""

from pathlib import Path

import pytest

from pipeline.errors import Misuse
from pipeline.report.facts import Hours
from pipeline.report.schedule import NOBODY, Schedule, loads, read_schedule
from tests.unit.report.week import CASES, PAGES, WEEK, after

FILE = """
zone: Europe/Berlin
people: {lin: America/New_York}
shifts:
  - {person: lin, from: 2026-11-16T00:00:00Z, until: 2026-11-17T00:00:00Z}
  - {person: ada, from: 2026-11-17T00:00:00Z, until: 2026-11-24T00:00:00Z}
"""
BACKWARDS = "shifts: [{person: a, from: 2026-11-17T00:00:00Z, until: 2026-11-17T00:00:00Z}]"


@pytest.fixture(name="schedule")
def _schedule(tmp_path: Path) -> Schedule:
    (tmp_path / "schedule.yaml").write_text(FILE)
    return read_schedule(tmp_path / "schedule.yaml")


def test_each_page_counts_in_the_zone_of_its_responder(schedule: Schedule) -> None:
    ada, lin = loads(PAGES, CASES, schedule, WEEK.period)
    # Monday 10:00 and 10:30 UTC are 05:00 and 05:30 in New York.
    assert (lin.person, lin.hours) == ("lin", {Hours.BUSINESS: 0, Hours.OFF: 0, Hours.SLEEP: 2})
    # Tuesday 02:02 UTC is 03:02 in Berlin; 20:00 UTC is 21:00.
    assert (ada.person, ada.hours) == ("ada", {Hours.BUSINESS: 0, Hours.OFF: 1, Hours.SLEEP: 1})
    assert (lin.shifts, lin.on_call_hours) == (1, 24.0)
    assert (ada.shifts, ada.on_call_hours) == (6 / 7, 144.0)  # of its seven days six are in this week


def test_without_a_schedule_it_is_who_acknowledged_and_no_hours_on_call() -> None:
    found = loads(PAGES, CASES, Schedule(), WEEK.period)
    assert [(load.person, load.pages, load.on_call_hours) for load in found] == [("ada", 2, 0.0), (NOBODY, 2, 0.0)]


@pytest.mark.parametrize(
    ("minutes", "hours"),
    [(8 * 60, "business"), (18 * 60, "off"), (22 * 60, "sleep"), (7 * 60 + 59, "sleep"), (5 * 1440 + 600, "off")],
)
def test_business_is_8_to_18_off_18_to_22_and_the_weekend_and_sleep_the_rest(minutes: int, hours: str) -> None:
    assert Schedule().hours(after(0, minutes), "ada") == hours


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("zone: Mars/Olympus", "no such time zone"),
        ("shifts: [{person: a}]", "shifts.0.from"),
        ("a: [", "schedule"),
        (BACKWARDS, "shifts.0: .*ends before it begins"),
    ],
)
def test_what_is_wrong_with_a_schedule_is_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(Misuse, match=said):
        read_schedule(tmp_path / "s.yaml")
