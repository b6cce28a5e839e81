"""Matchers: what is written is read back, and matching is what its definition says."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.matcher import Matcher, Op, parse_matchers

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
OPS: tuple[Op, ...] = ("=", "!=", "=~", "!~")
PATTERNS = st.sampled_from(["", "a", "a|b", "|a", "a.*", ".+", "[ab]+", "a)|(b", "(?i)A", r"\d+", "a\nb", "a.b"])
LABELS = st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["", "a", "b", "ab", "A", "1", "a\nb"]))


@given(st.lists(st.builds(Matcher, TEXT.filter(bool), st.sampled_from(["=", "!="]), TEXT), max_size=4))
def test_what_is_written_is_read_back(matchers: list[Matcher]) -> None:
    text = "{" + ",".join(map(str, matchers)) + "}"
    assert parse_matchers(text) == tuple(matchers)
    assert parse_matchers(list(map(str, matchers))) == tuple(matchers)


@given(PATTERNS, LABELS)
def test_an_operator_and_its_negation_share_out_all_labels(pattern: str, labels: dict[str, str]) -> None:
    equal, unequal, like, unlike = (Matcher("x", op, pattern).matches(labels) for op in OPS)
    assert equal is not unequal
    assert like is not unlike


@given(PATTERNS, LABELS)
def test_a_missing_label_is_an_empty_one(pattern: str, labels: dict[str, str]) -> None:
    filled = {"x": "", **labels}
    for op in OPS:
        matcher = Matcher("x", op, pattern)
        assert matcher.matches(labels) is matcher.matches(filled)


@given(st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1), LABELS)
def test_alternatives_of_plain_words_are_those_words(words: list[str], labels: dict[str, str]) -> None:
    # The short cut for plain words must not differ from RE2, which the group around them calls for.
    plain, grouped = "|".join(words), f"({'|'.join(words)})"
    assert Matcher("x", "=~", plain).matches(labels) is Matcher("x", "=~", grouped).matches(labels)


PIECES = st.sampled_from(["a", "b", "-", r"\.", r"\|", r"\\", ".*", ".+", "|", "é", "\n", " "])
VALUES = st.text(st.sampled_from([*"ab-.|\\é\n "]), max_size=8)


@given(st.lists(PIECES, max_size=8).map("".join), VALUES)
def test_a_pattern_of_words_means_what_re2_makes_of_it(pattern: str, value: str) -> None:
    # The group keeps it from the quick way for words.
    assert Matcher("x", "=~", pattern).matches({"x": value}) is Matcher("x", "=~", f"({pattern})").matches({"x": value})
