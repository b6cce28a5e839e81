"""Policy says what is decided, with which thresholds; every decision names the version that made it."""

import hashlib
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field


class Policy(BaseModel):
    """The thresholds. Durations are seconds in the file and milliseconds inside."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(default=1, ge=1, le=1, description="of this file's format")
    scope: tuple[str, ...] = Field(default=(), description="labels: alerts that differ in one are never grouped")
    group_by: tuple[str, ...] = Field(
        default=("cluster", "namespace", "host"),
        description="alerts equal in these labels share an incident; one that has none of them groups by its name",
    )
    drop_labels: tuple[str, ...] = Field(
        default=("replica", "prometheus_replica", "__replica__", "monitor_replica"),
        description="labels that only say which twin of a highly available pair sent it; not part of the identity",
    )
    team_label: str = Field(default="team", description="the label that says who is paged")
    gap_s: float = Field(default=300, ge=0, description="an incident that did not grow for so long takes no new alerts")
    max_age_s: float = Field(default=3600, gt=0, description="an older incident takes no new alerts, so chains end")
    resolve_after_s: float = Field(default=60, ge=0, description="how long all must stay resolved before the page does")
    expire_after_s: float = Field(default=86400, gt=0, description="a firing state without news for so long is over")
    event_window_s: float = Field(default=300, gt=0, description="likewise for a source that never says resolved")
    max_listed: int = Field(default=100, ge=1, le=1000, description="alerts listed in an incident; more are counted")

    @cached_property
    def gap_ms(self) -> int:
        """`gap_s` in milliseconds."""
        return round(self.gap_s * 1000)

    @cached_property
    def max_age_ms(self) -> int:
        """`max_age_s` in milliseconds."""
        return round(self.max_age_s * 1000)

    @cached_property
    def resolve_after_ms(self) -> int:
        """`resolve_after_s` in milliseconds."""
        return round(self.resolve_after_s * 1000)

    @cached_property
    def expire_after_ms(self) -> int:
        """`expire_after_s` in milliseconds."""
        return round(self.expire_after_s * 1000)

    @cached_property
    def event_window_ms(self) -> int:
        """`event_window_s` in milliseconds."""
        return round(self.event_window_s * 1000)

    @cached_property
    def name(self) -> str:
        """`p1:` and a hash of the content: equal policies have equal names."""
        content = self.model_dump_json().encode()
        return f"p{self.version}:{hashlib.blake2b(content, digest_size=6).hexdigest()}"
