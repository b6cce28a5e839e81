"""A routing key is a secret: it is read here, used by one request, and appears in no log, error or repr.

A team's key comes from, in this order: the file named like the team in `PAGESIEVE_ROUTING_KEYS_DIR` (a Kubernetes
secret mounts so), `PAGESIEVE_ROUTING_KEY_<TEAM>` with everything but letters and digits as `_`, and the default
`PAGESIEVE_ROUTING_KEY`. Files are looked at again at most once a second, so a key is replaced without a restart.
The folder is listed and names are compared: a team name, which comes from an alert's labels, never becomes a path.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import structlog
from pydantic import SecretStr

from pipeline.settings import Settings

PREFIX = "PAGESIEVE_ROUTING_KEY_"
DEFAULT_LANE = "default"
KEY_LENGTH = 32  # PagerDuty's integration keys
_LARGEST_FILE = 1024
_LOOK_AGAIN_MS = 1000

log = structlog.get_logger(__name__)


class Route(NamedTuple):
    """Where a team's pages go: the lane is what a rate limit is counted by and may be shown; the key may not."""

    lane: str
    key: SecretStr | None


class RoutingKeys:
    """The keys of all teams, as the environment and the folder say now."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], monotonic_ms: Callable[[], int]) -> None:
        self._default = settings.routing_key
        self._folder = settings.routing_keys_dir
        self._variables = {
            name.removeprefix(PREFIX): _key(value, name) for name, value in environ.items() if name.startswith(PREFIX)
        }
        self._files: dict[str, SecretStr] = {}
        self._stamps: dict[str, tuple[int, int, int]] = {}
        self._monotonic_ms = monotonic_ms
        self._looked_at_ms: int | None = None
        if self._default is not None:
            self._default = _key(self._default.get_secret_value(), PREFIX.rstrip("_"))

    @property
    def is_empty(self) -> bool:
        """Whether no key can come from anywhere: a folder may be filled later."""
        return self._default is None and not self._variables and self._folder is None

    @property
    def has_any(self) -> bool:
        """Whether there is a key now."""
        self._look()
        return self._default is not None or bool(self._variables) or bool(self._files)

    def route(self, team: str | None) -> Route:
        """The route of `team`; its key is None where neither the team nor the default has one."""
        self._look()
        if team:
            key = self._files.get(team) or self._variables.get(re.sub(r"[^A-Z0-9]", "_", team.upper()))
            if key is not None:
                return Route(team, key)
        return Route(DEFAULT_LANE, self._default)

    def _look(self) -> None:
        now_ms = self._monotonic_ms()
        if self._folder is None or (self._looked_at_ms is not None and now_ms - self._looked_at_ms < _LOOK_AGAIN_MS):
            return
        self._looked_at_ms = now_ms
        try:
            paths = [path for path in self._folder.iterdir() if not path.name.startswith(".") and path.is_file()]
            for name in self._stamps.keys() - {path.name for path in paths}:
                del self._stamps[name]
                self._files.pop(name, None)
        except OSError as exc:
            log.warning("routing keys cannot be listed; those known stay", folder=str(self._folder), why=str(exc))
            return
        for path in paths:
            try:
                self._read(path)
            except OSError as exc:
                log.warning("a routing key cannot be read; if it was known it stays", path=str(path), why=str(exc))

    def _read(self, path: Path) -> None:
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if self._stamps.get(path.name) == stamp:
            return
        with path.open("rb") as file:
            text = file.read(_LARGEST_FILE).decode("ascii", errors="replace")
        self._stamps[path.name] = stamp
        key = _key(text, path.name)
        if key is not None:  # an empty file is one that is being written: the old key stays until the new one is there
            self._files[path.name] = key


def _key(text: str, name: str) -> SecretStr | None:
    """The key in `text`, or None where there is none. `name` says in the log whose it is."""
    key = text.strip()
    if len(key) != KEY_LENGTH:
        log.warning("a routing key should have 32 characters", name=name, characters=len(key))
    return SecretStr(key) if key else None
