"""Matchers mean here what they mean in Alertmanager: `name = != =~ !~ value`, all of them, over an alert's labels.

A label that is missing has the empty value, so `foo=""` and `foo!="x"` match its absence. A regular expression (RE2,
see `pattern`) matches the whole value.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BeforeValidator, InstanceOf, PlainSerializer, WithJsonSchema

from pipeline.core.pattern import searcher

Op = Literal["=", "!=", "=~", "!~"]
LONGEST = 16 * 1024  # characters of one text; a list of a thousand hosts fits

_NAME = re.compile(r"\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s{}!=~,\\\"'`]+))\s*", re.DOTALL)
_OP = re.compile(r"(=~|!=|!~|=)\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*', re.DOTALL)
# A comma ends it; a backslash at its end stands for itself.
_UNQUOTED = re.compile(r'((?:[^",\\]|\\[^,]|\\(?=,|\Z))*)', re.DOTALL)
_ESCAPED = re.compile(r'\\([n"\\])')
_CLASSIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label; `matches(labels)` says whether labels meet it. Raises ValueError if it is none.

    `matches` is compiled when the matcher is made: 0.1 µs for a plain one.
    """

    name: str
    op: Op
    value: str
    matches: Callable[[Mapping[str, str]], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a matcher needs a label's name")
        try:
            f"{self.name}{self.value}".encode()
        except UnicodeEncodeError:  # a lone surrogate: neither JSON nor RE2 could hold it
            raise ValueError("a matcher must be valid Unicode") from None
        object.__setattr__(self, "matches", _compiled(self.name, self.op, self.value))

    def __str__(self) -> str:
        """The canonical text: a quoted value, and a quoted name where older Alertmanagers know no such name."""
        name = self.name if _CLASSIC_NAME.fullmatch(self.name) else _quoted(self.name)
        return f"{name}{self.op}{_quoted(self.value)}"


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether every one of `matchers` matches; without any, everything does."""
    for matcher in matchers:  # noqa: SIM110 - all() with a generator takes twice as long
        if not matcher.matches(labels):
            return False
    return True


def parse_matcher(text: str) -> Matcher:
    """Read exactly one matcher, such as `severity=~"warn.*|info"`. Raises ValueError, naming the position."""
    found = parse_matchers(text)
    if len(found) != 1:
        raise ValueError(f'expected one matcher, found {len(found)}; a value with a comma needs quotes: name="a,b"')
    return found[0]


def parse_matchers(text: str | Sequence[str]) -> tuple[Matcher, ...]:
    """Read `{a="b",c!="d"}`, with or without braces, or a list of such texts as in Alertmanager's YAML.

    Raises ValueError, naming the item, the position (from 1) and what would be right there.
    """
    if isinstance(text, str):
        return _parse(text)
    found: list[Matcher] = []
    for number, item in enumerate(text, 1):
        try:
            found += _parse(item)
        except ValueError as exc:
            raise ValueError(f"item {number}, {exc}") from None
    return tuple(found)


def _parse(text: str) -> tuple[Matcher, ...]:
    if len(text) > LONGEST:
        raise ValueError(f"position {LONGEST + 1}: matchers may have {LONGEST} characters")
    start, end = _inside(text)
    found: list[Matcher] = []
    position = start
    while text[position:end].strip():
        matcher, position = _one(text, position, end)
        found.append(matcher)
        if position < end and text[position] != ",":
            raise _wrong(position, "expected a comma or the end after the quoted value")
        position += 1
    return tuple(found)


def _inside(text: str) -> tuple[int, int]:
    """Where the matchers stand: between the braces, if there are any."""
    end = len(text.rstrip())
    start = len(text) - len(text.lstrip())
    if not text.startswith("{", start):
        return start, end
    if text[end - 1] != "}":
        raise _wrong(end, "expected } at the end, as it starts with {")
    return start + 1, end - 1


def _one(text: str, position: int, end: int) -> tuple[Matcher, int]:
    """The matcher at `position`, and where it ends."""
    name = _NAME.match(text, position, end)
    if name is None:
        raise _wrong(position, 'expected a label name, as in name="value"')
    op = _OP.match(text, name.end(), end)
    if op is None:
        raise _wrong(name.end(), "expected one of = != =~ !~ after the label name")
    value, position_after = _value(text, op.end(), end)
    label = name[2] if name[1] is None else _unescaped(name[1])
    if not label:
        raise _wrong(name.start(1) - 1, "expected a label name between the quotes")
    try:
        return Matcher(label, _op(op[1]), value), position_after
    except ValueError as exc:
        raise _wrong(op.end(), str(exc)) from None


def _value(text: str, position: int, end: int) -> tuple[str, int]:
    if text.startswith('"', position) and position < end:
        quoted = _QUOTED.match(text, position, end)
        if quoted is None:
            raise _wrong(position, 'the quote that starts here never ends; a quote inside a value is written \\"')
        return _unescaped(quoted[1]), quoted.end()
    found = _UNQUOTED.match(text, position, end)
    assert found is not None  # noqa: S101 - it matches the empty text too
    if found.end() < end and text[found.end()] == '"':
        raise _wrong(found.end(), 'a quote inside a value is written \\", and the value stands in quotes')
    value = found[1].rstrip()
    if found.end() == end and value.endswith("}") and not text.lstrip().startswith("{"):
        # Alertmanager cuts the brace off in silence: `a=~x{2}` means `a=~"x{2"` there.
        raise _wrong(position + len(value) - 1, "a value that ends with } needs quotes")
    return _unescaped(value), found.end()


def _op(text: str) -> Op:
    ops: dict[str, Op] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}
    return ops[text]


def _unescaped(text: str) -> str:
    """Only \\n, \\" and \\\\ are escapes; any other backslash is kept, so that `\\d` and `\\.` need no doubling."""
    return _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _wrong(position: int, what: str) -> ValueError:
    return ValueError(f"position {position + 1}: {what}")


def _compiled(name: str, op: Op, value: str) -> Callable[[Mapping[str, str]], bool]:
    if op == "=":
        return lambda labels: labels.get(name, "") == value
    if op == "!=":
        return lambda labels: labels.get(name, "") != value
    finds = searcher(value)
    if op == "=~":
        return lambda labels: finds(labels.get(name, ""))
    return lambda labels: not finds(labels.get(name, ""))


def _validated(value: object) -> tuple[Matcher, ...]:
    if isinstance(value, tuple) and all(isinstance(item, Matcher) for item in value):
        return value
    if isinstance(value, str) or (isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)):
        return parse_matchers(value)
    raise ValueError("""write matchers as '{a="b",c=~"d|e"}' or as a list of such texts""")


def _texts(matchers: tuple[Matcher, ...]) -> list[str]:
    return [str(matcher) for matcher in matchers]


# For a field of a pydantic model: read from one text or a list, written as a list of canonical texts.
Matchers = Annotated[
    tuple[InstanceOf[Matcher], ...],
    BeforeValidator(_validated),
    PlainSerializer(_texts, return_type=list[str]),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]
