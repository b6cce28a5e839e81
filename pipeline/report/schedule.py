"""A schedule says who is on call when, and where they live: whether a page came at work, after hours or at night.

```yaml
zone: Europe/Berlin                # of whoever has none of their own
people: {ada: Europe/Berlin, lin: America/New_York}
shifts:
  - {person: ada, team: platform, from: 2026-11-16T08:00:00Z, until: 2026-11-23T08:00:00Z}    # without team: all teams
```
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Self

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.core.zone import zone
from pipeline.errors import Misuse
from pipeline.report.facts import HOUR_MS, Case, Facts, Hours, Paged, Period

NOBODY = "nobody named"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shift(_Part):
    """A person is on call for a team, or for all."""

    person: str
    team: str | None = None
    from_: AwareDatetime = Field(alias="from")
    until: AwareDatetime

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.until <= self.from_:
            raise ValueError("it ends before it begins, or as it does")
        return self

    @property
    def period(self) -> Period:
        """When."""
        return Period(*(int(moment.timestamp() * 1000) for moment in (self.from_, self.until)))


class Schedule(_Part):
    """Who is on call, and in which zones they live."""

    zone: str = "UTC"
    people: dict[str, str] = {}
    shifts: tuple[Shift, ...] = ()

    def responder(self, at_ms: int, case: Case | None) -> str:
        """Who got a page: whose shift it was, else who acknowledged it, else nobody that is known."""
        team = case.team if case else None
        for shift in self.shifts:
            if shift.period.has(at_ms) and shift.team in {None, team}:
                return shift.person
        return (case.acknowledged_by if case else None) or NOBODY

    def local(self, at_ms: int, person: str) -> datetime:
        """The moment as the person's clock shows it."""
        return datetime.fromtimestamp(at_ms / 1000, zone(self.people.get(person, self.zone)))

    def hours(self, at_ms: int, person: str) -> Hours:
        """Whether the person was at work, off, or asleep."""
        local = self.local(at_ms, person)
        if not 8 <= local.hour < 22:
            return Hours.SLEEP
        return Hours.BUSINESS if local.weekday() < 5 and local.hour < 18 else Hours.OFF

    def timed(self, facts: Facts) -> Facts:
        """The same, with the hours of each page as whoever got it has them."""
        by_id = {case.incident_id: case for case in facts.cases}
        pages = [
            page._replace(hours=self.hours(page.at_ms, self.responder(page.at_ms, by_id.get(page.incident_id))))
            for page in facts.pages
        ]
        return facts._replace(pages=tuple(pages))


class Load(NamedTuple):
    """What one person got: pages by hours, and of how many shifts and hours on call (0: no schedule says).

    A shift counts for as much of it as lies in the period, as its pages do: of a rota that changes on Monday at eight a
    week has two shifts in part, and one in all.
    """

    person: str
    hours: dict[Hours, int]
    shifts: float
    on_call_hours: float

    @property
    def pages(self) -> int:
        """All of them."""
        return sum(self.hours.values())


def loads(pages: Iterable[Paged], cases: Iterable[Case], schedule: Schedule, period: Period) -> list[Load]:
    """Who got how many pages when, the most loaded first; who had a shift and got none is there too."""
    by_id = {case.incident_id: case for case in cases}
    found: dict[str, Counter[Hours]] = {shift.person: Counter() for shift in _within(schedule, period)}
    for page in pages:
        person = schedule.responder(page.at_ms, by_id.get(page.incident_id))
        found.setdefault(person, Counter())[schedule.hours(page.at_ms, person)] += 1
    made = []
    for person, hours in found.items():
        spans = [shift.period for shift in _within(schedule, period) if shift.person == person]
        spent = [min(one.until_ms, period.until_ms) - max(one.from_ms, period.from_ms) for one in spans]
        shifts = sum(some / (one.until_ms - one.from_ms) for some, one in zip(spent, spans, strict=True))
        made.append(Load(person, {kind: hours[kind] for kind in Hours}, shifts, sum(spent) / HOUR_MS))
    return sorted(made, key=lambda load: (-load.pages, load.person))


def read_schedule(path: Path | None) -> Schedule:
    """The schedule in a YAML file; without one, everybody lives in UTC. Raises Misuse."""
    if path is None:
        return Schedule()
    try:
        schedule = Schedule.model_validate(yaml.safe_load(path.read_text("utf-8")) or {})
        for name in (schedule.zone, *schedule.people.values()):
            zone(name)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Misuse(f"schedule {path}: {where}: {first['msg']}") from None
    except OSError as exc:
        raise Misuse(f"schedule {path}: {exc.strerror}") from None
    except (ValueError, yaml.YAMLError) as exc:
        raise Misuse(f"schedule {path}: {' '.join(str(exc).split())}") from None
    return schedule


def shown(moment_ms: int) -> str:
    """A moment for people, UTC."""
    return f"{datetime.fromtimestamp(moment_ms / 1000, UTC):%a %d %b %H:%M}"


def _within(schedule: Schedule, period: Period) -> list[Shift]:
    return [
        shift
        for shift in schedule.shifts
        if shift.period.from_ms < period.until_ms and period.from_ms < shift.period.until_ms
    ]
