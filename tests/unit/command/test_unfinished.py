"""What a replay writes is there whole or not at all: who stops it finds what was there before, and is told so."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.command.unfinished import whole
from pipeline.errors import Misuse
from tests.unit.command.test_command_line import EVENT, complaint, pagesieve

BEFORE = b"what an earlier replay said\n"


def test_a_replay_that_is_stopped_leaves_what_was_there_before_and_says_so(tmp_path: Path) -> None:
    pipe, out = tmp_path / "events", tmp_path / "out"
    os.mkfifo(pipe)
    out.write_bytes(BEFORE)
    command = [str(Path(sys.executable).with_name("pagesieve")), "replay", str(pipe), "--decisions", str(out)]
    process = subprocess.Popen(
        [*command, "--pages", str(tmp_path / "pages")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with pipe.open("w") as events:  # once it reads
        for number in range(2000):
            events.write(json.dumps(EVENT | {"name": f"Rule{number}"}) + "\n")
        events.flush()
        deadline = time.monotonic() + 60
        while len(list(tmp_path.glob(".*.unfinished"))) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert out.read_bytes() == BEFORE
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)
    assert (process.returncode, said[0]) == (130, "")
    assert said[1] == "pagesieve: stopped: no file is written, and what was there before stays\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events", "out"]
    assert out.read_bytes() == BEFORE


def test_a_replay_that_fails_leaves_what_was_there_before(tmp_path: Path) -> None:
    recorded, out = tmp_path / "events.gz", tmp_path / "out"
    recorded.write_bytes(b"no gzip")
    out.write_bytes(BEFORE)
    complaint(pagesieve("replay", recorded, "--decisions", out), 2)
    assert (out.read_bytes(), len(list(tmp_path.iterdir()))) == (BEFORE, 2)


def test_two_outputs_cannot_be_one_file(tmp_path: Path) -> None:
    recorded, out = tmp_path / "events", tmp_path / "out"
    recorded.write_text(json.dumps(EVENT) + "\n")
    same = tmp_path / "." / "out"
    done = pagesieve("replay", recorded, "--decisions", out, "--pages", same)
    assert "is named for two outputs" in complaint(done, 2)
    assert not out.exists()
    both = pagesieve("replay", recorded, "--decisions", "/dev/stdout", "--pages", "/dev/stdout")
    assert both.returncode == 0


def test_a_file_is_replaced_as_it_stood_and_a_link_leads_where_it_led(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(BEFORE)
    target.chmod(0o640)
    link.symlink_to(target)
    with whole(link) as file:
        file.write(b"new")
    assert (target.read_bytes(), stat.S_IMODE(target.stat().st_mode), link.is_symlink()) == (b"new", 0o640, True)


def test_what_cannot_be_replaced_is_written_and_what_may_not_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target"
    target.write_bytes(BEFORE)

    def busy(_: Path, __: Path) -> Path:
        raise OSError(errno.EBUSY, "it is mounted for itself")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", busy)
        with whole(target) as file:
            file.write(b"new")
    assert (target.read_bytes(), list(tmp_path.iterdir())) == (b"new", [target])
    monkeypatch.setattr(os, "access", lambda path, _: path != target)  # root may write everything
    with pytest.raises(Misuse, match="Permission denied"), whole(target):
        pass
    monkeypatch.setattr(os, "access", lambda path, _: path == target)  # the folder is not ours
    with whole(target) as file:
        file.write(b"newer")
        assert target.read_bytes() == b"new"
    assert target.read_bytes() == b"newer"


def test_what_is_said_behind_it_on_the_same_file_stands_behind_it(tmp_path: Path) -> None:
    recorded, out = tmp_path / "events", tmp_path / "out"
    recorded.write_text(json.dumps(EVENT) + "\n")
    with out.open("wb") as end:
        command = ["replay", str(recorded), "--decisions", "/dev/stdout", "--json"]
        subprocess.run([str(Path(sys.executable).with_name("pagesieve")), *command], stdout=end, check=True)
    decision, funnel = map(json.loads, out.read_text().splitlines())
    assert decision["fingerprint"].startswith("fp1:")
    assert funnel["events"] == 1


def test_a_folder_that_is_not_there_is_named_as_it_was_said(tmp_path: Path) -> None:
    out = tmp_path / "no" / "out"
    with pytest.raises(Misuse, match=f"{out}: No such file"), whole(out):
        pass


def test_a_pipe_gets_all_at_the_end_and_nothing_of_what_failed() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as end, os.fdopen(writing, "wb"):
        path = Path(f"/dev/fd/{writing}")
        with pytest.raises(ZeroDivisionError), whole(path) as file:  # noqa: PT012 - half of it is written, then it fails
            file.write(b"half")
            raise ZeroDivisionError
        with whole(path) as file:
            file.write(b"whole")
        assert end.read(5) == b"whole"
