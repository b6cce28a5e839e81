"""The bodies of Alertmanager's API v2, in its own words: what its clients send and expect, field by field."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
NO_END = "0001-01-01T00:00:00.000Z"  # Go's zero time, as in Alertmanager's webhooks: no end is known


class Shape(BaseModel):
    """Camel case outside; unknown fields are ignored, as in Alertmanager."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class MatcherShape(Shape):
    """One condition on one label."""

    name: str
    value: str
    is_regex: bool
    is_equal: bool = True


class PostableSilence(Shape):
    """A silence to be made, or, with the id of one, to take its place."""

    model_config = ConfigDict(strict=True)

    id: str = ""
    matchers: list[MatcherShape] = Field(min_length=1, max_length=100)
    starts_at: Time
    ends_at: Time
    created_by: str = Field(max_length=1024)
    comment: str = Field(max_length=16 * 1024)


class SilenceStatus(Shape):
    """Whether a silence holds now."""

    state: Literal["expired", "active", "pending"]


class GettableSilence(Shape):
    """A silence as it stands."""

    id: str
    status: SilenceStatus
    updated_at: Time
    comment: str
    created_by: str
    ends_at: Time
    starts_at: Time
    matchers: list[MatcherShape]


class Receiver(Shape):
    """Who is paged: a team, or `default`."""

    name: str


class AlertStatus(Shape):
    """Whether an alert is kept quiet, and by which silences."""

    inhibited_by: tuple[str, ...] = ()
    silenced_by: tuple[str, ...] = ()
    state: Literal["unprocessed", "active", "suppressed"]


class GettableAlert(Shape):
    """An alert that fires."""

    annotations: dict[str, str]
    ends_at: Time = NO_END
    fingerprint: str
    receivers: list[Receiver]
    starts_at: Time
    status: AlertStatus
    updated_at: Time
    generator_url: str | None = Field(default=None, alias="generatorURL")
    labels: dict[str, str]


class AlertGroup(Shape):
    """An open incident."""

    alerts: list[GettableAlert]
    labels: dict[str, str]
    receiver: Receiver


class SilenceId(Shape):
    """The answer to a silence that was made or changed."""

    silence_id: str = Field(alias="silenceID")


class ClusterStatus(Shape):
    """There is no cluster to tell of: the log is what gateways share."""

    peers: tuple[str, ...] = ()
    status: Literal["disabled"] = "disabled"


class Configuration(Shape):
    """What `amtool config show` shows."""

    original: str


class VersionInfo(Shape):
    """Which Alertmanager's API this is."""

    branch: str
    build_date: str
    build_user: str
    go_version: str
    revision: str
    version: str


class Status(Shape):
    """What this is, and since when it runs."""

    cluster: ClusterStatus = ClusterStatus()
    config: Configuration
    uptime: Time
    version_info: VersionInfo
