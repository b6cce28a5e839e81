"""A policy file is read whole and checked before anything runs; what is wrong is said with file, field and remedy."""

import difflib
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipeline.core.policy import Policy
from pipeline.errors import Misuse

MAX_BYTES = 1024 * 1024


def load_policy(path: Path | None) -> Policy:
    """The policy in the YAML file at `path`; without a file, the defaults. Raises Misuse with one line."""
    if path is None:
        return Policy()
    content = _parse(path, _read(path))
    if content is None:
        return Policy()  # a file of comments changes nothing
    if not isinstance(content, dict):
        raise Misuse(f"policy {path}: expected `field: value` lines, found {_named(content)}")
    try:
        return Policy.model_validate(content)
    except ValidationError as exc:
        raise Misuse(f"policy {path}: {_complaint(exc)}") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise Misuse(f"policy {path}: {exc.strerror or exc}") from None
    if len(content) > MAX_BYTES:
        raise Misuse(f"policy {path}: larger than {MAX_BYTES} bytes, so hardly a policy")
    return content


def _parse(path: Path, content: bytes) -> Any:
    try:
        return yaml.load(content, Loader=_Loader)  # noqa: S506 - a SafeLoader that also refuses doubled fields
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise Misuse(f"policy {path}: {where}{exc.problem or 'not YAML'}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as exc:  # a date that is none; thousands of open brackets
        raise Misuse(f"policy {path}: not YAML: {' '.join(str(exc).split())}") from None


class _Loader(yaml.SafeLoader):
    """YAML lets the last of two equal fields win in silence; here that is an error, and so is an alias.

    A policy has no use for aliases, and nested ones make a small file fill the memory.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # not in PyYAML's stubs
            raise yaml.MarkedYAMLError(problem="aliases are not allowed", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value} stands there twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _complaint(exc: ValidationError) -> str:
    """The first error: which field, what is wrong, what would be right."""
    first = exc.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        close = difflib.get_close_matches(field, _names(), n=1)
        remedy = f"did you mean {close[0]}?" if close else f"there are {', '.join(_names())}"
        return f"{field}: no such field; {remedy}"
    said = first["msg"].removeprefix("Value error, ")
    return f"{field}: {said[:1].lower()}{said[1:]}, found {_named(first['input'])}"


def _names() -> list[str]:
    return [field.alias or name for name, field in Policy.model_fields.items()]


def _named(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"
