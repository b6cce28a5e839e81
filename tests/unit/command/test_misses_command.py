"""What was missed is said of an archive, a log and a replay alike, and what people say of it changes that at once."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.codec import encode
from pipeline.edge.archive.files import write
from pipeline.log import Draft
from pipeline.log.embedded import EmbeddedLog
from pipeline.report.sample import WEEK, sample
from schemas import Outcome, Verdict
from schemas.topics import INCIDENTS, OUTCOMES
from tests.unit.command.test_command_line import complaint, pagesieve

SAMPLE = ("audit", "misses", "--week", WEEK.name)


@pytest.fixture(name="month", scope="module")
def _month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample month as an archive and as the log of `up`."""
    folder = tmp_path_factory.mktemp("month")
    entries = list(sample(1))
    write(folder / "archive", entries)
    keyed = [(one.topic, json.loads(one.value)["incident_id"], one.value) for one in entries if one.topic in _NEEDED]
    append(folder / "data", [Draft(*one) for one in keyed])
    return folder


_NEEDED = {INCIDENTS.name, OUTCOMES.name}


def append(data_dir: Path, drafts: list[Draft]) -> None:
    async def appended() -> None:
        log = await EmbeddedLog.open(data_dir, 5.0)
        await log.append(drafts)
        await log.close()

    asyncio.run(appended())


def say(data_dir: Path, incident_id: str, verdict: Verdict) -> None:
    deed = Outcome(incident_id=incident_id, verdict=verdict, by="ada", via="api", at_ms=WEEK.period.until_ms)
    append(data_dir, [Draft(OUTCOMES.name, incident_id, encode(deed))])


def asked(*arguments: str | Path) -> dict[str, Any]:
    done = pagesieve(*arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def test_each_that_was_drawn_says_what_where_when_its_score_and_why_it_was_quiet(month: Path) -> None:
    told = asked(*SAMPLE, "--archive", month / "archive")
    assert told["missed"]["drawn"] == 20
    assert len(told["to_grade"]) == 20 - told["missed"]["graded"]["whole"]
    for one in told["to_grade"]:
        assert one["name"] in one["summary"]
        assert one["opened_at"].startswith("2026-11-")
        assert 0 <= one["score"] < 0.25
        assert one["labels"]["cluster"] == "eu-1"
        assert one["why"]
    said = pagesieve(*SAMPLE, "--archive", month / "archive").stdout
    first = told["to_grade"][0]
    assert said.startswith("2026-W47: 53 incidents kept quiet for their score; 20 drawn by lot, ")
    assert f"{first['incident_id']}  {first['opened_at']}  score " in said
    assert f"  quiet: {first['why'][0]}\n" in said
    assert f"pagesieve mark {first['incident_id']} --as not_actionable" in said
    assert said.splitlines()[-1].startswith("missed: ")


def test_a_log_says_what_its_archive_says(month: Path) -> None:
    for weeks in (1, 4):
        of_both = [
            asked(*SAMPLE, "--weeks", str(weeks), *where)
            for where in (("--archive", month / "archive"), ("--data-dir", month / "data"))
        ]
        assert of_both[0] == of_both[1]
        assert of_both[0]["missed"]["known"]["whole"] == (53 if weeks == 1 else 216)


def test_a_grade_counts_and_what_was_acted_upon_is_a_miss_at_once(month: Path) -> None:
    where = ("--data-dir", month / "data")
    before = asked(*SAMPLE, *where)
    graded, acted = (one["incident_id"] for one in before["to_grade"][:2])
    say(month / "data", graded, Verdict.ACTIONABLE)
    say(month / "data", acted, Verdict.ACKNOWLEDGED)
    after = asked(*SAMPLE, *where)
    assert not {graded, acted} & {one["incident_id"] for one in after["to_grade"]}
    assert {graded, acted} == {one["incident_id"] for one in after["known"]}
    assert after["missed"]["known"]["part"] == before["missed"]["known"]["part"] + 2
    assert after["missed"]["acted"] == before["missed"]["acted"] + 1
    assert after["missed"]["graded"]["part"] == before["missed"]["graded"]["part"] + 1
    assert after["missed"]["low"] > before["missed"]["low"]
    assert f"MISSED {acted}  " in pagesieve(*SAMPLE, *where).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--archive DIR or PAGESIEVE_ARCHIVE, or the log itself: --data-dir of `pagesieve up`, or PAGESIEVE_KAFKA"),
        (("--archive", "/nowhere"), "there are no decisions in it"),
        (("--data-dir", "/nowhere"), "there is no log"),
        (("--week", "47"), "--week 47: expected a week"),
        (("--weeks", "0"), "--weeks"),
    ],
)
def test_wrong_use_is_said_in_one_line(arguments: tuple[str, ...], said: str) -> None:
    assert said in complaint(pagesieve("audit", "misses", *arguments), 2)


def history(folder: Path) -> Path:
    """For five days the disk alert fires each hour, for two minutes."""
    lines = []
    for hour in range(24 * 5):
        day, at = 1 + hour // 24, f"{hour % 24:02}"
        said = {"source": "probe", "name": "disk", "labels": {"service": "shop"}}
        start = f"2026-01-0{day}T{at}:00:00Z"
        end = {"status": "resolved", "ends_at": f"2026-01-0{day}T{at}:02:00Z"}
        lines += [said | {"starts_at": start}, said | {"starts_at": start} | end]
    path = folder / "history.ndjson"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize("mode", ["on", "shadow"])
def test_a_replay_says_beside_its_funnel_what_it_kept_quiet_and_what_that_missed(tmp_path: Path, mode: str) -> None:
    policy, outcomes, incidents = (tmp_path / name for name in ("policy.yaml", "outcomes.ndjson", "incidents.ndjson"))
    policy.write_text(f"suppress: {mode}\npage_above: 0.2\n")
    run = ("replay", history(tmp_path), "--policy", policy, "--decisions", tmp_path / "out", "--incidents", incidents)
    found = asked(*run)
    now, then = found["missed"], found["with_suppress_on"]
    assert then["suppressed"] > 80
    assert found["suppressed"] == now["known"]["whole"] == (then["suppressed"] if mode == "on" else 0)
    assert then["missed"]["rate"] is None
    kept = [json.loads(line) for line in incidents.read_text().splitlines() if '"is_suppressible":true' in line]
    at = {"by": "ada", "at": "2026-01-05T12:00:00Z"}
    said = {"incident_id": kept[-1]["incident_id"], "verdict": "acknowledged", **at}
    outcomes.write_text(json.dumps(said) + "\n")
    told = asked(*run, "--outcomes", outcomes)
    assert (told["with_suppress_on"]["missed"]["acted"], told["missed"]["acted"]) == (1, int(mode == "on"))
    sentence = pagesieve(*run, "--outcomes", outcomes).stdout
    whole = f"missed: at least 1 of {then['suppressed']} kept quiet for their score"
    if mode == "on":
        assert f"; {whole}" in sentence
    else:
        assert "; missed: nothing was kept quiet for its score; with `suppress: on` " in sentence
        assert f" would page nobody, {whole}" in sentence
