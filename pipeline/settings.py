"""Settings say where things are, from the environment; what is decided is the policy's."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.errors import Misuse


class Settings(BaseSettings):
    """Everything that `PAGESIEVE_…` may set."""

    model_config = SettingsConfigDict(env_prefix="PAGESIEVE_", frozen=True, hide_input_in_errors=True)

    kafka: str | None = Field(default=None, description="bootstrap servers, host:port[,host:port…]")
    replication: int = Field(default=1, ge=1, description="replicas of each topic that `topics create` makes")
    policy: Path | None = Field(default=None, description="the policy file; without one, the defaults")
    model: Path | None = Field(default=None, description="a model, or the folder of models and the one in use there")
    tokens: SecretStr | None = Field(default=None, description="comma-separated; any of them opens the gateway")
    tokens_file: Path | None = Field(default=None, description="one token a line, read at start")
    # At most: what is rejected is kept as a JSON string, which doubles every quote, in one record (MAX_RECORD_BYTES).
    max_body_bytes: int = Field(
        default=4 * 1024 * 1024, ge=1024, le=7 * 1024 * 1024, description="a larger request is answered 413"
    )
    append_timeout_s: float = Field(default=5.0, gt=0, description="how long the log may take before the answer is 503")
    body_timeout_s: float = Field(default=10.0, gt=0, description="a body that takes longer to arrive is answered 503")
    max_requests: int = Field(default=256, ge=1, description="bodies in flight at once; more are answered 503")
    max_bytes_in_flight: int = Field(default=64 * 1024 * 1024, ge=1024, description="of bodies; more is answered 503")
    pagerduty_url: str = "https://events.pagerduty.com/v2/enqueue"
    routing_key: SecretStr | None = Field(default=None, description="PagerDuty integration key for teams without one")
    routing_keys_dir: Path | None = Field(default=None, description="a folder with one file a team, holding its key")
    pagerduty_webhook_secrets: SecretStr | None = Field(
        default=None, description="comma-separated: what PagerDuty signs webhooks with; several while one is replaced"
    )
    pagerduty_webhook_secrets_file: Path | None = Field(default=None, description="one secret a line, read at start")
    # PagerDuty tries again for about 20 minutes, and what happens meanwhile waits behind that.
    pagerduty_webhook_max_age_s: float = Field(
        default=3600.0, ge=60, le=86_400, description="an event that happened longer ago, or later than so, is refused"
    )
    # The page: who may say who somebody is, and under which address it is reached where that is not its own.
    web_user_header: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9-]{1,100}$", description="the header in which a proxy names who asks"
    )
    web_trusted_proxies: str = Field(default="", description="comma-separated addresses or networks of such proxies")
    web_origin: str | None = Field(
        default=None, description="the page's own address, like https://pagesieve.example.com"
    )
    gateway_url: str = Field(default="http://127.0.0.1:9095", description="where `pagesieve mark` finds the gateway")
    snapshot_every_s: float = Field(default=30.0, gt=0, description="how often triage's state is kept, at most")
    watchdog_lag_s: float = Field(default=120.0, ge=1, description="alerts wait, or nobody works, for so long: page")
    watchdog_silence_s: float | None = Field(default=None, ge=1, description="nothing was sent for so long: page")
    archive: Path | None = Field(default=None, description="the folder of Parquet files that `archive` fills")
    archive_every_s: float = Field(default=600.0, ge=1, description="a file holds what came in so long, at most")
    archive_days: int = Field(default=400, ge=1, description="days of files that are older are removed")
    worker_name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        description="the same after every restart, another for every worker; a killed one then comes back at once",
    )
    log_level: str = "info"

    @field_validator("web_origin")
    @classmethod
    def _has_no_path(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^/\s]+", value):
            raise ValueError("expected an address without a path, like https://pagesieve.example.com")
        return value

    @field_validator("log_level")
    @classmethod
    def _level_exists(cls, value: str) -> str:
        if value.lower() not in {"debug", "info", "warning", "error"}:
            raise ValueError("one of debug, info, warning, error")
        return value.lower()


def secrets_in(said: SecretStr | None, file: Path | None, variable: str) -> list[str]:
    """The secrets in `variable`, comma-separated, and in the file that `variable`_FILE names. Raises Misuse."""
    found = said.get_secret_value().split(",") if said else []
    if file:
        try:
            found += file.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as exc:
            raise Misuse(f"{variable}_FILE {file}: {_why(exc)}") from None
    return [secret.strip() for secret in found if secret.strip()]


def _why(exc: OSError | UnicodeDecodeError) -> str:
    """What is wrong with a file of secrets, and nothing of what stands in it."""
    return (exc.strerror or "it cannot be read") if isinstance(exc, OSError) else "it is no UTF-8"


class Posting(BaseSettings):
    """Where `report --post` posts to: `PAGESIEVE_POST_…`. What is secret may stand in a file, `…_FILE`, instead."""

    model_config = SettingsConfigDict(env_prefix="PAGESIEVE_POST_", frozen=True, hide_input_in_errors=True)

    slack_url: SecretStr | None = Field(default=None, description="an incoming webhook of Slack; its address is secret")
    slack_url_file: Path | None = None
    teams_url: SecretStr | None = Field(default=None, description="a workflow of Teams that takes webhooks; likewise")
    teams_url_file: Path | None = None
    webhook_url: SecretStr | None = Field(default=None, description="anything that takes JSON; likewise")
    webhook_url_file: Path | None = None
    webhook_token: SecretStr | None = Field(default=None, description="shown to it as a bearer token")
    webhook_token_file: Path | None = None
    smtp: str | None = Field(default=None, description="a mail server, host or host:port")
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_password_file: Path | None = None
    mail_from: str | None = None
    mail_to: str = Field(default="", description="addresses, with commas between")
    link: str | None = Field(
        default=None, pattern=r"^https?://\S+$", description="where the whole report will be; {week} is its name"
    )
    timeout_s: float = Field(default=15.0, gt=0, description="how long each try may take")
    tries: int = Field(default=5, ge=1, le=20, description="how often what stumbles is tried")


def secret_in(said: SecretStr | None, file: Path | None, variable: str) -> SecretStr | None:
    """The one secret in `variable`, else in the file that `variable`_FILE names; None where both are empty."""
    if said is None and file is not None:
        try:
            said = SecretStr(file.read_text("utf-8").strip())
        except (OSError, UnicodeDecodeError) as exc:
            raise Misuse(f"{variable}_FILE {file}: {_why(exc)}") from None
    said = None if said is None else SecretStr(said.get_secret_value().strip())  # the end of a line is no part of it
    return said if said and said.get_secret_value() else None
