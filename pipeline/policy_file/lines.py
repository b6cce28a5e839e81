"""YAML becomes plain values, and every value remembers the line on which it is written."""

from typing import Any, NamedTuple

import yaml

Path = tuple[str | int, ...]


class Complaint(NamedTuple):
    """One thing that is wrong: the line from 1 if it is known, the path as people write it, what would be right."""

    line: int | None
    path: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (f"line {self.line}" if self.line else "", self.path, self.message) if part)


class NotYaml(Exception):  # a verdict, not an error of the program
    """The file is not YAML, or more than we allow of it."""

    def __init__(self, line: int | None, message: str) -> None:
        super().__init__(message)
        self.complaint = Complaint(line, "", message)


class Lines:
    """Where each value of a file is written."""

    def __init__(self, root: yaml.Node | None) -> None:
        self._lines: dict[Path, int] = {}
        if root is not None:
            self._lines[()] = root.start_mark.line + 1
            self._walk(root, ())

    def of(self, path: Path) -> int | None:
        """The line of the value at `path`; of what should hold it, where it is missing."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path)

    def written(self, path: Path) -> str:
        """The path as people write it: `routes[2].hold`."""
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        return text.removeprefix(".")

    def _walk(self, node: yaml.Node, path: Path) -> None:
        children: list[tuple[str | int, yaml.Node, yaml.Node]] = []  # its name, where it stands, what it is
        if isinstance(node, yaml.MappingNode):
            children = [(key.value, key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]
        elif isinstance(node, yaml.SequenceNode):
            children = [(index, item, item) for index, item in enumerate(node.value)]
        for name, place, value in children:
            self._lines[(*path, name)] = place.start_mark.line + 1
            self._walk(value, (*path, name))


def structure(content: bytes) -> tuple[Any, Lines]:
    """What the file says, and where. Raises NotYaml."""
    try:
        loader = _Loader(content)
        root = loader.get_single_node()
        return (None if root is None else loader.construct_document(root)), Lines(root)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark
        where = f"column {mark.column + 1}: " if mark else ""
        raise NotYaml(mark.line + 1 if mark else None, f"{where}{exc.problem or 'not YAML'}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as exc:  # a date that is none; thousands of open brackets
        raise NotYaml(None, f"not YAML: {' '.join(str(exc).split())}") from None


def shown(value: Any) -> str:
    """A value in a message, not too long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


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
