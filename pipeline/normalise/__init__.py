"""A raw record becomes alerts with an identity, one record a scope; what is no alert is rejected, never raised."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

import orjson

from pipeline.codec import tight
from pipeline.core.fingerprint import fingerprint, prometheus_fingerprint
from pipeline.core.policy import Policy
from pipeline.core.scope import scope_of
from pipeline.errors import Misuse, Rejected
from pipeline.log.entry import Entry
from pipeline.sources import Claim, guess, parse
from pipeline.sources.claim import time_ms
from schemas import Alert, Alerts
from schemas import Rejected as RejectedRecord

MOST_TOGETHER = 1000  # alerts in a record, so that it stays far below MAX_RECORD_BYTES whatever the gateway takes
AHEAD_MS = 300_000  # how far a gateway's clock may be ahead of the log's
LONGEST_WORDS = 1000  # characters of a reason or a path, which holds the body's own keys
MOST_NAMED = 100  # bad items that a rejected record names

Of = TypeVar("Of")
Scoped = tuple[str, Alert]  # an alert, and the name of its scope


class Normalised(NamedTuple):
    """What one raw record holds; `truncated` is how many alerts its source says it left out.

    `rejected` is empty or one record for all that is bad, so that the body is kept once. `values` are the records as
    they are written, where they were made together with them.
    """

    records: list[Alerts]
    rejected: list[RejectedRecord]
    truncated: int
    values: Sequence[bytes] = ()


class Raw(NamedTuple):
    """A body and what is known of it. No `source`: guess it. No `received_at_ms`: history, whose times it says."""

    body: bytes
    source: str | None
    received_at_ms: int | None
    tenant: str | None = None


class Read(NamedTuple):
    """A body's alerts, what in it is no alert, and how many alerts its source says it left out."""

    alerts: list[Scoped]
    rejected: list[Rejected]
    truncated: int


def normalise(entry: Entry, policy: Policy) -> Normalised:
    """One entry of `alerts.raw`. Its headers `source`, `received_at` (RFC 3339) and `tenant` may all be missing.

    Then the source is guessed from the body's shape, and the entry's own timestamp is the event time: any producer can
    write a webhook body straight to the topic.
    """
    return normalise_by(lambda raw: read(raw, policy), entry)


def normalise_by(reading: Callable[[Raw], Read], entry: Entry) -> Normalised:
    """The same by another way of reading, which finds what `read` finds."""
    try:
        found = reading(Raw(entry.value, entry.headers.get("source"), time_of(entry), entry.headers.get("tenant")))
    except (Rejected, Misuse) as exc:
        failure = exc.bare() if isinstance(exc, Rejected) else Rejected(str(exc), "header source")
        found = Read([], [failure], 0)
    rejected = [_rejected(entry, found.rejected)] if found.rejected else []
    return Normalised(by_scope(found.alerts, entry.partition, entry.offset), rejected, found.truncated)


def time_of(entry: Entry) -> int:
    """When it reached us. Raises Rejected."""
    received_at_ms = _received_ms(entry.headers.get("received_at")) or entry.timestamp_ms
    # Time moves by this and never goes back: one header of the year 3000 would end all that is open, and stop time.
    return min(received_at_ms, entry.timestamp_ms + AHEAD_MS)


def read(raw: Raw, policy: Policy) -> Read:
    """What a body holds. Raises Rejected if nothing of it is usable, and Misuse if there is no such source."""
    parsed = parse(raw.source or guess(raw.body), raw.body, raw.received_at_ms)
    return Read([scoped(claim, raw.tenant, policy) for claim in parsed.claims], parsed.rejected, parsed.truncated)


def scoped(claim: Claim, tenant: str | None, policy: Policy) -> Scoped:
    """The claim as an alert, with its scope."""
    alert = identify(claim, tenant, policy)
    return scope_of(alert.labels, tenant, policy), alert


def identify(claim: Claim, tenant: str | None, policy: Policy) -> Alert:
    """The claim as an alert, with our fingerprint and, for labels as Prometheus has them, the source's."""
    labels = tight(orjson.dumps(claim.labels))
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
        fingerprint=_ours(claim.name, labels, policy.drop_labels),
        source_fingerprint=claim.source_fingerprint or (_prometheus(labels) if "alertname" in claim.labels else None),
        is_state=claim.is_state,
        url=claim.url,
        tenant=tenant,
    )


def by_scope(alerts: list[Scoped], raw_partition: int, raw_offset: int) -> list[Alerts]:
    """One record a scope, in order of first appearance; a very long list becomes several."""
    return [
        Alerts.owning(
            {
                "kind": "alerts",
                "scope": scope,
                "raw_partition": raw_partition,
                "raw_offset": raw_offset,
                "part": part,
                "alerts": tuple(members),
            }
        )
        for scope, part, members in grouped(alerts)
    ]


def grouped(scoped: Sequence[tuple[str, Of]]) -> list[tuple[str, int, list[Of]]]:
    """(Scope, part, what goes into the record of these) of things with their scopes, as `by_scope` has it."""
    scopes: dict[str, list[Of]] = {}
    for scope, one in scoped:
        if scope in scopes:
            scopes[scope].append(one)
        else:
            scopes[scope] = [one]
    return [
        (scope, start // MOST_TOGETHER, members[start : start + MOST_TOGETHER])
        for scope, members in scopes.items()
        for start in range(0, len(members), MOST_TOGETHER)
    ]


@lru_cache(maxsize=1024)  # many come in the same millisecond
def _received_ms(text: str | None) -> int | None:
    return time_ms({"received_at": text}, "received_at", "header")


# Most events repeat an alert: with both, 0.7 µs for a known one, 3 to 17 for a new one.
@lru_cache(maxsize=65536)
def _ours(name: str, labels: bytes, dropped: tuple[str, ...]) -> str:
    return fingerprint(name, orjson.loads(labels), dropped)


@lru_cache(maxsize=65536)  # 0.15 µs a byte, and only for what comes without
def _prometheus(labels: bytes) -> str:
    return prometheus_fingerprint(orjson.loads(labels))


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
