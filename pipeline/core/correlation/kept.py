"""What a snapshot holds of a correlation: flat lists, from which all else follows."""

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from pipeline.core.correlation.correlation import Correlation
from pipeline.core.correlation.known import Known
from pipeline.core.correlation.profile import Profile
from pipeline.core.correlation.rates import Rates
from pipeline.core.correlation.surge import Onset, Surge
from pipeline.core.correlation.tokens import is_value
from pipeline.core.correlation.vocabulary import Vocabulary
from pipeline.core.incidents import Open


class KeptProfile(NamedTuple):
    """An incident that takes newcomers, by its id."""

    incident_id: str
    number: int
    unit_ms: int
    grew_at_ms: int
    is_everyday: bool
    members: list[int]


class KeptSurge(NamedTuple):
    """What surges; what the recent alerts carry follows from what is known of them."""

    tokens: list[int]  # of the counts
    counts: list[float]
    counted_at_ms: list[int]
    recent: list[tuple[int, int]]  # (time, code)
    surging: list[int]
    kinds: list[int]
    incident_id: str | None
    last_at_ms: int


class KeptRates(NamedTuple):
    """How often each token usually comes."""

    onsets: list[float]
    onset_at_ms: list[int]


class KeptCorrelation(NamedTuple):
    """The alerts that are known in order, `lengths` of their `tokens` after each other; then those that take more."""

    texts: list[str]
    began_at_ms: int
    rates: KeptRates
    everyday: KeptRates
    codes: list[int]
    lengths: list[int]
    tokens: list[int]
    needs: list[int]
    names: list[int]
    sessions: list[float]
    heard: list[int]
    last_at_ms: list[int | None]
    guests: list[int]  # codes
    opened: int
    grown: list[int]
    surge: KeptSurge
    everyday_surge: KeptSurge
    profiles: list[KeptProfile]


def keep(correlation: Correlation) -> KeptCorrelation:
    """What is to be held of it."""
    vocabulary, known = correlation.vocabulary, correlation.known.values()
    return KeptCorrelation(
        vocabulary.texts,
        vocabulary.rates.began_at_ms,
        KeptRates(vocabulary.rates.onsets, vocabulary.rates.onset_at_ms),
        KeptRates(vocabulary.everyday.onsets, vocabulary.everyday.onset_at_ms),
        list(correlation.known),
        [len(one.tokens) for one in known],
        [token for one in known for token in one.tokens],
        [one.needs for one in known],
        [one.pairs[-1] for one in known],
        [one.sessions for one in known],
        [one.heard for one in known],
        [one.last_at_ms for one in known],
        [code for code, one in correlation.known.items() if one.is_guest],
        correlation.opened,
        list(correlation.grown),
        _kept_surge(correlation.surge),
        _kept_surge(correlation.everyday_surge),
        [
            KeptProfile(
                one.incident.incident_id, one.number, one.unit_ms, one.grew_at_ms, one.is_everyday, list(one.members)
            )
            for one in correlation.profiles.values()
        ],
    )


def recall(kept: KeptCorrelation, incident_of: Callable[[str], Open]) -> Correlation:
    """The correlation of a snapshot. Raises ValueError if it does not fit together."""
    rates, everyday = (Rates(kept.began_at_ms, *one) for one in (kept.rates, kept.everyday))
    vocabulary = Vocabulary(kept.texts, [0] * len(kept.texts), rates, everyday)
    correlation = Correlation(vocabulary, opened=kept.opened)
    tokens = iter(kept.tokens)
    try:
        facts = zip(
            kept.codes, kept.lengths, kept.needs, kept.names, kept.sessions, kept.heard, kept.last_at_ms, strict=True
        )
        for code, length, needs, name, sessions, heard, last_at_ms in facts:
            its = tuple(islice(tokens, length))
            pairs = (*[token for token in its[: length - needs] if is_value(kept.texts[token])], name)
            correlation.known[code] = Known(its, pairs, needs, sessions, heard, last_at_ms)
            for token in (*its, name):
                vocabulary.alerts[token] += 1
        for code in kept.guests:
            correlation.known[code].is_guest = True
        for one in kept.profiles:
            profile = Profile(
                incident_of(one.incident_id),
                one.number,
                one.unit_ms,
                one.grew_at_ms,
                one.is_everyday,
                dict.fromkeys(one.members),
            )
            correlation.relist(profile)
        correlation.grown = {number: correlation.profiles[number] for number in kept.grown}
        correlation.surge = _surge_of(kept.surge, correlation)
        correlation.everyday_surge = _surge_of(kept.everyday_surge, correlation)
    except LookupError as exc:
        raise ValueError("a damaged snapshot: its correlation names what is not in it") from exc
    return correlation


def _kept_surge(surge: Surge) -> KeptSurge:
    return KeptSurge(
        list(surge.counts),
        list(surge.counts.values()),
        list(surge.counted_at_ms.values()),
        [(onset.at_ms, onset.code) for onset in surge.recent],
        list(surge.tokens),
        list(surge.kinds),
        surge.incident_id,
        surge.last_at_ms,
    )


def _surge_of(kept: KeptSurge, correlation: Correlation) -> Surge:
    return Surge(
        dict(zip(kept.tokens, kept.counts, strict=True)),
        dict(zip(kept.tokens, kept.counted_at_ms, strict=True)),
        deque([Onset(at_ms, code, correlation.known[code].pairs) for at_ms, code in kept.recent]),
        dict.fromkeys(kept.surging),
        dict.fromkeys(kept.kinds),
        kept.incident_id,
        kept.last_at_ms,
    )
