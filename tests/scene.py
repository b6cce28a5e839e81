"""How a test tells a story: events at seconds, played through the same `Triage` that everything else drives."""

from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from pipeline.normalise import by_scope, identify, scoped
from pipeline.sources import Claim
from schemas import Alert, Alerts, Decision, Reason, Severity, Status, Tick

EPOCH_MS = 1_700_000_000_000
POLICY = Policy(group_by=("cluster",), gap=300, resolve_after=60)


class Told(NamedTuple):
    """An alert event before it has a time."""

    name: str
    labels: dict[str, str]
    severity: Severity
    status: Status
    source: str
    lease_s: float | None
    began_s: float | None
    ended_s: float | None = None


def alert(  # noqa: PLR0913  # a vocabulary: everything has a default
    name: str,
    *,
    severity: str = "warning",
    status: str = "firing",
    source: str = "alertmanager",
    lease_s: float | None = None,
    began_s: float | None = None,
    ended_s: float | None = None,
    **labels: str,
) -> Told:
    """A firing alert; `lease_s` is how long it holds unless renewed, `began_s` since when it says it fires.

    Of one that is over `ended_s` says since when; what Prometheus says of that may be a lease as well.
    """
    return Told(name, labels, Severity(severity), Status(status), source, lease_s, began_s, ended_s)


def resolved(name: str, *, source: str = "alertmanager", **labels: str) -> Told:
    """Its end."""
    return Told(name, labels, Severity.WARNING, Status.RESOLVED, source, None, None)


def ms(seconds: float) -> int:
    """Scene seconds as event time."""
    return EPOCH_MS + round(seconds * 1000)


_offsets = count()


def at(seconds: float, *told: Told, policy: Policy = POLICY) -> list[Alerts | Tick]:
    """What one raw record at that time becomes; without events, a tick."""
    if not told:
        return [Tick(at_ms=ms(seconds))]
    return [*by_scope([scoped(_claim(seconds, one), None, policy) for one in told], 0, next(_offsets))]


def play(*records: Sequence[Alerts | Tick], policy: Policy = POLICY) -> Facts:
    """Step everything at once."""
    return Triage(policy).step([record for several in records for record in several])


def decided(facts: Facts) -> list[Decision]:
    """Every decision, in order."""
    return [decision for record in facts.decisions for decision in record.decisions]


def reasons(facts: Facts) -> list[Reason]:
    """Why each event was decided as it was, in order."""
    return [decision.reason for decision in decided(facts)]


def pages(facts: Facts) -> list[tuple[str, str]]:
    """Each page's kind and the first word of its summary, in order."""
    return [
        (page.payload.custom_details.kind.value, page.payload.summary.split()[0].rstrip(",:")) for page in facts.pages
    ]


def identity(told: Told) -> Alert:
    """The alert as it is known, whenever it happens."""
    return identify(_claim(0, told), None, POLICY)


def _claim(seconds: float, told: Told) -> Claim:
    at_ms = ms(seconds)
    is_over = told.status is Status.RESOLVED
    ends_at_ms = (at_ms if told.ended_s is None else ms(told.ended_s)) if is_over else None
    expires_at_ms = None if told.lease_s is None else at_ms + round(told.lease_s * 1000)
    if is_over:
        expires_at_ms = ends_at_ms if told.source == "prometheus" else None
    return Claim(
        source=told.source,
        name=told.name,
        labels=told.labels,
        annotations={},
        severity=told.severity,
        status=told.status,
        at_ms=at_ms,
        starts_at_ms=at_ms if told.began_s is None else ms(told.began_s),
        ends_at_ms=ends_at_ms,
        expires_at_ms=expires_at_ms,
        is_state=told.source in {"alertmanager", "prometheus"},
        source_fingerprint=None,
        url=None,
    )
