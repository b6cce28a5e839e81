"""Routing keys: found by team, replaced without a restart, and never shown."""

import os
from pathlib import Path

from pydantic import SecretStr

from pipeline.edge.routing import RoutingKeys
from pipeline.settings import Settings

RED, BLUE, DEFAULT = "r" * 32, "b" * 32, "d" * 32


class Clock:
    def __init__(self) -> None:
        self.at_ms = 0

    def __call__(self) -> int:
        self.at_ms += 1000
        return self.at_ms


def keys(folder: Path | None = None, default: str | None = None, **environ: str) -> RoutingKeys:
    secret = SecretStr(default) if default else None
    return RoutingKeys(Settings(routing_key=secret, routing_keys_dir=folder), environ, Clock())


def key_of(found: RoutingKeys, team: str | None) -> str | None:
    key = found.route(team).key
    return key.get_secret_value() if key else None


def test_a_teams_own_key_comes_before_the_default() -> None:
    found = keys(default=DEFAULT, PAGESIEVE_ROUTING_KEY_DATA_BASE=RED)
    assert key_of(found, "data-base") == RED
    assert key_of(found, "other") == key_of(found, None) == DEFAULT
    assert found.route("data-base").lane == "data-base"
    assert found.route("other").lane == found.route(None).lane == "default"


def test_a_team_without_a_key_has_none_where_there_is_no_default() -> None:
    assert key_of(keys(PAGESIEVE_ROUTING_KEY_RED=RED), "blue") is None


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    found = keys(tmp_path, DEFAULT)
    assert key_of(found, "red") == DEFAULT
    (tmp_path / "red").write_text(RED + "\n")
    assert key_of(found, "red") == RED
    (tmp_path / "new").write_text(BLUE)
    os.replace(tmp_path / "new", tmp_path / "red")
    assert key_of(found, "red") == BLUE
    (tmp_path / "red").write_text("")
    assert key_of(found, "red") == BLUE, "a file that is being written does not send its pages to another team"
    (tmp_path / "red").unlink()
    assert key_of(found, "red") == DEFAULT


def test_a_folder_without_a_key_is_known_to_hold_none_until_there_is_one(tmp_path: Path) -> None:
    found = keys(tmp_path)
    assert not found.is_empty
    assert not found.has_any
    (tmp_path / "red").write_text(RED)
    assert found.has_any


def test_keys_known_stay_when_the_folder_goes_away(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "red").write_text(RED)
    found = keys(folder)
    assert key_of(found, "red") == RED
    folder.rename(tmp_path / "gone")
    assert key_of(found, "red") == RED


def test_a_team_name_is_never_a_path(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "secret").write_text(RED)
    (tmp_path / "keys" / "..data").mkdir()
    (tmp_path / "keys" / ".hidden").write_text(RED)
    found = keys(tmp_path / "keys")
    for team in ("../secret", str(tmp_path / "secret"), ".hidden", "..", "..data", ""):
        assert key_of(found, team) is None


def test_no_key_is_shown_by_repr_or_route(tmp_path: Path) -> None:
    (tmp_path / "blue").write_text(BLUE)
    found = keys(tmp_path, DEFAULT, PAGESIEVE_ROUTING_KEY_RED=RED)
    shown = repr(found) + "".join(repr(found.route(team)) for team in ("red", "blue", None)) + repr(vars(found))
    assert not any(key in shown for key in (RED, BLUE, DEFAULT))
