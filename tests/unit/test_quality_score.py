"""The quality benchmark scores as ../shared/tools/score_decisions.py does, and as one can work out by hand."""

import csv
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.quality.baselines import Method, by_chain, by_fingerprint, by_host
from benchmarks.quality.learned import by_dbscan, by_graph
from benchmarks.quality.score import score, untold
from benchmarks.quality.stream import Stream, Verdicts, read_decisions, read_stream
from pipeline.core.timestamp import rfc3339
from pipeline.errors import Misuse

ROOT = Path(__file__).parents[2]
TOOL = ROOT.parent / "shared" / "tools" / "score_decisions.py"
STEPS = ("scan", "scan.web", "crack.", "crack", "shell.one", "shell.two")


def event(at_s: float, name: str, host: str, *, ends_s: float | None = None) -> dict[str, Any]:
    return {
        "source": "test",
        "name": name,
        "labels": {"host": host},
        "annotations": {},
        "severity": "unknown",
        "status": "firing" if ends_s is None else "resolved",
        "starts_at": rfc3339(round(at_s * 1000)),
        "ends_at": None if ends_s is None else rfc3339(round(ends_s * 1000)),
    }


def stored(folder: Path, events: list[dict[str, Any]], truth: list[tuple[str, str]]) -> tuple[Path, Path]:
    paths = folder / "events.ndjson", folder / "truth.csv"
    paths[0].write_text("".join(json.dumps(one) + "\n" for one in events))
    with paths[1].open("w", newline="") as file:
        csv.writer(file).writerows([("incident", "step"), *truth])
    return paths


def decided(folder: Path, incidents: list[str | None], scores: list[float] | None = None) -> Path:
    path = folder / "decisions.ndjson"
    lines = [
        {"incident_id": incident, "score": scores[number] if scores else None}
        for number, incident in enumerate(incidents)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def small(folder: Path) -> Stream:
    """Two alerts of one incident, one of another, and noise."""
    events = [event(0, "a", "x"), event(1, "b", "x"), event(2, "a", "y"), event(3, "noise", "y")]
    return read_stream(*stored(folder, events, [("one", "s"), ("one", "s"), ("two", "t"), ("", "")]))


@pytest.mark.parametrize("seed", range(4))
def test_the_figures_are_those_of_the_scorer_that_others_use(seed: int, tmp_path: Path) -> None:
    if not TOOL.exists():
        pytest.skip(f"{TOOL} is not here")
    chance = random.Random(seed)  # noqa: S311 - a seeded stream, no secret
    events, truth, incidents, scores, at_s = [], [], [], [], 0.0
    for _ in range(1500):
        at_s += chance.choice((0, 0.001, 0.5, 2, 60, 60.001, 300, 301, 700))
        incident = chance.choice(("", "", "one", "two", "three", "four", "five", "six"))
        host = chance.choice("xyz")
        events.append(event(at_s, chance.choice("ab"), host))
        # A step that differs inside an incident: the first counts.
        truth.append((incident, chance.choice(STEPS) if incident else ""))
        incidents.append(chance.choice((None, host, str(int(at_s / 3000)), f"{incident}-{int(at_s / 9000)}")))
        scores.append(chance.choice((0.0, 0.25, 0.5, 0.75, 1.0)))  # ties, which must be broken alike
    paths = (*stored(tmp_path, events, truth), decided(tmp_path, incidents, scores))
    theirs = json.loads(subprocess.check_output([sys.executable, str(TOOL), *map(str, paths)]))
    ours = score(read_stream(*paths[:2]), read_decisions(paths[2], len(events)))
    assert ours.pop("macro_f1_by_step") == pytest.approx(theirs.pop("macro_f1_by_step"), abs=0.001)
    assert ours.pop("actionability") == pytest.approx(theirs.pop("actionability"))
    assert ours == pytest.approx(theirs)


def test_groups_that_are_the_truth_are_perfect(tmp_path: Path) -> None:
    stream = small(tmp_path)
    found = score(stream, read_decisions(decided(tmp_path, ["p", "p", "q", None]), 4))
    assert (found["macro_f1"], found["b3_f"], found["groups"], found["mixed_groups"]) == (1, 1, 3, 0)


def test_what_is_noise_counts_against_a_group(tmp_path: Path) -> None:
    stream = small(tmp_path)
    found = score(stream, read_decisions(decided(tmp_path, ["p", "p", "p", "p"]), 4))
    # By hand: precision 4 / 8 and 1 / 4, recall 1; B-cubed precision (4 / 4 + 1 / 4) / 3.
    assert found["macro_f1"] == pytest.approx((2 / 3 + 2 / 5) / 2)
    assert found["b3_p"] == pytest.approx((4 / 4 + 1 / 4) / 3)
    assert (found["mixed_groups"], found["reduction"]) == (1, 0.75)


def test_a_decision_without_an_incident_is_alone(tmp_path: Path) -> None:
    verdicts = read_decisions(decided(tmp_path, [None, None, "p", "p"]), 4)
    assert verdicts.group.tolist() == [0, 1, 2, 2]
    assert verdicts.score is None


def test_a_simple_method_ends_its_groups_at_its_gap(tmp_path: Path) -> None:
    at = [(0, "a", "x"), (2, "a", "y"), (4.001, "b", "x"), (302, "a", "x"), (302.001, "a", "y")]
    stream = read_stream(*stored(tmp_path, [event(*one) for one in at], [("", "")] * 5))
    groups = {method.__name__: method(stream).tolist() for method in (by_fingerprint, by_host, by_chain)}
    assert groups["by_chain"] == [0, 0, 1, 2, 2]
    assert groups["by_host"] == [0, 1, 0, 0, 2]
    assert len(set(groups["by_fingerprint"])) == 5


@pytest.mark.parametrize("method", [by_dbscan, by_graph])
def test_a_method_that_compares_joins_what_is_alike_and_near(method: Method, tmp_path: Path) -> None:
    at = [
        (0, "NodeDiskDeviceWriteTimeHigh", "x"),
        (1, "UserLoginAttemptFromOutsideFailed", "y"),
        (2, "NodeDiskDeviceWriteErrorsHigh", "x"),
        (3, "UserLoginAttemptFromOutsideFailed", "z"),
    ]
    at += [
        (4, "NodeDiskDeviceWriteTimeHigh", "x"),
        (500, "NodeDiskDeviceWriteTimeHigh", "x"),
        (505, "NodeDiskDeviceWriteErrorsHigh", "x"),
    ]
    stream = read_stream(*stored(tmp_path, [event(*one) for one in at], [("", "")] * len(at)))
    group = method(stream).tolist()
    assert group[0] == group[2] == group[4]
    assert group[1] == group[3] != group[0]
    assert group[5] == group[6] != group[0]


def test_a_resolved_alert_comes_when_it_ends(tmp_path: Path) -> None:
    events = [event(0, "a", "x"), event(0, "a", "x", ends_s=60)]
    stream = read_stream(*stored(tmp_path, events, [("", "")] * 2))
    assert (stream.came_s - stream.at_s).tolist() == [0, 60]
    assert stream.condition.tolist() == [0, 0]


def test_files_that_do_not_belong_together_are_named(tmp_path: Path) -> None:
    events, truth = stored(tmp_path, [event(0, "a", "x")], [("", "")] * 2)
    with pytest.raises(Misuse, match=r"truth\.csv speaks of 2 events, but there are 1"):
        read_stream(events, truth)
    with pytest.raises(Misuse, match=r"decisions\.ndjson holds 2 decisions, but there are 1 events"):
        read_decisions(decided(tmp_path, ["p", "p"]), 1)
    events.write_text('{"name": "a"}\n')
    with pytest.raises(Misuse, match=r"line 1 is not a canonical event: KeyError: 'labels'"):
        read_stream(events, truth)


def test_scores_reach_the_figures(tmp_path: Path) -> None:
    day_s = 86_400.0
    events = [event(0, "a", "x"), event(day_s, "a", "x"), event(day_s + 1, "noise", "x")]
    stream = read_stream(*stored(tmp_path, events, [("", ""), ("one", "s"), ("", "")]))
    scores = read_decisions(decided(tmp_path, [None] * 3, [0, 0.2, 0.9]), 3)
    assert score(stream, scores)["actionability"]["ap"] == 0.5
    assert "actionability" not in score(stream, Verdicts(scores.group))


def test_an_incident_is_missed_where_no_page_told_of_any_group_that_it_is_in(tmp_path: Path) -> None:
    stream = small(tmp_path)  # one, one, two, noise
    apart = np.array([0, 1, 2, 3])
    for paged, missed in (
        ([True, False, True, False], 0),
        ([False, True, False, True], 1),
        ([False, False, False, True], 2),
    ):
        assert untold(stream, Verdicts(apart, paged=np.array(paged))) == missed
    assert untold(stream, Verdicts(np.array([0, 1, 1, 3]), paged=np.array([False, True, False, False]))) == 0
    assert untold(stream, Verdicts(apart)) == 0  # a simple method pages once a group
    path = tmp_path / "paged.ndjson"
    path.write_text("".join(json.dumps({"incident_id": "i", "paged": one}) + "\n" for one in (True, False)))
    found = read_decisions(path, 2).paged
    assert found is not None
    assert found.tolist() == [True, False]
