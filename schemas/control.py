"""A control: what changes how alerts are decided from here on; in the log, so that a replay hears it too."""

from typing import Literal

from pydantic import Field

from schemas.change import Change
from schemas.outcome import Outcome
from schemas.record import Record


class Silence(Record):
    """Alerts that match are not paged from `starts_at_ms` until `ends_at_ms`; a later one with its id replaces it."""

    id: str
    matchers: tuple[str, ...] = Field(description='each canonical, as in name="value"; all of them must match')
    starts_at_ms: int
    ends_at_ms: int = Field(description="exclusive; moved to the present when it is expired")
    created_by: str
    comment: str
    updated_at_ms: int


class Control(Record):
    """A record of `alerts`, written to every partition of it; each reader takes the one of its own partition."""

    kind: Literal["control"] = "control"
    at_ms: int = Field(description="when it reached us")
    silence: Silence | None = None
    outcome: Outcome | None = None
    change: Change | None = None
    policy: str | None = Field(default=None, description="what decides from here on, where another policy did before")
    rules: str | None = Field(default=None, description="what that policy says, as JSON")
    model: str | None = Field(
        default=None, description="the version of what was learned that decides from here on; empty: nothing does"
    )
