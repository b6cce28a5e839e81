"""The README's example of `explain` is what its commands print, so that a reader can repeat it."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.unit.command.test_command_line import pagesieve

ROOT = Path(__file__).parents[2]
STORY = "deploy/demo/story.ndjson"
SECTION = (ROOT / "README.md").read_text().partition("### Why did it page me?")[2].partition("\n## ")[0]
ASKED, COMMANDS, SAMPLE = re.findall(r"(?s)```\n(.*?)```", SECTION)


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program, *arguments = shlex.split(line, comments=True)
    assert Path(program).name == "pagesieve"
    files = [
        str(ROOT / word) if word == STORY else str(folder / word) if ".ndjson" in word else word for word in arguments
    ]
    return pagesieve(*files)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Where the README's commands wrote, and what the last of them printed."""
    folder = tmp_path_factory.mktemp("readme")
    said = ""
    for line in COMMANDS.replace("\\\n", " ").splitlines():
        done = run(line, folder)
        assert (done.returncode, done.stderr) == (0, ""), line
        said = done.stdout
    return folder, said


def test_the_readmes_example_is_what_its_commands_print(replayed: tuple[Path, str]) -> None:
    printed = [" ".join(line.split()) for line in replayed[1].splitlines()]
    at = 0
    for line in SAMPLE.splitlines():
        shown = " ".join(line.split())
        if (more := re.fullmatch(r"\((\d+) more, as this one\)", shown)) is not None:
            assert {" joined " in one for one in printed[at : at + int(more[1])]} == {True}
            at += int(more[1])
        elif shown.endswith("…"):
            assert printed[at].startswith(shown.removesuffix("…").rstrip()), line
            at += 1
        else:
            assert printed[at] == shown, line
            at += 1
    assert at == len(printed)


def test_all_that_the_readme_asks_about_is_in_the_story(replayed: tuple[Path, str]) -> None:
    """But for a place on `alerts.raw`, which files of a replay do not know."""
    folder, _ = replayed
    asked = [line.partition("#")[0] for line in ASKED.splitlines()]
    assert len(asked) == 4
    for line in asked:
        if " 0:17" not in line:
            done = run(f"{line} --decisions out.ndjson --incidents incidents.ndjson", folder)
            assert done.returncode == 0, done.stdout
