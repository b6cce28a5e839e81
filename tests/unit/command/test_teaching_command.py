"""What people said is learned from their marks and a history; what would lose more than the one in use is refused."""

import json
import re
import shutil
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.verdicts import UNTOUCHED
from pipeline.command.judged import Rules, Said, judged
from pipeline.command.model_files import read_learned
from pipeline.command.promotion import refusal
from pipeline.core.actionability.features import FEATURES
from pipeline.core.clusters import UNLEARNED
from pipeline.core.learned import NOTHING
from pipeline.core.policy import Policy
from pipeline.errors import Misuse
from tests.unit.command.test_command_line import complaint, pagesieve

DAYS = 20


def _line(name: str, at: datetime, status: str, began: datetime) -> str:
    event: dict[str, Any] = {"source": "probe", "name": name, "labels": {"host": "h1", "service": name}}
    event |= {"severity": "warning", "status": status, "starts_at": began.isoformat().replace("+00:00", "Z")}
    if status == "resolved":
        event["ends_at"] = at.isoformat().replace("+00:00", "Z")
    return json.dumps(event)


def recorded() -> str:
    """Every three hours a disk and a queue; people act on the queue, and never on the disk."""
    told = []
    for nth in range(DAYS * 8):
        began = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=3 * nth)
        for name, later in (("QueueStuck", 0), ("DiskFull", 1)):
            start = began + timedelta(hours=later)
            end = start + timedelta(minutes=4)
            told += [(start, _line(name, start, "firing", start)), (end, _line(name, end, "resolved", start))]
    return "\n".join(line for _, line in sorted(told)) + "\n"


@pytest.fixture(name="taught", scope="module")
def _taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with history, outcomes, and models that learned from both."""
    folder = tmp_path_factory.mktemp("taught")
    history, incidents = folder / "history.ndjson", folder / "incidents.ndjson"
    history.write_text(recorded())
    done = pagesieve("replay", history, "--decisions", folder / "out.ndjson", "--incidents", incidents)
    assert done.returncode == 0, done.stderr
    names = {one["incident_id"]: one for one in map(json.loads, incidents.read_text().splitlines())}
    outcomes = [
        {
            "incident_id": incident_id,
            "verdict": "actionable" if "QueueStuck" in one["summary"] else "not_actionable",
            "by": "ada",
            "at": datetime.fromtimestamp(one["updated_at_ms"] / 1000, UTC).isoformat(),
        }
        for incident_id, one in names.items()
    ]
    (folder / "outcomes.ndjson").write_text("".join(json.dumps(one) + "\n" for one in outcomes))
    done = pagesieve("train", *_given(folder), "--out", folder / "models", "--json")
    assert done.returncode == 0, done.stderr
    (folder / "said.json").write_text(done.stdout)
    return folder


def _given(folder: Path) -> list[str | Path]:
    return ["--history", folder / "history.ndjson", "--outcomes", folder / "outcomes.ndjson"]


def test_train_keeps_a_model_of_what_people_said_beside_that_of_what_comes_together(taught: Path) -> None:
    said = json.loads((taught / "said.json").read_text())
    assert (said["version"][:3], said["scorer"]["version"][:3]) == ("m1:", "a1:")
    scorer = said["scorer"]
    assert (scorer["unmatched"], scorer["incidents"]) == (0, 2 * 8 * (DAYS - 1))
    assert scorer["held_out"]["model"]["ap"] > scorer["held_out"]["prior"]["ap"]
    listed = json.loads(pagesieve("models", "list", "--dir", taught / "models", "--json").stdout)
    assert {one["version"][:3] for one in listed["models"]} == {"m1:", "a1:"}
    shown = pagesieve("models", "show", scorer["version"], "--dir", taught / "models").stdout
    assert "QueueStuck" in shown
    assert judgement(shown) == judgement(pagesieve("evaluate", *_given(taught)).stdout)


def judgement(said: str) -> list[str]:
    """The table of what each way of scoring is worth on a later time."""
    lines = [line.strip() for line in said.splitlines()]
    first = next(number for number, line in enumerate(lines) if line.startswith("judged on the later quarter"))
    table = lines[first : first + 5]
    assert [line.split()[0] for line in table[1:]] == ["AP", "model", "prior", "novelty"]
    assert table[-1].split()[-3:] == [
        "-",
        "-",
        "-",
    ]  # it is no probability, so nothing is to be said of how right it is
    assert "-" not in " ".join(table[2:4])
    return table


def test_a_manifest_from_before_says_no_more_of_novelty_than_evaluate_does(taught: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(taught / "models", models)
    [folder] = models.glob("a1-*")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest["held_out"]["novelty"]).isdisjoint({"brier", "calibration_error", "calibration_error_high"})
    manifest["held_out"]["novelty"]["brier"] = 0.25
    (folder / "manifest.json").write_text(json.dumps(manifest))
    shown = pagesieve("models", "show", manifest["version"], "--dir", models)
    told = json.loads(pagesieve("models", "show", manifest["version"], "--dir", models, "--json").stdout)
    assert judgement(shown.stdout)
    assert "brier" not in told["held_out"]["novelty"]
    assert "brier" in told["held_out"]["prior"]


def test_both_are_used_once_they_are_switched_on_and_every_decision_names_them(taught: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(taught / "models", models)
    said = json.loads((taught / "said.json").read_text())
    versions = said["version"], said["scorer"]["version"]
    used = pagesieve("models", "use", versions[1], "--dir", models)
    assert (used.returncode, used.stderr) == (0, "")
    alone = read_learned(models)
    assert (alone.clusters, alone.version) == (UNLEARNED, versions[1])
    assert pagesieve("models", "use", versions[0], "--dir", models).returncode == 0
    both = read_learned(models)
    assert both.version == "+".join(versions)
    decisions = tmp_path / "out.ndjson"
    assert pagesieve("replay", taught / "history.ndjson", "--decisions", decisions, "--model", models).returncode == 0
    scored = [json.loads(line)["scored"] for line in decisions.read_text().splitlines() if '"scored"' in line]
    assert {one["learned_by"] for one in scored} == {versions[1]}
    queue, disk = scored[-2:]
    assert queue["learned"] > 0.5 > disk["learned"]


def test_the_same_marks_give_the_same_model(taught: Path, tmp_path: Path) -> None:
    again = json.loads(pagesieve("train", *_given(taught), "--out", tmp_path / "models", "--json").stdout)
    assert again["scorer"]["version"] == json.loads((taught / "said.json").read_text())["scorer"]["version"]


def test_evaluate_keeps_nothing_and_compares_with_the_model_in_use(taught: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(taught / "models", models)
    version = json.loads((taught / "said.json").read_text())["scorer"]["version"]
    pagesieve("models", "use", version, "--dir", models)
    before = sorted(models.rglob("*"))
    done = pagesieve("evaluate", *_given(taught), "--dir", models, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert set(said["held_out"]) == {"model", "prior", "novelty", version}
    assert said["reliability"]
    assert sorted(models.rglob("*")) == before
    text = pagesieve("evaluate", *_given(taught)).stdout
    assert "lost@99" in text
    assert "how often it was right" in text


def test_what_loses_more_is_not_used_but_for_whoever_insists(taught: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(taught / "models", models)
    [folder] = models.glob("a1-*")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["held_out"]["model"]["lost_at_99"] = manifest["held_out"]["prior"]["lost_at_99"] + 3
    (folder / "manifest.json").write_text(json.dumps(manifest))
    refused = pagesieve("models", "use", manifest["version"], "--dir", models)
    assert refused.returncode == 1
    assert "is not used: with 99 % of the noise kept quiet it loses" in refused.stdout
    assert not (models / "current.actionability").exists()
    assert pagesieve("models", "use", manifest["version"], "--dir", models, "--anyway").returncode == 0


def _figures(lost_at_90: float, lost_at_99: float, true_incidents: float = 10) -> dict[str, float]:
    return {"lost_at_90": lost_at_90, "lost_at_99": lost_at_99, "true_incidents": true_incidents}


@pytest.mark.parametrize(
    ("held_out", "current", "why"),
    [
        ({"model": _figures(0, 2), "prior": _figures(0, 2)}, None, None),
        ({"model": _figures(1, 2), "prior": _figures(0, 2)}, None, "with 90 % .* it loses 1 of 10 incidents, prior 0"),
        ({"model": _figures(0, 2), "prior": _figures(0, 2), "a1:x": _figures(0, 1)}, "a1:x", "a1:x 1"),
        ({"model": _figures(0, 2), "prior": _figures(0, 2)}, "a1:x", "not compared with a1:x"),
        ({}, None, "nobody knows"),
        ({"model": {"true_incidents": 0.0}}, None, "nobody knows"),
    ],
)
def test_why_a_model_is_refused(held_out: dict[str, dict[str, float]], current: str | None, why: str | None) -> None:
    said = refusal(held_out, current)
    if why is None:
        assert said is None
    else:
        assert said is not None
        assert re.search(why, said)


def test_a_model_that_looks_at_other_numbers_is_refused(taught: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(next((taught / "models").glob("a1-*")), folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"features": "f0"}))
    with pytest.raises(Misuse, match="learned from features f0, and these are f2; train again"):
        read_learned(folder)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "line 1: no outcome: "),
        ('{"incident_id": "inc1:00000000000000000000", "verdict": "actionable", "by": "ada"}', "line 1: says no time"),
        ('{"incident_id": "inc1:0", "verdict": "actionable", "by": "ada"}', "the whole id of an incident"),
        (
            '{"incident_id": "inc1:00000000000000000000", "verdict": "actionable", "by": "a", "at": "2026-01-02T00Z"}',
            "nothing that was said is of an alert in",
        ),
        ("", "nobody says anything in it"),
    ],
)
def test_what_is_wrong_with_outcomes_is_said_in_one_line(taught: Path, tmp_path: Path, line: str, said: str) -> None:
    outcomes = tmp_path / "outcomes.ndjson"
    outcomes.write_text(line + "\n")
    done = pagesieve("train", "--history", taught / "history.ndjson", "--outcomes", outcomes, "--out", tmp_path / "m")
    assert said in complaint(done, 2)


def test_a_model_knows_how_what_it_was_taught_with_was_spread(taught: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(taught / "models", models)
    [folder] = models.glob("a1-*")
    expected = read_learned(folder).expected
    assert set(expected) == {"score", *FEATURES}
    assert all(len(bins.shares) == len(bins.edges) + 1 for bins in expected.values())
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["expected"]["score"]["shares"] = [1.0]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(Misuse, match="expected: not as many shares"):
        read_learned(folder)
    del manifest["expected"]  # one that was made before
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert read_learned(folder).expected == {}


@pytest.mark.parametrize("ends", [True, False])
def test_what_nobody_touched_is_weak_evidence_if_it_ended_by_itself_and_none_if_it_did_not(
    tmp_path: Path, *, ends: bool
) -> None:
    told = []
    for day in range(1, 7):
        start = datetime(2026, 1, day, tzinfo=UTC)
        told += [_line("DiskFull", start, "firing", start)]
        if ends or day < 2:  # its source says so, if ever
            told += [_line("DiskFull", start + timedelta(minutes=4), "resolved", start)]
    history = tmp_path / "history.ndjson"
    history.write_text("\n".join(told) + "\n")
    said = Said({}, 0, 2**52)
    rules = Rules("canonical", Policy(group_by=("host",), expire_after="1h"), NOTHING)
    found = judged([history], rules, said, defaultdict(int)).examples
    assert len(found.at_ms) == (5 if ends else 0)
    assert not found.is_true.any()
    assert set(found.weight.tolist()) <= {UNTOUCHED.weight}
