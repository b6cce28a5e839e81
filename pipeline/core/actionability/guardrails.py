"""Guardrails stand above any score: what they name is paged, however unlikely it is that anybody has to act."""

from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pipeline.core.duration import PositiveDuration
from pipeline.core.matcher import Matchers
from schemas import Guard, Severity


class Suppress(StrEnum):
    """What a low score does."""

    OFF = "off"
    SHADOW = "shadow"  # it is written down, and pages all the same
    ON = "on"


def _spelled(value: object) -> object:
    """YAML reads a bare on as true, and off as false."""
    return {True: Suppress.ON, False: Suppress.OFF}.get(value, value) if isinstance(value, bool) else value


SuppressMode = Annotated[Suppress, BeforeValidator(_spelled)]


class Guardrails(BaseModel):
    """What no score may do, in any route."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    always: tuple[Matchers, ...] = Field(
        default=(),
        description="what matches one of these always pages, as does what is critical, or named by `page_now`",
    )
    tier_label: str = Field(default="tier", description="the label that says how important a service is")
    tiers: tuple[str, ...] = Field(default=("0", "1"), description="values of it that always page")
    watched_ms: PositiveDuration = Field(
        default=86_400_000, alias="watched", description="a scope is watched for so long before any score counts in it"
    )
    max_hold_ms: PositiveDuration = Field(
        default=1_800_000, alias="max_hold", description="what still fires after so long pages, whatever its score"
    )
    grows_to: int = Field(
        strict=True, default=5, ge=2, le=10_000, description="an incident of so many alerts pages, likewise"
    )
    budget: int = Field(
        strict=True,
        default=200,
        ge=0,
        le=1_000_000,
        description="incidents kept quiet in a scope and day (UTC); beyond it all page",
    )
    model_age_ms: PositiveDuration = Field(
        default=7_776_000_000, alias="model_age", description="a model that is older keeps nothing quiet"
    )


class Doubt(NamedTuple):
    """What is known of an alert that scored low, when it begins to fire."""

    severity: Severity
    tier: str | None
    is_named: bool  # by `always` or `page_now`
    is_special: bool  # of a storm or an overflow
    is_new: bool  # nobody was ever paged for its template
    watched_ms: int
    doubt: Guard | None = None  # why the score itself cannot be believed


def guard_of(doubt: Doubt, rails: Guardrails) -> Guard | None:
    """The guardrail that lets it page all the same, but for those that depend on what else was kept quiet."""
    if doubt.doubt is not None or doubt.severity is Severity.CRITICAL:
        return doubt.doubt or Guard.CRITICAL
    if doubt.is_named:
        return Guard.NAMED
    if doubt.tier in rails.tiers:
        return Guard.TIER
    if doubt.is_special:
        return Guard.STORM
    if doubt.watched_ms < rails.watched_ms:
        return Guard.UNWATCHED
    return Guard.NEW_TEMPLATE if doubt.is_new else None
