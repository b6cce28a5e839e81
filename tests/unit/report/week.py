"""A small week of four pages and six incidents, whose figures are worked out by hand in the tests."""

from pipeline.report.facts import HOUR_MS, Case, Counts, Facts, Paged, Period, Week
from pipeline.report.schedule import Schedule

WEEK = Week.named("2026-W47")
MONDAY_MS = WEEK.period.from_ms
MINUTE_MS = 60_000


def case(name: str, at_h: float, **more: object) -> Case:
    """An incident that opened so many hours after Monday 00:00 UTC, a minute after its alert began to hold."""
    opened_ms = MONDAY_MS + int(at_h * HOUR_MS)
    fields = {"resolved_ms": opened_ms + HOUR_MS} | more
    return Case(
        f"inc1:{name}", opened_ms, opened_ms - MINUTE_MS, template=name[:4], name=name, severity="error",
        summary=name, **fields,  # type: ignore[arg-type]  # a test names the fields
    )  # fmt: skip


def after(at_h: float, minutes: float) -> int:
    return MONDAY_MS + int(at_h * HOUR_MS + minutes * MINUTE_MS)


CASES = (
    case("disk-0", -100, acted_ms=after(-100, 5)),  # the week before: so disk-1 comes back after 110 h
    # Monday 10:00: acknowledged after 5 minutes, over after an hour.
    case(
        "disk-1", 10, acted_ms=after(10, 5), acknowledged_ms=after(10, 5), acknowledged_by="ada", tier="0", runbook="r"
    ),
    # Tuesday 02:00: over after 4 minutes, untouched: transient.
    case("ping-1", 26, resolved_ms=after(26, 4), is_flapping=True, tier="1"),
    # Tuesday 20:00: acknowledged after 15 minutes, but judged to be nothing; still open.
    case("ping-2", 44, resolved_ms=None, acted_ms=after(44, 15), acknowledged_ms=after(44, 15), mark="not_actionable"),
    case("quiet-1", 30, is_paged=False, quiet="suppressed", mark="actionable"),
    case("quiet-2", 31, is_paged=False, quiet="suppressed"),
    case("hush-1", 32, is_paged=False, quiet="silenced", mark="actionable"),
)
PAGES = (
    Paged(after(10, 0), "inc1:disk-1", "opened"),
    Paged(after(10, 30), "inc1:disk-1", "raised"),
    Paged(after(26, 2), "inc1:ping-1", "hold_ended"),
    Paged(after(44, 0), "inc1:ping-2", "opened"),
)
FACTS = Facts(WEEK.period, Counts(events=100, alerts=20, incidents=6, pages=4), PAGES, CASES)
# The four weeks before had disk-0 alone, ten events, and one page.
BEFORE = Facts(
    Period(WEEK.period.earlier(4).from_ms, WEEK.period.from_ms),
    Counts(events=10, alerts=2, incidents=1, pages=1),
    (Paged(after(-100, 0), "inc1:disk-0", "opened"),),
    CASES[:1],
)
SCHEDULE = Schedule.model_validate(
    {
        "zone": "Europe/Berlin",
        "shifts": [
            {"person": "ada", "from": "2026-11-16T00:00:00Z", "until": "2026-11-17T00:00:00Z"},
            {"person": "lin", "from": "2026-11-17T00:00:00Z", "until": "2026-11-23T00:00:00Z"},
        ],
    }
)
