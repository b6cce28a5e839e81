"""Matchers and time intervals against the real thing: what Debian's amtool says of the same texts and labels."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from pipeline.core.interval import NamedIntervals
from pipeline.core.matcher import Matcher, all_match, parse_matchers
from tests.integration.real import PATIENCE_S, requires

pytestmark = pytest.mark.integration

# Understood alike by both. Each is one item of a route's `matchers`.
TEXTS = (
    *("a=b", "a!=b", "a=~b", "a!~b", "a=", "a!=", "a=~", "a!~", 'a=""', 'a!=""', 'a=~""', 'a!~""'),
    *('a="b"', ' a = "b" ', "a= b ", "a==b", "a=~=b", "a!==b", "a=!b", "a=b c", 'a="b c"', "a=(b)", "a=b=c"),
    *('a=~"b|c"', 'a=~"b|"', 'a=~"|"', 'a=~"(b|c)d?"', 'a=~"b."', 'a=~".*"', 'a=~".+"', 'a!~".+"', 'a=~"[b-d]+"'),
    *('a=~"^b$"', 'a=~"^b"', 'a=~"b$"', 'a=~"(?i)B"', 'a=~"(?s)b.c"', 'a=~"b\\nc"', 'a=~"b)|(c"', 'a=~"b{2}"'),
    *(r'a=~"\d+"', r'a=~"\\d+"', r'a="\d+"', r'a="\\d+"', r'a="b\nc"', r'a="say \"b\""', r"a=say\ b", "a=b\\"),
    *(r'a=~"10\.0\..*"', r'a=~"\w+-\w+"', r'a=~"[[:alpha:]]+"', r'a=~"\pL+"', 'a="é"', "a=é", 'a=~"é+"', 'a=~"."'),
    *('{a="b"}', '{a="b",c="d"}', '{a="b", c!="d",}', 'a="b",c="d"', "a=b,c=d", "{a=~b{2}}", "{}", "", '{a="b}"}'),
    *('a="b,c"', 'a="{b}"', "a='b'", "a=`b`", 'a:b="c"', '_a="b"', 'a=~"b{0}"', 'a=~"(?P<x>b)"', r"a=~\.", 'a=~"x*?"'),
)
LABELS: tuple[Mapping[str, str], ...] = (
    {},
    {"a": "b"},
    {"a": "c", "c": "d"},
    {"a": "b", "c": "d"},
    {"a": "bb"},
    {"a": "b\nc"},
    {"a": "é"},
    {"a": "10.0.0.1"},
    {"a": r"\d+"},
    {"a": "web-1", "a:b": "c", "_a": "b"},
    {"a": 'say "b"'},
    {"a": "b}"},
)
# Refused by both.
WRONG = ("a", "=b", "a~b", 'a="b', 'a=b"', 'a="b"c', 'a=~"("', 'a=~"*"', r'a=~"(b)\1"', 'a=~"(?=b)"', "a=b,,c=d", ",")
# Refused here only: Alertmanager 0.25 cuts such a brace off in silence, and means what nobody would expect.
STRICTER = ("{a=b", "a=~b{2}", 'a="b"}')
# Names beyond ASCII came with Alertmanager 0.27.
NEWER = ('"a b"="c"', "größe=b", 'a.b="c"')


def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [requires("amtool", "apt install prometheus-alertmanager"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def config(folder: Path, **more: object) -> Path:
    path = folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump({"route": {"receiver": "none"}, "receivers": [{"name": "none"}], **more}))
    return path


def is_taken(folder: Path, text: str) -> bool:
    route = {"receiver": "none", "routes": [{"receiver": "none", "matchers": [text]}]}
    return amtool("check-config", str(config(folder, route=route))).returncode == 0


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration with a route for each of TEXTS; all that match are told, by number."""
    names = [f"r{number}" for number in range(len(TEXTS))]
    children = [
        {"receiver": name, "matchers": [text], "continue": True} for name, text in zip(names, TEXTS, strict=True)
    ]
    return config(
        tmp_path_factory.mktemp("routes"),
        route={"receiver": "none", "routes": children},
        receivers=[{"name": name} for name in ("none", *names)],
    )


@pytest.mark.parametrize("labels", LABELS, ids=repr)
def test_every_text_matches_what_it_matches_in_alertmanager(routes: Path, labels: Mapping[str, str]) -> None:
    told = amtool("config", "routes", "test", f"--config.file={routes}", *(written(labels)))
    assert told.returncode == 0, told.stderr
    theirs = {TEXTS[int(name[1:])] for name in told.stdout.strip().split(",") if name != "none"}
    assert {text for text in TEXTS if all_match(parse_matchers(text), labels)} == theirs


def written(labels: Mapping[str, str]) -> list[str]:
    return [str(Matcher(name, "=", value)) for name, value in labels.items()]


@pytest.mark.parametrize("text", WRONG)
def test_what_alertmanager_refuses_is_refused(tmp_path: Path, text: str) -> None:
    assert not is_taken(tmp_path, text)
    with pytest.raises(ValueError, match="position"):
        parse_matchers(text)


@pytest.mark.parametrize("text", STRICTER)
def test_a_brace_that_alertmanager_would_cut_off_is_refused(tmp_path: Path, text: str) -> None:
    assert is_taken(tmp_path, text)
    with pytest.raises(ValueError, match="position"):
        parse_matchers(text)


@pytest.mark.parametrize("text", NEWER)
def test_names_that_only_newer_alertmanagers_know_are_taken(tmp_path: Path, text: str) -> None:
    assert not is_taken(tmp_path, text)
    assert len(parse_matchers(text)) == 1


INTERVALS = (
    *("times: [{start_time: '09:00', end_time: '17:00'}]", "times: [{start_time: '00:00', end_time: '24:00'}]"),
    *("weekdays: ['monday:friday', Sunday]", "days_of_month: ['1:5', '-3:-1', 10]", "months: ['may:august', '12', 1]"),
    *("years: ['2026:2028', 2030]", "location: Europe/Berlin", "location: UTC", "weekdays: ['saturday:sunday']"),
    *("times: [{start_time: '9:00', end_time: '17:00'}]", "times: [{start_time: '17:00', end_time: '09:00'}]"),
    *("times: [{start_time: '09:00', end_time: '24:01'}]", "times: [{start_time: '09:00'}]", "weekdays: [mon]"),
    *("days_of_month: ['0']", "days_of_month: ['32']", "days_of_month: ['-3:3']", "days_of_month: ['29:-1']"),
    *("days_of_month: ['27:-1']", "months: ['august:may']", "months: ['foo']", "years: ['2027:2026']"),
    *("location: Nowhere/Land", "months: ['may:june:july']", "holidays: [christmas]"),
)


@pytest.mark.parametrize("text", INTERVALS)
def test_a_time_interval_is_taken_where_alertmanager_takes_it(tmp_path: Path, text: str) -> None:
    named = {"name": "some", "time_intervals": [yaml.safe_load(text)]}
    checked = amtool("check-config", str(config(tmp_path, time_intervals=[named])))
    if checked.returncode == 0:
        assert NamedIntervals.model_validate(named).name == "some"
    else:
        with pytest.raises(ValueError, match=r"validation error"):
            NamedIntervals.model_validate(named)
