"""Each line of templates.txt, as an engineer would read it."""

import re
from pathlib import Path

import pytest

from pipeline.core.template import template_of
from tests.unit.core.kinds import kind

LINES = [
    line
    for line in (Path(__file__).parent / "templates.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize("line", LINES)
def test_the_template_is_the_alert_without_what_is_volatile(line: str) -> None:
    told, expected = line.split(" → ")
    name, labels = re.fullmatch(r"(.*?)(?: \{(.*)\})?", told).groups()  # type: ignore[union-attr]  # matches anything
    pairs = dict(pair.split("=", 1) for pair in labels.split(", ")) if labels else {}
    assert template_of(kind(name, **pairs)) == f"t1:{expected}"
