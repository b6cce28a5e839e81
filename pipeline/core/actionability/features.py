"""What a learned score may look at: of each beginning the same numbers, in one order, under one version.

All of them stand in the `Score` that a decision carries, so what was decided is what can be learned from, and a model
meets the numbers that it was taught with. A new list is a new version; a model of another one is refused.
"""

from collections.abc import Mapping

from pipeline.core.logarithm import ln

VERSION = "f2"  # f1 had no hour
TERMS = (  # log-odds as the prior says them; 0 where it says nothing
    "template",
    "alert",
    "place",
    "scope",
    "rhythm",
    "hour",
    "self_resolved",
    "event",
    "severity",
    "tier",
    "flaps",
    "runbook",
    "change",
)
FEATURES = ("prior", *TERMS, "template_begun", "alert_begun", "watched_days", "ended", "short")
JUDGED = "judged"  # no feature: a model is taught what people said, and would hear it twice
_DAY_MS = 86_400_000.0

Features = tuple[float, ...]


def features_of(
    terms: Mapping[str, float], begun: tuple[float, float], watched_ms: float, ends: tuple[float, float]
) -> Features:
    """The numbers, as `FEATURES` names them. `begun`: how often its template and itself did; `ends`: all, and short."""
    return (
        sum([value for name, value in terms.items() if name != JUDGED], 0.0),
        *[terms.get(name, 0.0) for name in TERMS],
        ln(1.0 + begun[0]),
        ln(1.0 + begun[1]),
        ln(1.0 + watched_ms / _DAY_MS),
        ends[0],
        ends[1],
    )
