"""Policy says what is decided, with which thresholds; every decision names the version that made it."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from pipeline.core.actionability.guardrails import Guardrails, Suppress, SuppressMode
from pipeline.core.duration import AUTO_MS, Duration, HoldDuration, Instant, PositiveDuration
from pipeline.core.flap import FlapPolicy
from pipeline.core.interval import NamedIntervals
from pipeline.core.matcher import Matchers, all_match
from pipeline.core.storm import StormPolicy
from pipeline.core.topology import Topology, TopologyPolicy

LONGEST_HOLD_MS = 3_600_000  # by what was learned


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Part):
    """What may differ from alert to alert; a route overrides what it names."""

    group_by: tuple[str, ...] | None = Field(
        default=None,
        description="alerts equal in these labels share an incident; one that has none of them groups by its name; "
        "by default alerts are correlated by their words, labels and times",
    )
    gap_ms: Duration = Field(
        default=300_000,
        alias="gap",
        description="with group_by: an incident that did not grow for so long takes no new alerts",
    )
    max_age_ms: PositiveDuration = Field(
        default=3_600_000, alias="max_age", description="an older incident takes no new alerts, so chains end"
    )
    hold_ms: HoldDuration = Field(
        default=0,
        alias="hold",
        description="how long a page waits for the alert to resolve by itself; auto: as long as that pays, "
        "by how long its like fired before",
    )
    patience_ms: PositiveDuration = Field(
        default=1_500_000,
        alias="patience",
        description="with hold auto: for one page that nobody needed, one that somebody needed may come so much later",
    )
    hold_at_most_ms: Annotated[PositiveDuration, Field(le=LONGEST_HOLD_MS)] = Field(
        default=600_000, alias="hold_at_most", description="with hold auto: no page waits longer"
    )
    hold_critical: bool = Field(default=False, description="with hold auto: what is critical may wait, too")
    at_least: int = Field(
        strict=True,
        default=1,
        ge=1,
        le=10_000,
        description="page only while so many distinct alerts of this route fire",
    )
    mute_during: tuple[str, ...] = Field(default=(), description="time intervals in which nothing is paged")
    page_during: tuple[str, ...] = Field(default=(), description="time intervals outside which nothing is paged")
    resolve_after_ms: Duration = Field(
        default=60_000, alias="resolve_after", description="how long all must stay resolved before the page does"
    )
    reopen_within_ms: Duration = Field(
        default=600_000,
        alias="reopen_within",
        description="an alert that fires again so soon after its incident resolved reopens it under the same id",
    )
    change_window_ms: Duration = Field(
        default=1_800_000,
        alias="change_window",
        description="an incident shows changes of the same service made so shortly before it opened; 0s: none",
    )
    repeat_after_ms: PositiveDuration | None = Field(
        default=None, alias="repeat_after", description="page again if nobody acknowledged; off by default"
    )
    expire_after_ms: PositiveDuration = Field(
        default=86_400_000, alias="expire_after", description="a firing state without news for so long is over"
    )
    suppress: SuppressMode = Field(
        default=Suppress.SHADOW,
        description="what a low score does: nothing (off), it is written down (shadow), it keeps quiet (on)",
    )
    page_above: float = Field(
        strict=True, default=0.01, ge=0, le=1, description="a score from here on is not low: somebody may have to act"
    )
    event_window_ms: PositiveDuration = Field(
        default=300_000, alias="event_window", description="likewise for a source that never says resolved"
    )

    @property
    def holds_as_learned(self) -> bool:
        """Whether how long a page waits comes from how long its like fired before."""
        return self.hold_ms == AUTO_MS


class Route(Rule):
    """Alerts that `match` obey what stands here, and for the rest what stands above the routes."""

    name: str
    match: Matchers


class PolicySilence(_Part):
    """Alerts that `match` are not paged from `starts_at` to `ends_at`; without them, always."""

    match: Matchers
    comment: str = ""
    starts_at_ms: Instant = Field(default=0, alias="starts_at")
    ends_at_ms: Instant = Field(default=253_402_300_799_999, alias="ends_at")  # the end of the calendar


class Maintenance(_Part):
    """Alerts that `match` are not paged during the named time intervals."""

    match: Matchers
    during: tuple[str, ...] = Field(min_length=1)
    comment: str = ""


class Inhibition(_Part):
    """While an alert that matches `source` fires, one that matches `target` and equals it in `equal` is not paged."""

    source: Matchers
    target: Matchers
    equal: tuple[str, ...] = ()


class Policy(Rule):
    """The thresholds. A duration is written `5m` in the file and is milliseconds inside."""

    version: int = Field(strict=True, default=1, ge=1, le=1, description="of this file's format")
    scope: tuple[str, ...] = Field(default=(), description="labels: alerts that differ in one are never grouped")
    drop_labels: tuple[str, ...] = Field(
        default=("replica", "prometheus_replica", "__replica__", "monitor_replica"),
        description="labels that only say which twin of a highly available pair sent it; not part of the identity",
    )
    team_label: str = Field(default="team", description="the label that says who is paged")
    page_now: tuple[Matchers, ...] = Field(
        default=(), description="what matches one of these is never held, counted (at_least) or put into a storm"
    )
    routes: tuple[Route, ...] = Field(default=(), description="the first that matches decides")
    silences: tuple[PolicySilence, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    inhibit: tuple[Inhibition, ...] = ()
    time_intervals: tuple[NamedIntervals, ...] = ()
    flapping: FlapPolicy = FlapPolicy()
    storm: StormPolicy = StormPolicy()
    topology: TopologyPolicy = TopologyPolicy()
    guardrails: Guardrails = Guardrails()
    max_live_alerts: int = Field(
        strict=True,
        default=1_000_000,
        ge=1,
        description="remembered in a scope; beyond it, one incident pages for all that is new",
    )
    max_listed: int = Field(
        strict=True, default=25, ge=1, le=1000, description="alerts listed in an incident; more are counted"
    )

    @model_validator(mode="after")
    def _intervals_exist(self) -> Self:
        known = sorted({interval.name for interval in self.time_intervals})
        wrong = [
            InitErrorDetails(type=_no_such_interval(name, known), loc=(*place, index), input=name)
            for place, names in self._named_intervals()
            for index, name in enumerate(names)
            if name not in known
        ]
        if wrong:  # each at its own place, so that whoever reads a file can say the line
            raise ValidationError.from_exception_data("Policy", wrong)
        return self

    def _named_intervals(self) -> Iterator[tuple[tuple[str | int, ...], tuple[str, ...]]]:
        """Every list of names of time intervals, and where it stands."""
        yield ("mute_during",), self.mute_during
        yield ("page_during",), self.page_during
        for index, route in enumerate(self.routes):
            yield ("routes", index, "mute_during"), route.mute_during
            yield ("routes", index, "page_during"), route.page_during
        for index, window in enumerate(self.maintenance):
            yield ("maintenance", index, "during"), window.during

    @cached_property
    def name(self) -> str:
        """`p1:` and a hash of the content: equal policies have equal names, and different ones different names."""
        # A route that says what is the default anyway overrides what stands above the routes, and one that is silent
        # obeys it: what is hashed of a route is what holds for it.
        held = [{name: getattr(rule, name) for name in Rule.model_fields} for rule in self.rules]
        routes = [route.model_copy(update=fields) for route, fields in zip(self.routes, held, strict=False)]
        content = self.model_copy(update={"routes": tuple(routes)}).model_dump_json(by_alias=True).encode()
        return f"p{self.version}:{hashlib.blake2b(content, digest_size=6).hexdigest()}"

    @cached_property
    def content(self) -> str:
        """What it says, as JSON, so that a log or a snapshot can hold it."""
        return self.model_dump_json(by_alias=True, exclude_unset=True)  # a route says nothing of what it leaves open

    @classmethod
    def of_content(cls, content: str | bytes) -> Self:
        """The policy that has this `content`. Raises ValueError if this version cannot read it."""
        return cls.model_validate_json(content)

    @cached_property
    def graph(self) -> Topology | None:
        """What depends on what; None where the policy names no services."""
        return Topology(self.topology) if self.topology.services else None

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """What holds for each route, in order, and last for what no route matches."""
        default = Rule.model_construct(**{name: getattr(self, name) for name in Rule.model_fields})
        merged = [
            default.model_copy(update={n: getattr(route, n) for n in route.model_fields_set if n in Rule.model_fields})
            for route in self.routes
        ]
        return (*merged, default)

    @cached_property
    def suppresses(self) -> bool:
        """Whether a low score keeps anything quiet."""
        return any(rule.suppress is Suppress.ON for rule in self.rules)

    def rule_of(self, labels: Mapping[str, str]) -> int:
        """Which of `rules` holds for an alert with these labels."""
        for index, route in enumerate(self.routes):
            if all_match(route.match, labels):
                return index
        return len(self.routes)

    def always_pages(self, labels: Mapping[str, str]) -> bool:
        """Whether no score may keep an alert with these labels quiet."""
        always = self.guardrails.always
        return self.pages_now(labels) or (bool(always) and any(all_match(match, labels) for match in always))

    def pages_now(self, labels: Mapping[str, str]) -> bool:
        """Whether `page_now` names an alert with these labels."""
        # Nearly always there are none, and a generator would take three times as long to say so.
        return bool(self.page_now) and any(all_match(match, labels) for match in self.page_now)

    @cached_property
    def intervals(self) -> dict[str, NamedIntervals]:
        """The time intervals by name."""
        return {interval.name: interval for interval in self.time_intervals}


def _no_such_interval(name: str, known: list[str]) -> PydanticCustomError:
    there = f"there are {', '.join(known)}" if known else "there are none"
    return PydanticCustomError(
        "no_such_interval", "no time interval is named {name}; {there}", {"name": repr(name), "there": there}
    )
