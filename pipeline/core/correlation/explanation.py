"""What spoke for the incident that took an alert, as its decision says it."""

from functools import lru_cache

from pipeline.core.correlation.correlation import Correlation, Fit, Newcomer
from pipeline.core.correlation.tokens import said
from schemas import Alert, Shared, Why

_TOLD = 5  # of what an alert shares with its incident


def explained(correlation: Correlation, found: Fit, newcomer: Newcomer, alert: Alert) -> Why:
    """Why it joins that one. To be asked before it does."""
    profile = found.profile
    since_ms = max(0, newcomer.at_ms - profile.grew_at_ms)
    if found.is_home and found.runner_up is None:
        return _at_home_since(since_ms)
    weighed = correlation.weighed(newcomer.known)
    total, counts, members = weighed.total or 1.0, profile.counts, len(profile.members)
    shared = [
        (weight * min(1.0, 2 * counts[token] / members) / total, token)
        for token, weight in weighed.weights
        if token in counts
    ]
    shared.sort(key=lambda one: (-one[0], one[1]))
    texts = correlation.vocabulary.texts
    told = [{"token": said(texts[token], alert), "weight": round(weight, 4)} for weight, token in shared[:_TOLD]]
    return _why(
        since_ms=since_ms,
        likeness=round(sum([weight for weight, _ in shared]), 4),
        shared=tuple(Shared.owning_each(told)),
        is_home=found.is_home,
        runner_up=None if found.runner_up is None else found.runner_up.incident.incident_id,
        runner_up_share=None if found.runner_up is None else round(found.runner_up_score / found.score, 4),
    )


def surged(since_ms: int, token: str, alert: Alert) -> Why:
    """Why an alert is part of a surge of `token`, whose incident grew so long ago."""
    return _why(since_ms=since_ms, likeness=0.0, surge=said(token, alert))


@lru_cache(maxsize=1024)  # the most common explanation, and frozen
def _at_home_since(since_ms: int) -> Why:
    return _why(since_ms=since_ms, likeness=1.0, is_home=True)


def _why(  # noqa: PLR0913  # what there is to say
    *,
    since_ms: int,
    likeness: float,
    shared: tuple[Shared, ...] = (),
    is_home: bool = False,
    surge: str | None = None,
    runner_up: str | None = None,
    runner_up_share: float | None = None,
) -> Why:
    return Why.trusted(
        since_ms=since_ms,
        likeness=likeness,
        shared=shared,
        is_home=is_home,
        surge=surge,
        runner_up=runner_up,
        runner_up_share=runner_up_share,
    )
