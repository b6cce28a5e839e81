"""A webhook that is known becomes records, and their bytes, of parts that were made when it was first heard.

To make and to write the records of an alert takes 4 µs of Python; of such parts, and for many at once, a quarter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import orjson

from pipeline.codec import around, encode, tight
from pipeline.normalise import Normalised, grouped
from schemas import Alert, Alerts

_RECORD = b'{"kind":"alerts","scope":%b,"raw_partition":%d,"raw_offset":%d,"part":%d,"alerts":[%b]}'


@dataclass(slots=True)
class Known:
    """An alert of a webhook as a tenant's, at the time of its own change."""

    tenant: str | None
    scope: str
    alert: Alert
    json: tuple[bytes, bytes] | None = None  # before and behind its time


class Part(NamedTuple):
    """The alerts of a body that go into one record, and their JSON but for their time."""

    scope: str
    number: int
    fields: list[dict[str, Any]]  # of the alerts, at the time of their own change
    scope_json: bytes
    json: list[bytes] | None  # what stands before, between and behind the times; None where only `encode` knows


@dataclass(slots=True)
class Body:
    """A webhook's alerts, how many its source left out, and the records that it becomes as a tenant's."""

    known: list[Known]
    truncated: int
    tenant: str | None = None
    parts: list[Part] | None = None


class Told(NamedTuple):
    """A body that has come: from where, and when."""

    partition: int
    offset: int
    at_ms: int
    parts: list[Part]
    truncated: int


def parts_of(known: Sequence[Known]) -> list[Part]:
    """The records that a body of these alerts, all of one tenant, becomes."""
    return [_part(scope, number, several) for scope, number, several in grouped([(one.scope, one) for one in known])]


def normalised(told: Sequence[Told]) -> list[Normalised]:
    """What each of `told` holds."""
    every = [(one, part) for one in told for part in one.parts]
    times = [{"at_ms": one.at_ms} for one, _ in every]
    alerts = iter(
        Alert.owning_each(
            [fields | time for (_, part), time in zip(every, times, strict=True) for fields in part.fields]
        )
    )
    records = Alerts.owning_each(
        [
            {
                "kind": "alerts",
                "scope": part.scope,
                "raw_partition": one.partition,
                "raw_offset": one.offset,
                "part": part.number,
                "alerts": tuple(islice(alerts, len(part.fields))),
            }
            for one, part in every
        ]
    )
    values = [_written(one, part, record) for (one, part), record in zip(every, records, strict=True)]
    found, start = [], 0
    for one in told:
        end = start + len(one.parts)
        found.append(Normalised(records[start:end], [], one.truncated, values[start:end]))
        start = end
    return found


def _part(scope: str, number: int, known: Sequence[Known]) -> Part:
    return Part(scope, number, [one.alert.__dict__ for one in known], tight(orjson.dumps(scope)), _json(known))


def _json(known: Sequence[Known]) -> list[bytes] | None:
    pieces: list[bytes] = []
    for one in known:
        one.json = one.json or around(one.alert, "at_ms")
        if one.json is None:
            return None
        before, behind = one.json
        if pieces:
            before = pieces.pop() + b"," + before
        pieces += [before, behind]
    return pieces


def _written(one: Told, part: Part, record: Alerts) -> bytes:
    """As `encode(record)`."""
    if part.json is None:
        return encode(record)
    alerts = (b"%d" % one.at_ms).join(part.json)
    return _RECORD % (part.scope_json, one.partition, one.offset, part.number, alerts)
