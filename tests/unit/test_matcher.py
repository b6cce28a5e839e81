"""What a matcher matches, how it is written, and what is said about one that is wrong."""

import pytest
from pydantic import BaseModel, ValidationError

from pipeline.core.matcher import LONGEST, Matcher, Matchers, all_match, parse_matcher, parse_matchers

DISK = {"alertname": "DiskFull", "severity": "warning", "job": "node"}


class Route(BaseModel):
    matchers: Matchers = ()


@pytest.mark.parametrize(
    ("text", "is_met"),
    [
        ('severity="warning"', True),
        ('severity="warn"', False),
        ('severity!="critical"', True),
        ('severity=~"warning|info"', True),
        ('severity=~"warn"', False),
        ('severity=~"warn.*"', True),
        ('severity!~"warn.*"', False),
        ('severity=~"(?i)WARNING"', True),
    ],
)
def test_a_matcher_compares_the_whole_value(text: str, is_met: bool) -> None:
    assert parse_matcher(text).matches(DISK) is is_met


@pytest.mark.parametrize("text", ['team=""', 'team!="db"', 'team=~""', 'team=~"|db"', 'team=~"(db)?"', 'team!~"d.+"'])
def test_a_missing_label_is_empty(text: str) -> None:
    assert parse_matcher(text).matches(DISK)
    assert parse_matcher(text).matches({**DISK, "team": ""})


def test_all_matchers_must_match_and_none_match_everything() -> None:
    assert all_match(parse_matchers('{severity="warning",job=~"node|db"}'), DISK)
    assert not all_match(parse_matchers('{severity="warning",job="db"}'), DISK)
    assert all_match((), DISK)


def test_a_newline_is_not_matched_by_a_dot_nor_by_the_end() -> None:
    assert not parse_matcher('a=~"x.y"').matches({"a": "x\ny"})
    assert not parse_matcher('a=~"x+"').matches({"a": "xx\n"})


def test_a_label_that_is_no_text_is_compared_too() -> None:
    assert parse_matcher('a=~"."').matches({"a": "\ud800"})
    assert not parse_matcher('a="x"').matches({"a": "\ud800"})


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a=b", [("a", "=", "b")]),
        (" a = b ", [("a", "=", "b")]),
        ("a=", [("a", "=", "")]),
        ('{a="b",c!="d"}', [("a", "=", "b"), ("c", "!=", "d")]),
        ('a="b", c=~"d|e" ,', [("a", "=", "b"), ("c", "=~", "d|e")]),
        ('{a="b,c}"}', [("a", "=", "b,c}")]),
        ("{a=~x{2}}", [("a", "=~", "x{2}")]),
        ("a=b c", [("a", "=", "b c")]),
        ("a==b", [("a", "=", "=b")]),
        (r'a="say \"hi\"\n\\"', [("a", "=", 'say "hi"\n\\')]),
        (r'a=~"\d+\.\w"', [("a", "=~", r"\d+\.\w")]),
        ("a=b\\", [("a", "=", "b\\")]),
        (r"a=x\"y", [("a", "=", 'x"y')]),
        ("größe=ß", [("größe", "=", "ß")]),
        ('"a label.with-dots"!~"x"', [("a label.with-dots", "!~", "x")]),
        ("", []),
        ("{}", []),
        (" { } ", []),
    ],
)
def test_it_is_read_as_alertmanager_reads_it(text: str, read: list[tuple[str, str, str]]) -> None:
    assert [(found.name, found.op, found.value) for found in parse_matchers(text)] == read


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a", "position 2: expected one of = != =~ !~ after the label name"),
        ("=b", 'position 1: expected a label name, as in name="value"'),
        ("a=b,,c=d", 'position 5: expected a label name, as in name="value"'),
        ('a="b', r"position 3: the quote that starts here never ends; a quote inside a value is written \""),
        ('a=b"c', r"position 4: a quote inside a value is written \", and the value stands in quotes"),
        ('a="b" c', "position 7: expected a comma or the end after the quoted value"),
        ("{a=b", "position 5: expected } at the end, as it starts with {"),
        ("{", "position 2: expected } at the end, as it starts with {"),
        ("a=~x{2}", "position 7: a value that ends with } needs quotes"),
        ('b=c, a=~"("', "position 9: expected a regular expression that RE2 knows: missing ): ("),
        (r'a=~"(x)\1"', r"position 4: expected a regular expression that RE2 knows: invalid escape sequence: \1"),
        (r'a=~"\C"', r"position 4: \C is not supported in a regular expression"),
        ('a=~"\ud800."', "position 4: a matcher must be valid Unicode"),
        ('""="x"', "position 1: expected a label name between the quotes"),
        ("a=" + "b" * LONGEST, f"position {LONGEST + 1}: matchers may have {LONGEST} characters"),
    ],
)
def test_what_is_wrong_is_said_with_its_position(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match="position") as caught:
        parse_matchers(text)
    assert str(caught.value) == complaint


def test_a_single_matcher_with_an_unquoted_comma_is_refused() -> None:
    with pytest.raises(ValueError, match="found 2; a value with a comma needs quotes"):
        parse_matcher("a=b,c=d")


def test_an_evil_pattern_costs_no_time() -> None:
    assert not parse_matcher('a=~"(x+x+)+y"').matches({"a": "x" * 5000})


def test_a_list_is_read_in_order_and_names_the_item_that_is_wrong() -> None:
    assert list(map(str, parse_matchers(["a=b", 'c="d",e!=f']))) == ['a="b"', 'c="d"', 'e!="f"']
    with pytest.raises(ValueError, match="item 2, position 2: expected one of"):
        parse_matchers(["a=b", "c"])


def test_a_model_reads_text_or_a_list_and_writes_canonical_texts() -> None:
    for written in ("{a=b, c=~d.*}", ["a=b", "c=~d.*"]):
        route = Route.model_validate({"matchers": written})
        assert route.model_dump_json() == r'{"matchers":["a=\"b\"","c=~\"d.*\""]}'
    assert Route.model_validate_json(route.model_dump_json()) == route
    assert Route(matchers=(Matcher("a", "=", "b"),)).matchers[0].matches({"a": "b"})


@pytest.mark.parametrize("written", [3, ["a=b", 3], {"a": "b"}, ["a"]])
def test_a_model_refuses_what_is_no_matcher(written: object) -> None:
    with pytest.raises(ValidationError, match=r"write matchers as|expected one of"):
        Route.model_validate({"matchers": written})


def test_a_matcher_needs_a_name() -> None:
    with pytest.raises(ValueError, match="needs a label's name"):
        Matcher("", "=", "x")
