"""Time intervals as an Alertmanager's configuration writes them, and when they begin and end."""

import calendar
import struct
from datetime import datetime
from importlib import resources
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import yaml
from pydantic import ValidationError

from pipeline.core.interval import HORIZON_DAYS, NamedIntervals, TimeInterval
from pipeline.core.zone import DAY_MS, _names, steady_until_ms, zone


def interval(text: str) -> TimeInterval:
    return TimeInterval.model_validate(yaml.safe_load(text))


def ms(local: str, zone_name: str = "UTC") -> int:
    return round(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone_name)).timestamp() * 1000)


def changes(found: TimeInterval | NamedIntervals, since: str, zone_name: str, count: int) -> list[str]:
    """The next changes as clocks in the zone show them."""
    at_ms, told = ms(since, zone_name), []
    for _ in range(count):
        next_ms = found.next_change_ms(at_ms)
        assert next_ms is not None
        at_ms = next_ms
        told.append(datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone_name)).isoformat(timespec="minutes"))
    return told


OFFICE = """
times: [{start_time: '09:00', end_time: '17:00'}]
weekdays: ['Monday:Friday']
location: Europe/Berlin
"""


@pytest.mark.parametrize(
    ("local", "is_in"),
    [
        ("2026-11-20T09:00", True),  # a Friday
        ("2026-11-20T16:59:59.999", True),
        ("2026-11-20T17:00", False),
        ("2026-11-20T08:59:59.999", False),
        ("2026-11-21T12:00", False),
    ],
)
def test_office_hours_are_those_of_the_office(local: str, is_in: bool) -> None:
    assert interval(OFFICE).contains(ms(local, "Europe/Berlin")) is is_in


def test_office_hours_end_for_the_weekend_and_stay_nine_to_five_when_clocks_change() -> None:
    assert changes(interval(OFFICE), "2026-03-27T10:00", "Europe/Berlin", 3) == [
        "2026-03-27T17:00+01:00",
        "2026-03-30T09:00+02:00",
        "2026-03-30T17:00+02:00",
    ]


@pytest.mark.parametrize(
    ("days", "month", "expected"),
    [
        ("[1]", "2026-02", [1]),
        ("['1:3', '10']", "2026-02", [1, 2, 3, 10]),
        ("['-3:-1']", "2026-02", [26, 27, 28]),
        ("['-1']", "2028-02", [29]),
        ("['27:-1']", "2026-04", [27, 28, 29, 30]),
        ("['30:31']", "2026-02", []),
        ("['-31:-27']", "2026-02", [1, 2]),
    ],
)
def test_days_of_the_month_count_from_either_end(days: str, month: str, expected: list[int]) -> None:
    found = interval(f"days_of_month: {days}")
    first_ms = ms(f"{month}-01T12:00")
    length = calendar.monthrange(*map(int, month.split("-")))[1]
    assert [day for day in range(1, length + 1) if found.contains(first_ms + (day - 1) * DAY_MS)] == expected


def test_the_last_day_of_march_is_the_31st_although_clocks_go_forward() -> None:
    found = interval("{days_of_month: ['-1'], months: [march], location: Europe/Berlin}")
    assert changes(found, "2026-01-01T00:00", "Europe/Berlin", 2) == [
        "2026-03-31T00:00+02:00",
        "2026-04-01T00:00+02:00",
    ]


def test_months_and_years_are_inclusive_and_all_fields_must_agree() -> None:
    found = interval("{months: ['november:december', 2], years: ['2026:2027'], weekdays: [sunday]}")
    assert found.contains(ms("2026-11-22T00:00"))  # a Sunday
    assert found.contains(ms("2027-02-28T23:59"))
    assert not found.contains(ms("2026-11-23T00:00"))
    assert not found.contains(ms("2026-10-25T00:00"))
    assert not found.contains(ms("2028-11-26T00:00"))


def test_times_without_quotes_are_what_yaml_makes_of_them() -> None:
    assert interval("times: [{start_time: 17:00, end_time: 18:30}]") == interval(
        "times: [{start_time: '17:00', end_time: '18:30'}]"
    )


def test_an_interval_without_fields_is_always_and_never_changes() -> None:
    assert TimeInterval().contains(0)
    assert TimeInterval().next_change_ms(0) is None


def test_an_hour_that_a_day_lacks_does_not_come_that_day() -> None:
    night = interval("{times: [{start_time: '02:00', end_time: '03:00'}], location: Europe/Berlin}")
    assert changes(night, "2026-03-28T03:00", "Europe/Berlin", 2) == [
        "2026-03-30T02:00+02:00",
        "2026-03-30T03:00+02:00",
    ]


def test_an_hour_that_a_day_has_twice_comes_once_in_a_stretch_or_twice_in_parts() -> None:
    whole = interval("{times: [{start_time: '02:00', end_time: '03:00'}], location: Europe/Berlin}")
    assert changes(whole, "2026-10-25T01:00", "Europe/Berlin", 2) == [
        "2026-10-25T02:00+02:00",
        "2026-10-25T03:00+01:00",
    ]
    half = interval("{times: [{start_time: '02:00', end_time: '02:30'}], location: Europe/Berlin}")
    assert changes(half, "2026-10-25T01:00", "Europe/Berlin", 4) == [
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:30+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T02:30+01:00",
    ]


def test_an_evening_that_clocks_repeat_after_midnight_comes_again() -> None:
    # In 2010 clocks in St. John's went back at 00:01, to 23:01 of the day before.
    evening = interval("{times: [{start_time: '23:00', end_time: '23:15'}], location: America/St_Johns}")
    assert changes(evening, "2010-11-06T23:30", "America/St_Johns", 2) == [
        "2010-11-06T23:01-03:30",
        "2010-11-06T23:15-03:30",
    ]
    saturday = interval("{weekdays: [saturday], location: America/St_Johns}")
    assert changes(saturday, "2010-11-06T23:30", "America/St_Johns", 3) == [
        "2010-11-07T00:00-02:30",
        "2010-11-06T23:01-03:30",
        "2010-11-07T00:00-03:30",
    ]


def test_a_day_that_a_place_left_out_does_not_come() -> None:
    # Samoa crossed the date line: after 2011-12-29 came the 31st.
    friday = interval("{weekdays: [friday], location: Pacific/Apia}")
    assert changes(friday, "2011-12-25T00:00", "Pacific/Apia", 1) == ["2012-01-06T00:00+14:00"]


def test_the_search_ends() -> None:
    never = interval("{days_of_month: ['30'], months: [february]}")
    assert never.next_change_ms(ms("2026-01-01")) is None
    assert interval("years: [2030]").next_change_ms(ms("2026-06-01")) == ms("2030-01-01")
    assert interval("years: [2090]").next_change_ms(ms("2026-06-01")) is None
    assert interval("months: [may]").next_change_ms(ms("9995-01-01")) is None
    assert ms("2026-01-01") + HORIZON_DAYS * DAY_MS > ms("2035-12-01")


def test_a_name_is_the_union_of_its_intervals() -> None:
    found = NamedIntervals.model_validate(
        yaml.safe_load("""
            name: quiet
            time_intervals:
              - weekdays: ['saturday', sunday]
              - times: [{start_time: '18:00', end_time: '24:00'}]
              - times: [{start_time: '00:00', end_time: '08:00'}]
        """)
    )
    assert changes(found, "2026-11-20T12:00", "UTC", 3) == [
        "2026-11-20T18:00+00:00",
        "2026-11-23T08:00+00:00",
        "2026-11-23T18:00+00:00",
    ]


def test_a_union_that_is_always_never_changes() -> None:
    halves = ("{start_time: '00:00', end_time: '12:00'}", "{start_time: '12:00', end_time: '24:00'}")
    both = NamedIntervals(name="always", time_intervals=tuple(interval(f"times: [{half}]") for half in halves))
    assert both.next_change_ms(0) is None
    assert interval(f"times: [{', '.join(halves)}]").next_change_ms(0) is None


def test_it_is_written_as_it_is_read() -> None:
    found = interval("{times: [{start_time: 17:00, end_time: '24:00'}], months: ['5:6', 12], days_of_month: ['-3:-1']}")
    assert found.model_dump(mode="json") == {
        "times": [{"start_time": "17:00", "end_time": "24:00"}],
        "months": ["may:june", "december"],
        "days_of_month": ["-3:-1"],
        "location": "UTC",
    }
    assert TimeInterval.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("times: []", "at least 1 item"),
        ("times: [{start_time: '9:00', end_time: '10:00'}]", "write a time like '09:00', up to '24:00'"),
        ("times: [{start_time: '22:00', end_time: '06:00'}]", "write a range over midnight as two"),
        ("times: [{start_time: '22:00'}]", "Field required"),
        ("times: [{start_time: 1441, end_time: '24:00'}]", "write a time like"),
        ("weekdays: [mon]", "write weekdays like monday or 'monday:friday'"),
        ("weekdays: ['saturday:sunday']", "write one over the turn as two"),
        ("days_of_month: [0]", "write days of the month like"),
        ("days_of_month: [1:5]", "write days of the month like"),  # 65 to YAML
        ("days_of_month: ['-3:1']", "must end at one"),
        ("days_of_month: ['29:-1']", "must not end before it starts"),
        ("months: [13]", "write months like"),
        ("months: ['may:june:july']", "write months like"),
        ("months: [true]", "write months like"),
        ("years: ['2027:2026']", "must not end before it starts"),
        ("location: Local", "decides differently on every machine"),
        ("location: Europe/Berlim", "named like Europe/Berlin"),
        ("location: ../../etc/passwd", "named like Europe/Berlin"),
        ("day: [monday]", "Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_said_with_what_would_be_right(text: str, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        interval(text)


def test_no_zone_changes_its_offset_twice_within_a_day() -> None:
    # `steady_until_ms` compares the ends of a day only; this is what allows it.
    for name in sorted(_names()):
        changed = [at_s for at_s in transitions(name) if at_s >= 0]
        assert all(later - earlier > 86_400 for earlier, later in pairwise(changed)), name


def transitions(name: str) -> tuple[int, ...]:
    """When the clocks of a zone change, as the second block of its file has it (RFC 8536)."""
    content = resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    utc, standard, leaps, times, types, characters = struct.unpack(">6l", content[20:44])
    second = 44 + times * 5 + types * 6 + characters + leaps * 8 + standard + utc
    count = struct.unpack(">l", content[second + 32 : second + 36])[0]
    return struct.unpack_from(f">{count}q", content, second + 44)


def test_clocks_go_on_evenly_until_midnight_or_until_they_are_changed() -> None:
    berlin = zone("Europe/Berlin")
    assert steady_until_ms(ms("2026-03-28T12:00", "Europe/Berlin"), berlin) == ms("2026-03-29T00:00", "Europe/Berlin")
    assert steady_until_ms(ms("2026-03-29T00:30", "Europe/Berlin"), berlin) == ms("2026-03-29T03:00", "Europe/Berlin")
