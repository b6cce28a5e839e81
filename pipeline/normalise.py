"""A raw record becomes alerts with an identity, one record a scope; what is no alert is rejected, never raised."""

from functools import lru_cache
from typing import NamedTuple

import orjson

from pipeline.core.fingerprint import fingerprint, prometheus_fingerprint
from pipeline.core.policy import Policy
from pipeline.core.scope import scope_of
from pipeline.errors import Misuse, Rejected
from pipeline.log.entry import Entry
from pipeline.sources import Claim, Parsed, guess, parse
from pipeline.sources.claim import time_ms
from schemas import Alert, Alerts
from schemas import Rejected as RejectedRecord

MOST_TOGETHER = 1000  # alerts in a record, so that it stays far below MAX_RECORD_BYTES whatever the gateway takes
AHEAD_MS = 300_000  # how far a gateway's clock may be ahead of the log's
LONGEST_WORDS = 1000  # characters of a reason or a path, which holds the body's own keys
MOST_NAMED = 100  # bad items that a rejected record names


class Normalised(NamedTuple):
    """What one raw record holds; `truncated` is how many alerts its source says it left out.

    `rejected` is empty or one record for all that is bad, so that the body is kept once.
    """

    records: list[Alerts]
    rejected: list[RejectedRecord]
    truncated: int


def normalise(entry: Entry, policy: Policy) -> Normalised:
    """One entry of `alerts.raw`. Its headers `source`, `received_at` (RFC 3339) and `tenant` may all be missing.

    Then the source is guessed from the body's shape, and the entry's own timestamp is the event time: any producer can
    write a webhook body straight to the topic.
    """
    try:
        received_at_ms = time_ms(entry.headers, "received_at", "header") or entry.timestamp_ms
        # Time moves by this and never goes back: one header of the year 3000 would end all that is open, and stop time.
        received_at_ms = min(received_at_ms, entry.timestamp_ms + AHEAD_MS)
        source = entry.headers.get("source") or guess(entry.value)
        parsed = parse(source, entry.value, received_at_ms)
    except (Rejected, Misuse) as exc:
        failure = exc if isinstance(exc, Rejected) else Rejected(str(exc), "header source")
        parsed = Parsed([], [failure])
    rejected = [_rejected(entry, parsed.rejected)] if parsed.rejected else []
    alerts = [identify(claim, entry.headers.get("tenant"), policy) for claim in parsed.claims]
    return Normalised(by_scope(alerts, policy, entry.partition, entry.offset), rejected, parsed.truncated)


def identify(claim: Claim, tenant: str | None, policy: Policy) -> Alert:
    """The claim as an alert, with our fingerprint and, for labels as Prometheus has them, the source's."""
    ours, prometheus = _identity(claim.name, orjson.dumps(claim.labels), policy.drop_labels)
    return Alert.trusted(
        source=claim.source,
        name=claim.name,
        labels=claim.labels,
        annotations=claim.annotations,
        severity=claim.severity,
        status=claim.status,
        at_ms=claim.at_ms,
        starts_at_ms=claim.starts_at_ms,
        ends_at_ms=claim.ends_at_ms,
        expires_at_ms=claim.expires_at_ms,
        fingerprint=ours,
        source_fingerprint=claim.source_fingerprint or prometheus,
        is_state=claim.is_state,
        url=claim.url,
        tenant=tenant,
    )


def by_scope(alerts: list[Alert], policy: Policy, raw_partition: int, raw_offset: int) -> list[Alerts]:
    """One record a scope, in order of first appearance; a very long list becomes several."""
    if len(alerts) == 1:
        scope = scope_of(alerts[0].labels, alerts[0].tenant, policy)
        return [_record(scope, (alerts[0],), (raw_partition, raw_offset, 0))]
    scopes: dict[str, list[Alert]] = {}
    for alert in alerts:
        scopes.setdefault(scope_of(alert.labels, alert.tenant, policy), []).append(alert)
    return [
        _record(
            scope, tuple(members[start : start + MOST_TOGETHER]), (raw_partition, raw_offset, start // MOST_TOGETHER)
        )
        for scope, members in scopes.items()
        for start in range(0, len(members), MOST_TOGETHER)
    ]


def _record(scope: str, alerts: tuple[Alert, ...], place: tuple[int, int, int]) -> Alerts:
    raw_partition, raw_offset, part = place
    return Alerts.trusted(
        kind="alerts", scope=scope, raw_partition=raw_partition, raw_offset=raw_offset, part=part, alerts=alerts
    )


@lru_cache(maxsize=65536)  # most events repeat an alert: 0.7 µs for a known one, 3 to 17 for a new one
def _identity(name: str, labels: bytes, dropped: tuple[str, ...]) -> tuple[str, str | None]:
    """Our fingerprint and, where the labels are as Prometheus has them, the one that Prometheus gives."""
    found: dict[str, str] = orjson.loads(labels)
    return fingerprint(name, found, dropped), prometheus_fingerprint(found) if "alertname" in found else None


def _rejected(entry: Entry, failures: list[Rejected]) -> RejectedRecord:
    first, *others = failures
    record = RejectedRecord.of(
        entry.value,
        source=entry.headers.get("source") or "unknown",
        reason=first.reason[:LONGEST_WORDS],
        where=first.where[:LONGEST_WORDS],
        at_ms=entry.timestamp_ms,
    )
    more = {"items": len(failures), "others": tuple(str(other)[:LONGEST_WORDS] for other in others[:MOST_NAMED])}
    place = {"topic": entry.topic, "partition": entry.partition, "offset": entry.offset}
    return record.model_copy(update=more | place)
