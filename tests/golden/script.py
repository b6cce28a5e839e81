"""A scene file as a script: what is sent, when, and what is expected of it. See scenes/README.md for the words."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

FOLDER = Path(__file__).parent / "scenes"
_LINE = re.compile(r"\s*((?P<at>[\d.]+)s|end|told|cause)\s*(?P<what>[^→]+?)?\s*(→\s*(?P<expected>.*?)\s*)?$")


class Step(NamedTuple):
    """One line of a scene."""

    line: str
    at_s: float
    what: str
    expected: str

    @property
    def policy(self) -> dict[str, Any] | None:
        """The lines of the policy file that are others from here on, if this is where the worker restarts with them."""
        verb, _, lines = self.what.partition(" ")
        return dict(yaml.safe_load(lines)) if verb == "policy" else None


class Scene(NamedTuple):
    """One file: its policy as a policy file says it, its steps, and how each incident stands behind the last."""

    name: str
    policy: dict[str, Any]
    steps: tuple[Step, ...]
    ending: str
    told: tuple[str, ...]  # the sentence of each incident, and below it what may have caused it; if the file says any

    def under(self, lines: dict[str, Any]) -> "Scene":
        """The same scene, but that its policy file says this too, or instead."""
        return self._replace(policy=self.policy | lines)

    @property
    def expected(self) -> list[str]:
        """What each step leads to, the ending, and what is told."""
        return [*(step.expected for step in self.steps), self.ending, *self.told]


def read(file: Path) -> Scene:
    """The scene in `file`."""
    policy: dict[str, Any] = {}
    steps: list[Step] = []
    ending = None
    told: list[str] = []
    for line in file.read_text("utf-8").splitlines()[1:]:
        if line.startswith("policy: "):
            policy |= yaml.safe_load(line.removeprefix("policy: "))
        elif line.strip():
            found = _LINE.match(line)
            assert found, f"{file.name}: not a step: {line}"
            expected = found["expected"] or ""
            if line.split()[0] in ("told", "cause"):
                assert ending is not None, f"{file.name}: before its end: {line}"
                told.append(expected if line.split()[0] == "told" else f"- {expected}")
            elif found["at"]:
                assert ending is None, f"{file.name}: behind its end: {line}"
                assert found["what"], f"{file.name}: nothing happens: {line}"
                steps.append(Step(line, float(found["at"]), found["what"], expected))
            else:
                ending = expected
    assert len(steps) > 1, f"{file.name}: no scene"
    assert ending is not None, f"{file.name}: how does it end?"
    assert [step.at_s for step in steps] == sorted(step.at_s for step in steps), f"{file.name}: not in order of time"
    return Scene(file.stem, policy, tuple(steps), ending, tuple(told))


SCENES = [read(file) for file in sorted(FOLDER.glob("*.scene"))]
