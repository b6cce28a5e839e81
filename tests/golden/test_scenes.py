"""Golden scenes: files that an SRE can read. Left what comes, right of the arrow what is decided and who is paged."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from tests.scene import alert, at, pages, reasons, resolved

SCENES = sorted((Path(__file__).parent / "scenes").glob("*.scene"))
LINE = re.compile(r"\s*(?P<at>[\d.]+)s\s+(?P<what>[^→]+?)\s*(→\s*(?P<expected>.*?)\s*)?$")


class Step(NamedTuple):
    """One line of a scene."""

    line: str
    at_s: float
    what: str
    expected: str


def read(file: Path) -> tuple[Policy, list[Step]]:
    policy: dict[str, object] = {}
    steps = []
    for line in file.read_text().splitlines()[1:]:
        if line.startswith("policy: "):
            policy |= yaml.safe_load(line.removeprefix("policy: "))
        elif line.strip():
            found = LINE.match(line)
            assert found, f"{file.name}: not a step: {line}"
            steps.append(Step(line, float(found["at"]), found["what"], found["expected"] or ""))
    return Policy.model_validate(policy), steps


def play_step(triage: Triage, step: Step, policy: Policy) -> str:
    status, *words = step.what.split()
    labels = dict(word.split("=", 1) for word in words if "=" in word)
    began_s = float(labels.pop("began", f"{step.at_s}s")[:-1])  # since when it says it fires
    plain = [word for word in words if "=" not in word]
    if status == "tick":
        facts = triage.step(at(step.at_s))
    elif status == "resolved":
        facts = triage.step(at(step.at_s, resolved(plain[0], **labels), policy=policy))
    else:
        told = alert(plain[1], severity=plain[0])._replace(labels=labels, began_s=began_s)
        facts = triage.step(at(step.at_s, told, policy=policy))
    said = [reason.value for reason in reasons(facts)] + [f"page {kind} {name}" for kind, name in pages(facts)]
    return "; ".join(said)


@pytest.mark.parametrize("file", SCENES, ids=lambda file: file.stem)
def test_scene(file: Path) -> None:
    policy, steps = read(file)
    triage = Triage(policy)
    assert len(steps) > 1
    told = [(step.line, play_step(triage, step, policy)) for step in steps]
    assert [said for _, said in told] == [step.expected for step in steps], told


def test_there_are_scenes() -> None:
    assert len(SCENES) >= 6
