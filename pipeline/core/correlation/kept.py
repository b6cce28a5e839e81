"""What a snapshot holds of a correlation: flat lists, from which all else follows."""

from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from pipeline.core.correlation.correlation import Correlation
from pipeline.core.correlation.known import Known
from pipeline.core.correlation.profile import Profile
from pipeline.core.correlation.vocabulary import Vocabulary
from pipeline.core.incidents import Open


class KeptProfile(NamedTuple):
    """An incident that takes newcomers, by its id."""

    incident_id: str
    number: int
    unit_ms: int
    grew_at_ms: int
    members: list[int]


class KeptCorrelation(NamedTuple):
    """The alerts that are known in order, `lengths` of their `tokens` after each other; then those that take more."""

    texts: list[str]
    onsets: list[float]
    onset_at_ms: list[int]
    began_at_ms: int
    codes: list[int]
    lengths: list[int]
    tokens: list[int]
    sessions: list[float]
    heard: list[int]
    last_at_ms: list[int | None]
    opened: int
    profiles: list[KeptProfile]


def keep(correlation: Correlation) -> KeptCorrelation:
    """What is to be held of it."""
    vocabulary, known = correlation.vocabulary, correlation.known.values()
    return KeptCorrelation(
        vocabulary.texts,
        vocabulary.onsets,
        vocabulary.onset_at_ms,
        vocabulary.began_at_ms,
        list(correlation.known),
        [len(one.tokens) for one in known],
        [token for one in known for token in one.tokens],
        [one.sessions for one in known],
        [one.heard for one in known],
        [one.last_at_ms for one in known],
        correlation.opened,
        [
            KeptProfile(one.incident.incident_id, one.number, one.unit_ms, one.grew_at_ms, list(one.members))
            for one in correlation.profiles.values()
        ],
    )


def recall(kept: KeptCorrelation, incident_of: Callable[[str], Open]) -> Correlation:
    """The correlation of a snapshot. Raises ValueError if it does not fit together."""
    vocabulary = Vocabulary(
        kept.texts, [0] * len(kept.texts), kept.onsets, kept.onset_at_ms, began_at_ms=kept.began_at_ms
    )
    correlation = Correlation(vocabulary, opened=kept.opened)
    tokens = iter(kept.tokens)
    try:
        facts = zip(kept.codes, kept.lengths, kept.sessions, kept.heard, kept.last_at_ms, strict=True)
        for code, length, sessions, heard, last_at_ms in facts:
            known = correlation.known[code] = Known(tuple(islice(tokens, length)), sessions, heard, last_at_ms)
            for token in known.tokens:
                vocabulary.alerts[token] += 1
        for one in kept.profiles:
            profile = Profile(
                incident_of(one.incident_id), one.number, one.unit_ms, one.grew_at_ms, dict.fromkeys(one.members)
            )
            correlation.relist(profile)
    except LookupError as exc:
        raise ValueError("a damaged snapshot: its correlation names what is not in it") from exc
    return correlation
