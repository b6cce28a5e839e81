"""Whoever turns suppression on is told what it would have done: by a replay of the archive, and at the start."""

import json
import re
import shutil
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pipeline.command import shadow
from pipeline.command.shadow import past_of, tell_at_start
from pipeline.core.learned import Learned
from pipeline.core.policy import Policy
from pipeline.edge.archive.files import write
from pipeline.report.sample import WEEK, sample
from schemas import Guard, Reason
from tests.unit.command.test_command_line import complaint, pagesieve
from tests.unit.core.test_scorer import Says

ON = Policy(suppress="on", page_above=0.25)


@pytest.fixture(name="archive", scope="module")
def _archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write(folder, list(sample(1)))
    return folder


def policy(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text)
    return path


def test_a_check_says_which_pages_would_not_have_been_sent_and_what_that_missed(archive: Path, tmp_path: Path) -> None:
    path = policy(tmp_path, "suppress: on\npage_above: 0.25\n")
    done = pagesieve("policy", "check", path, "--archive", archive, "--weeks", "3")
    assert (done.returncode, done.stderr) == (0, "")
    valid, head, pages, quiet, *_, missed = done.stdout.splitlines()
    assert valid.startswith(f"{path}: valid; decisions will name it p1:")
    assert re.fullmatch(r"with `suppress: on`, 2026-11-03 to 2026-11-24: [\d,]+ events decided again", head)
    found = re.match(r"  pages    (\d+) instead of (\d+): .*opened (\d+) → (\d+)", pages)
    assert found
    after, before, opened_before, opened_after = map(int, found.groups())
    assert 0 < after < before
    assert opened_after < opened_before
    assert re.fullmatch(r"  quiet    \w+ \d+(, .*)?", quiet)
    assert re.match(r"  missed: .* of \d+ kept quiet for their score", missed)


def test_a_policy_that_only_shadows_is_asked_about_where_the_archive_is_named(archive: Path, tmp_path: Path) -> None:
    path = policy(tmp_path, "page_above: 0.25\n")
    run = ("policy", "check", path, "--json")
    told = json.loads(pagesieve(*run, "--archive", archive, "--weeks", "3").stdout)["past"]["replayed"]
    assert sum(told["pages_before"].values()) > sum(told["pages_after"].values()) > 0
    assert told["missed"]["known"]["whole"] == sum(told["templates"].values()) > 0
    assert "past" not in json.loads(pagesieve(*run, PAGESIEVE_ARCHIVE=str(archive)).stdout)
    on = policy(tmp_path, "suppress: on\n")
    assert "past" in json.loads(pagesieve("policy", "check", on, "--json", PAGESIEVE_ARCHIVE=str(archive)).stdout)
    assert "`suppress` is on: with --archive DIR you see" in pagesieve("policy", "check", on).stdout


def test_what_is_too_much_to_replay_is_told_of_fewer_weeks_or_as_it_was_noted(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = past_of(archive, ON, 3)
    monkeypatch.setattr(shadow, "MOST_EVENTS", whole.events - 1)
    fewer = past_of(archive, ON, 3)
    assert (whole.weeks, fewer.weeks) == (3, 2)
    monkeypatch.setattr(shadow, "MOST_EVENTS", 1)
    none = past_of(archive, ON, 3)
    assert none.shadow is None
    head, missed = none.lines()
    assert re.fullmatch(r"in the last 3 weeks \d+ incidents paged; shadow mode noted that 0 of them would .*", head)
    assert missed.startswith("  missed: ")


def test_of_two_replays_one_obeys_the_policy_and_one_its_scores_not(archive: Path) -> None:
    found = past_of(archive, ON, 3).shadow
    assert found is not None
    assert found.before.total() > found.after.total()
    assert found.before[Reason.OPENED] > found.after[Reason.OPENED]
    assert not found.before[Reason.LASTED] + found.before[Reason.GROWN]
    assert Guard.TIER in found.guards
    off = past_of(archive, Policy(suppress="off"), 3).shadow
    assert off is not None
    assert (off.after, off.missed.known.whole) == (off.before, 0)


def test_a_model_in_use_speaks_in_both_replays_as_it_would_live(archive: Path) -> None:
    sure = Learned(scorer=Says(1.0, WEEK.period.from_ms))
    found = past_of(archive, ON, 3, sure).shadow
    assert found is not None
    assert found.before == found.after  # whatever the prior says, the model finds that somebody has to act
    assert (found.late, found.missed.known.whole, found.guards) == (0, 0, {})


def test_a_check_decides_with_the_model_that_is_named(archive: Path, tmp_path: Path) -> None:
    run = ("policy", "check", policy(tmp_path, "suppress: on\n"), "--archive", archive)
    assert "model /no: there is no such folder" in complaint(pagesieve(*run, "--model", "/no"), 2)
    assert "model /no: there is no such folder" in complaint(pagesieve(*run, PAGESIEVE_MODEL="/no"), 2)


def test_only_an_archive_without_controls_is_decided_again_without_them(archive: Path, tmp_path: Path) -> None:
    whole = past_of(archive, ON, 1)
    assert whole.shadow is not None
    assert whole.shadow.controls > 0
    assert whole.lines()[0].endswith(" events decided again")
    bare = tmp_path / "bare"
    shutil.copytree(archive, bare, ignore=shutil.ignore_patterns("controls"))
    found = past_of(bare, ON, 1)
    assert found.lines()[0].endswith(" decided again, without silences and acknowledgements: none are archived")


@pytest.mark.parametrize("is_named", [True, False])
def test_who_starts_with_suppression_on_is_told_once(archive: Path, *, is_named: bool) -> None:
    with capture_logs() as logs:
        tell_at_start(Policy(), archive)
        tell_at_start(ON, archive if is_named else None)
        until = time.monotonic() + 30
        while not logs and time.monotonic() < until:
            time.sleep(0.02)
    [told] = logs
    assert (told["event"], told["policy"]) == ("suppress is on", ON.name)
    assert ("in the last 4 weeks " in told["past"]) == is_named
