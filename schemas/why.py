"""Why an alert joined the incident that it joined: what it shares with it, how soon it came, and what came next."""

from pydantic import Field

from schemas.record import Record


class Shared(Record):
    """A word or label pair that an alert has in common with an incident."""

    token: str
    weight: float = Field(description="the share of the alert's own words and labels, by rarity, in [0, 1]")


class Why(Record):
    """What spoke for an incident when an alert joined it."""

    since_ms: int = Field(description="time since the incident last grew")
    likeness: float = Field(description="how much of the alert its members have, weighted by rarity, in [0, 1]")
    shared: tuple[Shared, ...] = Field(description="what of it most, the weightiest first")
    is_home: bool = Field(default=False, description="whether the alert was in the incident before")
    surge: str | None = Field(default=None, description="the value or name of which far more than usual begin")
    runner_up: str | None = Field(default=None, description="the incident that would have taken it otherwise")
    runner_up_share: float | None = Field(default=None, description="how well that fits, as a share of this one")
