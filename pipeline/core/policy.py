"""Policy says what is decided, with which thresholds; every decision names the version that made it."""

import hashlib
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.duration import Duration, PositiveDuration


class Policy(BaseModel):
    """The thresholds. A duration is written `5m` in the file and is milliseconds inside."""

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
    gap_ms: Duration = Field(
        default=300_000, alias="gap", description="an incident that did not grow for so long takes no new alerts"
    )
    max_age_ms: PositiveDuration = Field(
        default=3_600_000, alias="max_age", description="an older incident takes no new alerts, so chains end"
    )
    resolve_after_ms: Duration = Field(
        default=60_000, alias="resolve_after", description="how long all must stay resolved before the page does"
    )
    expire_after_ms: PositiveDuration = Field(
        default=86_400_000, alias="expire_after", description="a firing state without news for so long is over"
    )
    event_window_ms: PositiveDuration = Field(
        default=300_000, alias="event_window", description="likewise for a source that never says resolved"
    )
    max_listed: int = Field(default=100, ge=1, le=1000, description="alerts listed in an incident; more are counted")

    @cached_property
    def name(self) -> str:
        """`p1:` and a hash of the content: equal policies have equal names."""
        content = self.model_dump_json(by_alias=True).encode()
        return f"p{self.version}:{hashlib.blake2b(content, digest_size=6).hexdigest()}"
