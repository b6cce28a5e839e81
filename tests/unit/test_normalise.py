"""How a raw record becomes alerts: identity, scope, and rejection with the place where it stood."""

import gc

import pytest

from pipeline.codec import encode
from pipeline.core.policy import Policy
from pipeline.log import Entry
from pipeline.normalise import Normalised
from pipeline.normalise.normaliser import Normaliser
from schemas import Alert
from schemas.topics import MAX_RECORD_BYTES

POLICY = Policy(scope=("tenant", "env"))


def raw(value: bytes, **headers: str) -> Entry:
    return Entry("alerts.raw", 2, 17, "", value, headers, 1_700_000_000_000)


def normalised(entry: Entry) -> Normalised:
    return Normaliser(POLICY).normalise(entry)


def alerts(entry: Entry) -> list[Alert]:
    return [alert for record in normalised(entry).records for alert in record.alerts]


def test_the_header_says_when_it_was_received() -> None:
    (alert,) = alerts(raw(b'{"name":"a"}', source="canonical", received_at="2023-11-14T22:13:19.500Z"))
    assert alert.at_ms == 1_699_999_999_500


def test_a_header_far_ahead_of_the_logs_own_time_cannot_carry_time_away() -> None:
    (alert,) = alerts(raw(b'{"name":"a"}', source="canonical", received_at="3000-01-01T00:00:00Z"))
    assert alert.at_ms == 1_700_000_000_000 + 300_000


def test_without_headers_the_source_is_guessed_and_the_entry_has_the_time() -> None:
    (alert,) = alerts(raw(b'{"alerts":[{"status":"firing","labels":{"alertname":"a"}}]}'))
    assert (alert.source, alert.at_ms) == ("alertmanager", 1_700_000_000_000)


def test_alerts_of_two_scopes_become_two_records_that_name_their_place() -> None:
    event = '{"name":"%s","labels":{"env":"%s"}}'
    body = f"[{event % ('a', 'prod')},{event % ('b', 'dev')},{event % ('c', 'prod')}]".encode()
    records = normalised(raw(body, source="canonical", tenant="acme")).records
    assert [(r.scope, [a.name for a in r.alerts]) for r in records] == [
        ("tenant=acme,env=prod", ["a", "c"]),
        ("tenant=acme,env=dev", ["b"]),
    ]
    assert {(r.raw_partition, r.raw_offset) for r in records} == {(2, 17)}


def test_the_gateways_tenant_beats_a_labels_claim() -> None:
    body = b'{"name":"a","labels":{"tenant":"evil","env":"prod"}}'
    assert normalised(raw(body, tenant="acme")).records[0].scope == "tenant=acme,env=prod"
    assert normalised(raw(body)).records[0].scope == "tenant=evil,env=prod"


def test_what_is_no_alert_is_rejected_whole_with_reason_and_place() -> None:
    result = normalised(raw(b"\x00\xff poison", source="canonical"))
    assert not result.records
    (rejected,) = result.rejected
    assert (rejected.topic, rejected.partition, rejected.offset) == ("alerts.raw", 2, 17)
    assert (rejected.body_encoding, rejected.source) == ("base64", "canonical")
    assert "not JSON" in rejected.reason


def test_bad_headers_are_rejected_not_guessed_over() -> None:
    for headers, where in (({"source": "nagios"}, "header source"), ({"received_at": "noon"}, "header.received_at")):
        (rejected,) = normalised(raw(b'{"name":"a"}', **headers)).rejected
        assert rejected.where == where
        assert rejected.body == '{"name":"a"}'


def test_the_fingerprint_is_of_name_and_stable_labels_alone() -> None:
    one, two, other = (
        alerts(raw(body))[0].fingerprint
        for body in (
            b'{"name":"a","source":"x","labels":{"b":"1","c":"2","replica":"r1"},"severity":"info"}',
            b'{"name":"a","source":"y","labels":{"c":"2","b":"1","replica":"r2"},"severity":"error"}',
            b'{"name":"a","labels":{"b":"1","c":"3"}}',
        )
    )
    assert one == two != other
    # Pinned: a change of the algorithm is a new version, `fp2:`.
    assert alerts(raw(b'{"name":"disk","labels":{"host":"a"}}'))[0].fingerprint == "fp1:b48f8f400d351b2c"


def test_labels_as_prometheus_has_them_carry_its_fingerprint() -> None:
    assert alerts(raw(b'{"name":"a","labels":{"alertname":"a"}}'))[0].source_fingerprint == "d258efc389808447"
    assert alerts(raw(b'{"name":"a","labels":{"host":"a"}}'))[0].source_fingerprint is None


def test_all_bad_items_of_a_body_are_one_record_with_the_body_once() -> None:
    body = b'[{"name":"a"},' + b",".join([b"3"] * 500) + b"]"
    result = normalised(raw(body, source="canonical"))
    (rejected,) = result.rejected
    assert (rejected.items, rejected.where, len(rejected.others)) == (500, "[1]", 100)
    assert rejected.others[0].startswith("[2]: ")
    assert rejected.body == body.decode()
    assert len(result.records) == 1


def test_a_very_long_list_becomes_several_records_that_the_log_takes() -> None:
    event = b'{"name":"a","labels":{"l":"%s"}}' % (b"x" * 1000)
    body = b"[" + b",".join([event] * 4000) + b"]"  # as much as the gateway takes
    records = normalised(raw(body, source="canonical")).records
    assert [len(record.alerts) for record in records] == [1000] * 4
    assert max(len(encode(record)) for record in records) < MAX_RECORD_BYTES // 8


def test_a_scope_is_a_short_key_whatever_the_label_holds() -> None:
    one, two = (normalised(raw(f'{{"name":"a","labels":{{"env":"{"x" * 5000}{n}"}}}}'.encode())) for n in "12")
    assert one.records[0].scope != two.records[0].scope
    assert len(one.records[0].scope) < 300


@pytest.mark.parametrize(
    ("body", "source"),
    [
        (b"no JSON", "alertmanager"),
        (b'"no UTF-8 \xff', "alertmanager"),
        (b'{"alerts": [{"status": "firing"}]}', "alertmanager"),
        (b'{"name": "a"}\nno JSON', "canonical"),
        (b'{"name": 7}', "canonical"),
        (b"{}", "nobody"),
    ],
)
def test_what_is_rejected_leaves_no_cycle_that_keeps_its_body(body: bytes, source: str) -> None:
    """Python looks for cycles only after thousands of objects: enough large bodies would fill the memory before."""
    normaliser = Normaliser(POLICY)
    assert normaliser.normalise(raw(body, source=source)).rejected
    gc.collect()
    gc.disable()
    try:
        normaliser.normalise(raw(body, source=source))
        assert gc.collect() == 0
    finally:
        gc.enable()
