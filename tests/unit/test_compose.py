"""deploy/compose.yaml is valid, and names only commands, settings, files and versions that exist.

It is read, not run: the machines that run these tests have no Docker.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from deploy.kafka import kafka
from pipeline.command.app import app
from pipeline.settings import Settings
from schemas.topics import MAX_RECORD_BYTES

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"] == "pagesieve")


def test_it_obeys_the_compose_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    result = subprocess.run([*check, str(DEPLOY / "compose.yaml")], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", OURS)
def test_its_commands_exist_with_their_options(name: str) -> None:
    words: list[str] = SERVICES[name]["command"]
    assert parsed(typer.main.get_command(app), "pagesieve", words) in words


@pytest.mark.parametrize("name", OURS)
def test_its_variables_are_settings(name: str) -> None:
    settings = {f"PAGESIEVE_{field.upper()}" for field in Settings.model_fields}
    assert set(SERVICES[name]["environment"]) <= settings


@pytest.mark.parametrize("name", OURS)
def test_a_container_of_ours_can_change_nothing_but_its_temporary_folder(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert "USER 10001" in (DEPLOY / "Dockerfile").read_text()


def test_only_loopback_reaches_the_gateway_and_the_page_from_outside() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:9095:9095", "127.0.0.1:9098:9095"]


def test_its_broker_is_the_one_that_the_tests_run() -> None:
    broker = SERVICES["kafka"]
    assert broker["image"] == f"apache/kafka:{kafka.kafka_version()}"
    assert int(broker["environment"]["KAFKA_MESSAGE_MAX_BYTES"]) == kafka.MESSAGE_MAX_BYTES > MAX_RECORD_BYTES
    assert broker["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_the_image_is_built_from_files_that_exist() -> None:
    build = COMPOSE["x-pagesieve"]["build"]
    top = (DEPLOY / build["context"]).resolve()
    lines = (top / build["dockerfile"]).read_text().splitlines()
    sources = [
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    ]
    kept = [line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")]
    assert sorted(sources) == sorted(kept)
    assert all((top / source).exists() for source in sources)


def parsed(command: Any, name: str, words: list[str]) -> str:
    """The name of the subcommand that `words` call. Raises a usage error if it or an option does not exist."""
    with command.make_context(name, list(words)) as context:
        if not hasattr(command, "resolve_command"):
            return name
        found, subcommand, rest = command.resolve_command(context, list(words))
        return parsed(subcommand, found, rest)
