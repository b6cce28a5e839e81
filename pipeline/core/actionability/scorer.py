"""What people said before, as a second opinion on a score: it may make an alert louder, and never quieter.

A model of what was learned from outcomes is asked when an alert begins to fire. The higher of its probability and the
prior's counts, since a model knows nothing of trouble that it never saw, and the prior nothing of what people do
(../../../README.md). Where it cannot be believed, the guardrails let page what scores low.
"""

from collections.abc import Mapping
from math import isfinite
from typing import NamedTuple, Protocol

from pipeline.core.actionability.features import FEATURES, Features
from schemas import Guard


class Scorer(Protocol):
    """A learned score. It is read only, and says the same of the same numbers on every machine."""

    @property
    def version(self) -> str | None:
        """`a1:` and a hash of the content, which every score that it gave names; None: nothing was learned."""
        ...

    @property
    def trained_at_ms(self) -> int:
        """The newest that it knows of, in event time: by this it is old, whenever it was computed."""
        ...

    def probability(self, features: Features, template: int) -> float | None:
        """How likely it is that a person has to act; `template` is the hash of the alert's (`clusters.key_of`)."""
        ...

    def parts(self, features: Features, template: int) -> Mapping[int | str, float]:
        """What the log-odds of that are the sum of, by the number of a feature, or a name for what is none's."""
        ...


class Untaught:
    """Nothing was learned, so there is no second opinion."""

    version = None
    trained_at_ms = 0

    def probability(self, features: Features, template: int) -> float | None:
        """It is not asked."""
        return None

    def parts(self, features: Features, template: int) -> Mapping[int | str, float]:
        """Nor for reasons."""
        return {}


UNTAUGHT: Scorer = Untaught()


class Opinion(NamedTuple):
    """What a model said, if it can be believed; else why not."""

    probability: float | None
    doubt: Guard | None


def opinion_of(scorer: Scorer, features: Features, template: int, age: tuple[int, int]) -> Opinion:
    """Ask the model. `age`: (now, how old it may be), in ms. Whatever it answers or raises, there is an opinion."""
    try:
        said = scorer.probability(features, template)
        if type(said) is not float or not 0.0 <= said <= 1.0:  # nor is NaN
            return Opinion(None, Guard.FAULT)
        now_ms, most_ms = age
        return Opinion(said, Guard.OLD_MODEL if now_ms - scorer.trained_at_ms > most_ms else None)
    except Exception:  # a model is no part of us: no fault of it may be one of ours, which would lose what came before
        return Opinion(None, Guard.FAULT)


def parts_of(scorer: Scorer, features: Features, template: int) -> dict[str, float]:
    """What speaks for what the model said, by name; nothing where it cannot say."""
    try:
        parts = scorer.parts(features, template)
        named = {FEATURES[key] if isinstance(key, int) else str(key): float(part) for key, part in parts.items()}
    except Exception:  # as above; what it said stands
        return {}
    return named if all(map(isfinite, named.values())) else {}
