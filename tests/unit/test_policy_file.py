"""A policy file is taken whole, or refused with one line that says where and what would be right."""

from pathlib import Path

import pytest

from pipeline.core.policy import Policy
from pipeline.errors import Misuse
from pipeline.policy_file import MAX_BYTES, examine, load_policy


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
        ("gaps: 5\n", "line 1: gaps: no such field; did you mean gap?"),
        ("# red?\ncolour: red\n", "line 2: colour: no such field; there are group_by, gap, "),
        ("gap: -1\n", "line 1: gap: input should be greater than or equal to 0, found -1"),
        ("gap: soon\n", "line 1: gap: write a duration like 90s, 5m or 1h30m, or a number of seconds, found 'soon'"),
        ("gap: 1h30\n", "line 1: gap: write a duration like"),
        ("gap: 400d\n", "line 1: gap: a duration may be at most 366d, found '400d'"),
        ("scope: tenant\n", "line 1: scope: write a list, like [a, b], found 'tenant'"),
        ("group_by:\n- host\n- 7\n", "line 3: group_by[1]: write text; in quotes, where YAML reads"),
        ("group_by: [[host]]\n", "line 1: group_by[0]: write text"),
        ("at_least: many\n", "line 1: at_least: write a whole number, found 'many'"),
        ("at_least: yes\n", "line 1: at_least: write a whole number, found True"),  # YAML's yes would count as 1
        ("page_above: on\n", "line 1: page_above: write a number, found True"),
        ("version: 2\n", "line 1: version: input should be less than or equal to 1, found 2"),
        ("storm: 5\n", "line 1: storm: write `field: value` lines, found 5"),
        ("storm:\n  floors: 5\n", "line 2: storm.floors: no such field; did you mean floor?"),
        ("flapping:\n  start: 3\n  stop: 4\n", "line 1: flapping: stop must be less than start"),
        ("routes:\n- name: a\n\n  match: a=b\n  hold: x\n", "line 5: routes[0].hold: write a duration like"),
        (
            "hold: automatic\n",
            "line 1: hold: write a duration like 90s, 5m or 1h30m, or a number of seconds, or auto, found",
        ),
        ("hold: -1\n", "line 1: hold: a page cannot wait for less than 0s, found -1"),
        ("hold: auto\nhold_at_most: 2h\n", "line 2: hold_at_most: it may be at most 1h, found '2h'"),
        ("routes:\n- name: a\n  matches: a=b\n", "line 2: routes[0].match: is missing"),
        ("routes:\n- name: a\n  match: [a=b, 'c~d']\n", "line 3: routes[0].match[1]: position 2: expected one of = !="),
        ("routes:\n- name: a\n  match:\n  - a=b\n  - c~d\n", "line 5: routes[0].match[1]: position 2: expected one"),
        ("page_now:\n- a=b\n- c~d\n", "line 3: page_now[1]: position 2: expected one of = != "),
        ("silences:\n- match: a=b\n  ends_at: 5 Nov\n", "line 3: silences[0].ends_at: write a time with its zone"),
        ("silences:\n- match: a=b\n  ends_at: 2026-01-01\n", "line 3: silences[0].ends_at: write a time with its"),
        ("mute_during:\n- night\n", "line 2: mute_during[0]: no time interval is named 'night'; there are none"),
        ("maintenance:\n- match: a=b\n  during: []\n", "line 3: maintenance[0].during: write at least one"),
        (
            "time_intervals:\n- name: a\n  time_intervals:\n  - times:\n    - end_time: 17:00\n      start_time: '9'\n",
            "line 6: time_intervals[0].time_intervals[0].times[0].start_time: write a time like '09:00'",
        ),
        ("- gap\n", "line 1: expected `field: value` lines, found ['gap']"),
        ("gap: 1\ngap: 2\n", "line 2: column 1: gap stands there twice"),
        ("gap: [1\n", "line 2: column 1: "),
        ("a: &x [1]\nb: *x\n", "line 2: column 4: aliases are not allowed"),
        ("gap: !!python/object:os.system {}\n", "line 1: column 6: could not determine a constructor"),
        ("gap: 2026-99-99\n", "not YAML: month must be in 1..12"),
        ("gap: " + "[" * 5000, "not YAML: "),
        ("? [1]\n: 2\n", "line 1: column 3: found unhashable key"),
    ],
)
def test_what_is_wrong_is_said_with_place_and_remedy(tmp_path: Path, text: str, said: str) -> None:
    assert complaint(policy_file(tmp_path, text)).startswith(said)


def test_everything_that_is_wrong_is_found_at_once_by_line(tmp_path: Path) -> None:
    path = policy_file(tmp_path, "routes:\n- name: a\n  match: a~b\n  hold: x\ngaps: 5\nmax_age: 0\n")
    assert [found.line for found in examine(path).complaints] == [3, 4, 5, 6]
    assert complaint(path).endswith(f"; and 3 more, see `pagesieve policy check {path}`")


ALWAYS = "{name: always, time_intervals: [{}]}"
NIGHT = "time_intervals: [{name: night, time_intervals: [{times: [{start_time: '00:00', end_time: '06:00'}]}]}]\n"


def routes(*lines: str) -> str:
    return "routes:\n" + "".join(f"- {{name: r{n}, {line}}}\n" for n, line in enumerate(lines))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (routes("match: []", "match: a=b"), "line 3: routes[1].match: never decides: routes[0] (r0) stands before it"),
        (routes("match: a=b", "match: a=b"), "line 3: routes[1].match: never decides"),
        (routes("match: a=b", "match: [c=d, a=b]"), "line 3: routes[1].match: never decides"),
        (routes('match: a=~"x|y"', "match: a=y"), "line 3: routes[1].match: never decides"),
        (routes('match: a=~"x.*"', 'match: a=~"xa|xb"'), "line 3: routes[1].match: never decides"),
        (routes('match: a=~".*"', "match: b=c"), "line 3: routes[1].match: never decides"),
        (routes("match: [a=b, a=c]"), 'line 2: routes[0].match: no alert can have both a="b" and a="c"'),
        (routes("match: [a=b, a!=b]"), "line 2: routes[0].match: no alert can have both"),
        ("silences: [{match: [a=b, a=c]}]\n", "line 1: silences[0].match: no alert can"),
        ("silences: [{match: []}]\n", "line 1: silences[0].match: matches everything, and has no ends_at"),
        ("routes: [{name: a, match: a=b}, {name: a, match: a=c}]\n", "line 1: routes[1].name: routes[0] has this name"),
        (f"time_intervals: [{ALWAYS}, {ALWAYS}]\n", "line 1: time_intervals[1].name: time_intervals[0] has this name"),
        ("page_now: [a=b, [a=b, c=d]]\n", "line 1: page_now[1]: page_now[0] names all of these already"),
        ("page_now: ['{}']\nhold: 1m\n", "line 2: hold: has no effect: page_now[0] names every alert"),
        ("page_now: [a=b]\n" + routes("match: [a=b], at_least: 2"), "line 3: routes[0].at_least: has no effect"),
        (
            "silences: [{match: a=b, starts_at: 2026-01-02T00:00:00Z, ends_at: 2026-01-01T00:00:00Z}]\n",
            "line 1: silences[0].ends_at: is not after starts_at",
        ),
        ("inhibit: [{source: a=b, target: 'a=\"b\"', equal: [c]}]\n", "line 1: inhibit[0]: source and target match"),
        ("scope: [replica]\n", "line 1: scope[0]: drop_labels says that replica only tells twins"),
        ("drop_labels: [host]\ngroup_by:\n- a\n- host\n", "line 4: group_by[1]: drop_labels says that host"),
        ("gap: 2h\n", "line 1: gap: gap 2h is longer than max_age 1h, which ends it before"),
        (routes("match: a=b, max_age: 1m"), "line 2: routes[0].max_age: gap 5m is longer than max_age 1m"),
        (
            routes("match: a=b, hold_at_most: 5m"),
            "line 2: routes[0].hold_at_most: has no effect: it says how hold auto holds, and hold is 0s here",
        ),
        (routes("match: a=b, hold_critical: true"), "line 2: routes[0].hold_critical: has no effect"),
        ("page_now: ['{}']\nhold: auto\n", "line 2: hold: has no effect: page_now[0] names every alert"),
        ("hold: 1d\n", "line 1: hold: hold 1d is not shorter than expire_after 1d"),
        ("hold: 2m\n" + routes("match: a=b, expire_after: 1m"), "line 3: routes[0].expire_after: hold 2m is not"),
        (NIGHT + "page_during: [night]\nmute_during: [night]\n", "line 2: page_during: all of page_during is in"),
    ],
)
def test_what_can_never_do_what_it_says_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert complaint(policy_file(tmp_path, text)).startswith(said)


@pytest.mark.parametrize(
    "text",
    [
        routes("match: a=b", "match: a=~'b|c'", "match: a!=b", "match: []"),
        routes("match: a=~'b.*'", "match: a=~'.*'"),
        routes("match: [a=~'b|c', a!=b]"),
        "page_now: [a=b, c=d, [a=c, c=e]]\nhold: 4m\n",
        "page_now: [[a=b, c=d]]\n" + routes("match: a=b, hold: 4m"),
        "inhibit: [{source: severity=critical, target: severity=~'critical|warning', equal: [host]}]\n",
        NIGHT + "mute_during: [night]\n" + routes("match: a=b, page_during: [night], mute_during: []"),
        "gap: 2h\nmax_age: 2h\nhold: 10m\nevent_window: 11m\n",
    ],
)
def test_what_makes_sense_is_taken(tmp_path: Path, text: str) -> None:
    assert examine(policy_file(tmp_path, text)).complaints == []


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert complaint(tmp_path / "none.yaml") == "No such file or directory"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"\x00\xff\xfe")
    assert complaint(path).startswith("not YAML: ")


def test_a_file_far_too_large_is_refused_unread(tmp_path: Path) -> None:
    assert "hardly a policy" in complaint(policy_file(tmp_path, "#" * (MAX_BYTES + 1)))
