"""What pydantic finds wrong with a policy, in the words of somebody who has to mend the file."""

import difflib
import re
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.core.duration import LONGEST_MS, written
from pipeline.core.policy import LONGEST_HOLD_MS, Policy
from pipeline.policy_file.lines import Complaint, Lines, Path, shown

_REMEDIES = {
    "tuple_type": "write a list, like [a, b]",
    "list_type": "write a list, like [a, b]",
    "string_type": "write text; in quotes, where YAML reads it as something else",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "model_type": "write `field: value` lines",
    "too_short": "write at least one",
}
_ITEM = re.compile(r"item (\d+), ")  # how matchers name the one of a list that is wrong


def complaints_of(error: ValidationError, lines: Lines) -> list[Complaint]:
    """Each thing that is wrong, with its line."""
    found = error.errors(include_url=False)
    places = [one["loc"] for one in found]

    def is_echo(one: ErrorDetails) -> bool:
        """A list whose only item is wrong is called too short as well."""
        depth = len(one["loc"])
        return one["type"] == "too_short" and any(len(p) > depth and p[:depth] == one["loc"] for p in places)

    return [_complaint(one, lines) for one in found if not is_echo(one)]


def _complaint(found: ErrorDetails, lines: Lines) -> Complaint:
    path: Path = found["loc"]
    kind, said = found["type"], found["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return Complaint(lines.of(path), lines.written(path), f"no such field; {_instead(path)}")
    if kind == "missing":
        return Complaint(lines.of(path), lines.written(path), "is missing")
    if item := _ITEM.match(said):
        path, said = (*path, int(item[1]) - 1), said[item.end() :]
    elif kind in _REMEDIES:
        said = _REMEDIES[kind]
    elif (most := found.get("ctx", {}).get("le")) in {LONGEST_MS, LONGEST_HOLD_MS}:
        said = f"{'a duration' if most == LONGEST_MS else 'it'} may be at most {written(most)}"
    return Complaint(lines.of(path), lines.written(path), f"{said[:1].lower()}{said[1:]}{_found(found)}")


def _found(found: ErrorDetails) -> str:
    """What stands there instead; where it is a whole part of the file, or the message quotes it, nothing."""
    value = found["input"]
    is_told = isinstance(value, (dict, BaseModel)) or found["type"] == "no_such_interval"
    return "" if is_told and found["type"] != "string_type" else f", found {shown(value)}"


def _instead(path: Path) -> str:
    """The field that was probably meant, else all that there are."""
    names = _names(path[:-1])
    close = difflib.get_close_matches(str(path[-1]), names, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}"


def _names(path: Path) -> list[str]:
    """The fields that may stand at `path`."""
    model: type[BaseModel] = Policy
    for part in path:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if isinstance(part, str) and part in fields:
            model = _model(fields[part].annotation) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model in `tuple[Route, ...]` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model(part)) is not None), None)
