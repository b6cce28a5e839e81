"""What every command takes from its surroundings: settings from the environment, a policy file, logs to stderr."""

from pathlib import Path

from pydantic import ValidationError

from pipeline import logs
from pipeline.core.learned import NOTHING, Learned
from pipeline.core.policy import Policy
from pipeline.errors import Misuse
from pipeline.policy_file import load_policy
from pipeline.settings import Settings


def read_settings() -> Settings:
    """The settings, with logging as they say. Raises Misuse, naming the variable but not its value."""
    try:
        settings = Settings()
    except ValidationError as exc:
        raise misuse_of(exc, "PAGESIEVE_") from None
    logs.configure(settings.log_level)
    return settings


def misuse_of(exc: ValidationError, prefix: str) -> Misuse:
    """What is wrong with the first of the variables that begin with `prefix`: its name, and never its value."""
    first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
    name = "_".join(str(part) for part in first["loc"]).upper()
    return Misuse(f"{prefix}{name}: {first['msg'].removeprefix('Value error, ')}")


def policy_of(option: Path | None, settings: Settings) -> Policy:
    """The policy that `--policy` names, else PAGESIEVE_POLICY, else the defaults. Raises Misuse."""
    return load_policy(option or settings.policy)


def learned_of(option: Path | None, settings: Settings) -> Learned:
    """The models that `--model` names, else PAGESIEVE_MODEL, else what is known without any. Raises Misuse."""
    path = option or settings.model
    if path is None:
        return NOTHING
    from pipeline.command.model_files import read_learned  # noqa: PLC0415 - only who has a model needs numpy for it

    return read_learned(path)


def kafka_of(settings: Settings) -> str:
    """The bootstrap servers. Raises Misuse where none are named."""
    if not settings.kafka:
        raise Misuse(
            "PAGESIEVE_KAFKA is not set: name the broker as host:port, or use `pagesieve up`, which needs none"
        )
    return settings.kafka


def address_of(listen: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`; an IPv6 host stands in brackets. Raises Misuse."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535 or (":" in host and not host.startswith("[")):
        raise Misuse(f"--listen {listen}: expected HOST:PORT, such as 127.0.0.1:9095; port 0 takes a free one")
    return host.strip("[]"), int(port)
