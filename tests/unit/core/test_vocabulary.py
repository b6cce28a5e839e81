"""How usual tokens are: what is bounded to save time is found as if it were reckoned, and never the other way round."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.correlation.rates import Rates
from pipeline.core.correlation.vocabulary import Vocabulary

HOUR_MS = 3_600_000
onsets = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 12 * HOUR_MS)), max_size=60)
spans_ms = st.sampled_from([150.0, 3000.0, 20_000.0, 600_000.0, 6e6])
shares = st.sampled_from([0.01, 0.1353352832366127, 0.9, 2.0])


def heard(told: list[tuple[str, int]]) -> Rates:
    vocabulary = Vocabulary()
    tokens = dict(zip("abcd", vocabulary.learn("abcd"), strict=True))
    for text, at_ms in told:
        vocabulary.rates.hear([tokens[text]], at_ms)
    return vocabulary.rates


@given(onsets, st.integers(0, 20 * HOUR_MS))
def test_the_least_that_a_token_comes_is_no_more_than_what_is_usual(told: list[tuple[str, int]], at_ms: int) -> None:
    rates = heard(told)
    assert all(1.0 <= rates.least(token, at_ms) <= rates.usual(token, at_ms) for token in range(4))


@given(onsets, st.integers(0, 20 * HOUR_MS), spans_ms, shares)
def test_what_surprises_is_found_as_if_each_token_were_reckoned(
    told: list[tuple[str, int]], at_ms: int, since_ms: float, most: float
) -> None:
    rates = heard(told)
    watched_ms = rates.watched_ms(at_ms)
    expected = [token for token in range(4) if rates.usual(token, at_ms) / watched_ms * since_ms <= most]
    assert rates.surprising(range(4), at_ms, since_ms, most) == expected


@given(onsets, st.integers(0, 20 * HOUR_MS), spans_ms, spans_ms, shares)
def test_what_surprises_after_a_while_surprises_sooner_too(
    told: list[tuple[str, int]], at_ms: int, one_ms: float, other_ms: float, most: float
) -> None:
    rates = heard(told)
    late = rates.surprising(range(4), at_ms, max(one_ms, other_ms), most)
    assert set(late) <= set(rates.surprising(range(4), at_ms, min(one_ms, other_ms), most))
