"""The example policy and the README tell of every key and reason, and what they call the default is the default."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from pipeline.core.duration import written
from pipeline.core.policy import Policy, Route, Rule
from pipeline.policy_file import examine, load_policy
from schemas import Reason

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "policy.example.yaml"
README = (ROOT / "README.md").read_text()


def uncommented() -> str:
    """The file with its examples in force: lines that begin with # and no space."""
    return re.sub(r"(?m)^#(?=[^ \n])", "", EXAMPLE.read_text()).replace("#  ", "  ")


def keys(value: Any, path: str = "") -> Iterator[str]:
    """Every key in a YAML document, with its path but for positions in lists."""
    if isinstance(value, list):
        for item in value:
            yield from keys(item, path)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}.{name}".lstrip(".")
            yield from keys(inner, f"{path}.{name}".lstrip("."))


def fields(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Every field that a policy file may have, likewise. A route's own; what it overrides is told once, above."""
    for name, field in model.model_fields.items():
        if model is Route and name in Rule.model_fields:
            continue
        here = f"{path}.{field.alias or name}".lstrip(".")
        yield here
        for inner in models(field.annotation):
            yield from fields(inner, here)


def models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models(part)]


def test_the_example_is_the_default_policy() -> None:
    assert load_policy(EXAMPLE) == Policy()


def test_every_default_that_can_be_written_is_shown() -> None:
    shown = yaml.safe_load(EXAMPLE.read_text())
    names = {field.alias or name for name, field in Policy.model_fields.items() if field.default not in ((), None)}
    assert names <= set(shown)


def test_with_its_examples_in_force_it_is_a_policy_too(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(uncommented())
    assert examine(path).complaints == []


def test_a_policy_can_be_read_from_what_is_written_of_it(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(uncommented())
    policy = load_policy(path)
    again = Policy.of_content(policy.content)
    assert (again, again.name, again.rules) == (policy, policy.name, policy.rules)


def test_the_example_tells_of_every_key() -> None:
    told = set(keys(yaml.safe_load(uncommented())))
    assert [field for field in fields(Policy) if field not in told] == []


def test_a_route_is_told_what_it_may_override() -> None:
    text = EXAMPLE.read_text()
    told = text[text.index("# The first route whose") : text.index("\n#routes:")]
    for name, field in Rule.model_fields.items():
        assert re.search(rf"\b{field.alias or name}\b", told)


def row(name: str) -> str:
    """The line of the README's tables that begins with what is named, or begins with several of which it is one."""
    found = re.search(rf"(?m)^\|[^|]*`{name}`[^|]*\|.*$", README)
    assert found, f"the README does not tell of {name}"
    return found[0]


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.value)
def test_the_readme_tells_of_every_reason_and_whether_it_pages(reason: Reason) -> None:
    assert reason.pages == ("**page" in row(reason.value))


def test_the_readme_tells_of_every_key_with_its_default() -> None:
    for name, field in Policy.model_fields.items():
        key = field.alias or name
        default = row(key).split("|")[2].strip()
        if isinstance(field.default, bool):
            assert default == str(field.default).lower(), key  # as YAML spells it
        elif isinstance(field.default, int | str):
            shown = written(int(field.default)) if name.endswith("_ms") else str(field.default)
            assert default.replace(",", "") == shown, key
