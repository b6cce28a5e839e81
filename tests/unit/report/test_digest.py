"""Quiet is not gone: whatever paged nobody is in the digest once, under its kind and its reason."""

from pipeline.report.digest import digest
from tests.unit.report.week import after, case


def test_each_kind_is_listed_with_why_it_was_quiet_and_what_is_known_of_it() -> None:
    quiet = {"is_paged": False, "quiet": "suppressed"}
    found = digest(
        [
            case("load-1", 1, **quiet, events=3),
            case("load-2", 2, **quiet, acted_ms=after(2, 5)),
            case("load-3", 3, is_paged=False, quiet="held"),
            case("disk-1", 4),
            case("ping-1", 5, is_paged=False, quiet="silenced"),
        ]
    )
    assert [(one.template, one.reason, one.incidents, one.events, one.missed) for one in found] == [
        ("load", "suppressed", 2, 4, 1),
        ("load", "held", 1, 1, 0),
        ("ping", "silenced", 1, 1, 0),
    ]
    assert (found[0].last, found[0].last_id) == ("load-2", "inc1:load-2")
    assert digest([]) == []
