"""A record that is remembered is the one that would be decoded, and no more is remembered than there is room for."""

import json

from pipeline.codec import decode_alerts, encode
from pipeline.log import Draft, Entry
from pipeline.normalise.normaliser import Normaliser
from pipeline.stream.engine import Engine
from pipeline.stream.normalising import normalised_drafts
from pipeline.stream.remembered import Remembered
from schemas import Alerts
from schemas.topics import ALERTS, RAW
from tests.scene import POLICY, ms

ALERT = {
    "labels": {"alertname": "disk", "cluster": "eu", "ünïcode": "\u2028", "empty": "", "severity": "warning"},
    "annotations": {"summary": 'a "quoted" text', "count": 5},
    "startsAt": "2026-01-01T00:00:00.123456789+02:00",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus.example.com/graph",
    "fingerprint": "0123456789abcdef",
}
BODIES = [
    ("alertmanager", {"alerts": [{**ALERT, "status": status} for status in ("firing", "resolved", "firing")]}),
    ("alertmanager", {"alerts": [{"status": "firing", "labels": {"a": "b"}}]}),
    ("prometheus", [ALERT, {**ALERT, "endsAt": "2026-01-01T00:05:00Z"}]),
    ("canonical", {"source": "x", "name": "y", "status": "firing", "severity": "critical", "labels": {"k": "v"}}),
]


def raw(offset: int) -> Entry:
    source, body = BODIES[offset % len(BODIES)]
    headers = {"source": source, "tenant": "acme"}
    return Entry(RAW.name, 0, offset, "", json.dumps(body).encode(), headers, ms(offset))


def normalised(count: int, remembered: Remembered | None = None) -> list[Draft]:
    return normalised_drafts([raw(offset) for offset in range(count)], Normaliser(POLICY), remembered)


def entries(drafts: list[Draft]) -> list[Entry]:
    return [Entry(ALERTS.name, 0, offset, draft.key, draft.value, {}, 0) for offset, draft in enumerate(drafts)]


def test_what_normalise_wrote_is_remembered_exactly_as_it_would_be_decoded() -> None:
    remembered = Remembered()
    drafts = [draft for draft in normalised(12, remembered) if draft.topic == ALERTS.name]
    assert len(drafts) == len(remembered) >= 12
    for draft in drafts:
        record = remembered.recall(draft.value)
        assert record == decode_alerts(draft.value)
        assert repr(record) == repr(decode_alerts(draft.value)), "the same types too"
    assert not len(remembered)


def test_decisions_are_the_same_whether_records_are_remembered_or_decoded() -> None:
    remembered = Remembered()
    log = entries(normalised(12, remembered))
    warm = Engine(0, POLICY).step(log, remembered.recall)
    assert not len(remembered), "each was recalled"
    assert warm == Engine(0, POLICY).step(log)


def test_the_oldest_make_room_for_newer_ones_and_are_decoded_instead() -> None:
    records = [Alerts(scope=f"s{number}", raw_partition=0, raw_offset=number, alerts=()) for number in range(10)]
    values = [encode(record) for record in records]
    remembered = Remembered(3 * len(values[0]))
    for value, record in zip(values, records, strict=True):
        remembered.keep(value, record)
    assert len(remembered) == 3
    assert [remembered.recall(value) for value in reversed(values[-3:])] == records[:-4:-1]
    assert not len(remembered), "the newest three were there"
    assert [remembered.recall(value) for value in values] == records, "all others are decoded"
    remembered.keep(values[0], records[0])
    remembered.keep(b" " * 4 * len(values[0]), records[1])
    assert len(remembered) == 1, "what alone is too large makes nothing go"
