"""What was decided upon stands in the archive as it stood in the log: alerts, controls, and which policy decided."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from pipeline.report.facts import Period
from pipeline.report.query import Archive
from schemas import Alert, Alerts, Control, Severity, Status

Place = tuple[int, ...]  # when, and where in the log
_PARTS = ("silence", "outcome", "change")  # of a control, each as JSON in a column


class AskedQuiet(NamedTuple):
    """A silence that people set, as it stood last."""

    id: str
    matchers: tuple[str, ...]
    from_ms: int
    until_ms: int
    by: str
    comment: str


class Replaced(NamedTuple):
    """From here on another policy decided; what each says, where the archive knows it."""

    at_ms: int
    before: str
    after: str


def asked_quiet(archive: Archive) -> list[AskedQuiet]:
    """The silences that people set, each as it stood last, the oldest first."""
    if not archive.has("controls"):
        return []
    rows = archive.rows(
        'SELECT silence FROM controls WHERE silence IS NOT NULL AND "at" < to_timestamp(?)'
        " QUALIFY row_number() OVER (PARTITION BY silence ->> '$.id' ORDER BY"
        " CAST(silence ->> '$.updated_at_ms' AS BIGINT) DESC, \"offset\" DESC) = 1",
        [archive.period.until_ms / 1000],
    )
    read = [orjson.loads(row[0]) for row in rows]
    found = [
        AskedQuiet(
            one["id"], tuple(one["matchers"]), one["starts_at_ms"], one["ends_at_ms"], one["created_by"],
            one["comment"],
        )
        for one in read
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one.from_ms, one.id))


def replaced_in(archive: Archive, period: Period) -> list[Replaced]:
    """When another policy began to decide; several partitions that follow each other are one change."""
    rows = archive.rows(
        'SELECT epoch_ms("at"), before, after FROM (SELECT "at", policy_version AS after, lag(policy_version)'
        ' OVER (PARTITION BY "partition" ORDER BY "offset", seq) AS before FROM decisions'
        ' WHERE "at" >= to_timestamp(?) AND "at" < to_timestamp(?))'
        ' WHERE before <> after AND "at" >= to_timestamp(?) ORDER BY 1',
        [period.earlier(1).from_ms / 1000, period.until_ms / 1000, period.from_ms / 1000],
    )
    found: list[Replaced] = []
    for row in rows:
        if not found or found[-1][1:] != tuple(row[1:]):
            found.append(Replaced(*row))
    return found


def policies(archive: Archive) -> dict[str, str]:
    """What the policies say that ever took over from another, by name."""
    if not archive.has("controls"):
        return {}
    return dict(archive.rows("SELECT DISTINCT policy, rules FROM controls WHERE policy IS NOT NULL AND rules <> ''"))


def past(archive: Archive, period: Period) -> list[Alerts | Control]:
    """What was decided upon in a period, in its order: alerts, silences, outcomes and changes.

    Silences that were set before come first: they may still hold.
    """
    placed: list[tuple[Place, Alerts | Control]] = [*_alerts(archive, "true", period), *_controls(archive, period)]
    placed.sort(key=lambda one: one[0])
    return [record for _, record in placed]


def turns(archive: Archive, period: Period, most: int) -> list[Alerts]:
    """The last `most` events of a period that told anything new: mere repeats are left out."""
    within = [period.from_ms / 1000, period.until_ms / 1000]
    new = (
        '("partition", "offset", seq) IN (SELECT ("partition", "offset", seq) FROM (SELECT "partition", "offset",'
        ' seq, "at", status, lag(status) OVER before AS was, lag(expires_at) OVER before AS due FROM alerts'
        ' WHERE "at" >= to_timestamp(?) AND "at" < to_timestamp(?)'
        ' WINDOW before AS (PARTITION BY scope, fingerprint ORDER BY "at", "partition", "offset", seq))'
        ' WHERE was IS NULL OR status <> was OR due < "at" ORDER BY "at" DESC LIMIT ?)'
    )
    return [record for _, record in _alerts(archive, new, period, [*within, most])]


def _alerts(archive: Archive, which: str, period: Period, more: Sequence[object] = ()) -> list[tuple[Place, Alerts]]:
    if not archive.has("alerts"):
        return []
    rows = archive.rows(
        'SELECT epoch_ms("at"), "partition", "offset", seq, scope, source, name, labels, annotations,'  # noqa: S608 - our own words
        " severity, status, epoch_ms(starts_at), epoch_ms(ends_at), epoch_ms(expires_at), fingerprint,"
        " source_fingerprint, is_state, url, tenant FROM alerts"
        f' WHERE "at" >= to_timestamp(?) AND "at" < to_timestamp(?) AND {which} ORDER BY 1, 2, 3, 4',
        [period.from_ms / 1000, period.until_ms / 1000, *more],
    )
    return [(tuple(row[:4]), _record(number, row[0], row[4:])) for number, row in enumerate(rows)]


def _controls(archive: Archive, period: Period) -> list[tuple[Place, Control]]:
    """Each once: they stand in every partition. What says that another policy or model decides is left out."""
    if not archive.has("controls"):
        return []
    rows = archive.rows(
        'SELECT epoch_ms("at"), min("partition"), min("offset"), 0, silence, outcome, change FROM controls'
        ' WHERE "at" < to_timestamp(?) AND (silence IS NOT NULL OR "at" >= to_timestamp(?))'
        " AND coalesce(silence, outcome, change) IS NOT NULL"
        " GROUP BY ALL ORDER BY 1, 2, 3",
        [period.until_ms / 1000, period.from_ms / 1000],
    )
    found: list[tuple[Place, Control]] = []
    for at_ms, partition, offset, seq, *said in rows:
        parts = {name: orjson.loads(one) for name, one in zip(_PARTS, said, strict=True) if one}
        found.append(((at_ms, partition, offset, seq), Control.model_validate({"at_ms": at_ms, **parts})))
    return found


def _record(number: int, at_ms: int, row: Sequence[Any]) -> Alerts:
    (scope, source, name, labels, annotations, severity, status, *rest) = row
    starts_at_ms, ends_at_ms, expires_at_ms, fingerprint, source_fingerprint, is_state, url, tenant = rest
    alert = Alert(
        source=source, name=name, labels=labels, annotations=annotations, severity=Severity(severity),
        status=Status(status), at_ms=at_ms, starts_at_ms=starts_at_ms, ends_at_ms=ends_at_ms,
        expires_at_ms=expires_at_ms, fingerprint=fingerprint, source_fingerprint=source_fingerprint,
        is_state=is_state, url=url, tenant=tenant,
    )  # fmt: skip
    # Counted anew: an event alone is a record here, and a raw offset that comes again is taken for a repeat.
    return Alerts(scope=scope, raw_partition=0, raw_offset=number, part=0, alerts=(alert,))
