"""A policy file is taken whole, or refused with one line that says where and what would be right."""

from pathlib import Path

import pytest

from pipeline.core.policy import Policy
from pipeline.errors import Misuse
from pipeline.policy_file import MAX_BYTES, load_policy


def policy_file(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text)
    return path


def complaint(path: Path) -> str:
    with pytest.raises(Misuse) as caught:
        load_policy(path)
    text = str(caught.value)
    assert text.startswith(f"policy {path}: ")
    assert "\n" not in text
    return text.removeprefix(f"policy {path}: ")


def test_without_a_file_the_defaults_hold() -> None:
    assert load_policy(None) == Policy()


def test_what_the_file_does_not_say_is_the_default(tmp_path: Path) -> None:
    policy = load_policy(policy_file(tmp_path, "version: 1\nscope: [tenant, environment]\ngap: 90\n"))
    assert policy == Policy(scope=("tenant", "environment"), gap=90)


@pytest.mark.parametrize("text", ["", "# nothing but words\n", "---\n"])
def test_an_empty_file_is_the_defaults(tmp_path: Path, text: str) -> None:
    assert load_policy(policy_file(tmp_path, text)) == Policy()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gaps: 5\n", "gaps: no such field; did you mean gap?"),
        ("colour: red\n", "colour: no such field; there are group_by, gap, "),
        ("gap: -1\n", "gap: input should be greater than or equal to 0, found -1"),
        ("gap: soon\n", "gap: write a duration like 90s, 5m or 1h30m, or a number of seconds, found 'soon'"),
        ("gap: 1h30\n", "gap: write a duration like"),
        ("scope: tenant\n", "scope: input should be a valid tuple, found 'tenant'"),
        ("group_by: [host, 7]\n", "group_by.1: input should be a valid string, found 7"),
        ("version: 2\n", "version: input should be less than or equal to 1, found 2"),
        ("- gap\n", "expected `field: value` lines, found ['gap']"),
        ("gap: 1\ngap: 2\n", "line 2, column 1: gap stands there twice"),
        ("gap: [1\n", "line 2, column 1: "),
        ("a: &x [1]\nb: *x\n", "line 2, column 4: aliases are not allowed"),
        ("gap: !!python/object:os.system {}\n", "line 1, column 6: could not determine a constructor"),
        ("gap: 2026-99-99\n", "not YAML: month must be in 1..12"),
        ("gap: " + "[" * 5000, "not YAML: "),
        ("? [1]\n: 2\n", "line 1, column 3: found unhashable key"),
    ],
)
def test_what_is_wrong_is_said_with_place_and_remedy(tmp_path: Path, text: str, said: str) -> None:
    assert complaint(policy_file(tmp_path, text)).startswith(said)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert complaint(tmp_path / "none.yaml") == "No such file or directory"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"\x00\xff\xfe")
    assert complaint(path).startswith("not YAML: ")


def test_a_file_far_too_large_is_refused_unread(tmp_path: Path) -> None:
    assert "hardly a policy" in complaint(policy_file(tmp_path, "#" * (MAX_BYTES + 1)))
