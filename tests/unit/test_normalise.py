"""How a raw record becomes alerts: identity, scope, and rejection with the place where it stood."""

from pipeline.core.policy import Policy
from pipeline.log import Entry
from pipeline.normalise import normalise
from schemas import Alert

POLICY = Policy(scope=("tenant", "env"))


def raw(value: bytes, **headers: str) -> Entry:
    return Entry("alerts.raw", 2, 17, "", value, headers, 1_700_000_000_000)


def alerts(entry: Entry, policy: Policy = POLICY) -> list[Alert]:
    return [alert for record in normalise(entry, policy).records for alert in record.alerts]


def test_the_header_says_when_it_was_received() -> None:
    (alert,) = alerts(raw(b'{"name":"a"}', source="canonical", received_at="2026-11-23T07:06:05.333Z"))
    assert alert.at_ms == 1_795_417_565_333


def test_without_headers_the_source_is_guessed_and_the_entry_has_the_time() -> None:
    (alert,) = alerts(raw(b'{"alerts":[{"status":"firing","labels":{"alertname":"a"}}]}'))
    assert (alert.source, alert.at_ms) == ("alertmanager", 1_700_000_000_000)


def test_alerts_of_two_scopes_become_two_records_that_name_their_place() -> None:
    event = '{"name":"%s","labels":{"env":"%s"}}'
    body = f"[{event % ('a', 'prod')},{event % ('b', 'dev')},{event % ('c', 'prod')}]".encode()
    records = normalise(raw(body, source="canonical", tenant="acme"), POLICY).records
    assert [(r.scope, [a.name for a in r.alerts]) for r in records] == [
        ("tenant=acme,env=prod", ["a", "c"]),
        ("tenant=acme,env=dev", ["b"]),
    ]
    assert {(r.raw_partition, r.raw_offset) for r in records} == {(2, 17)}


def test_the_gateways_tenant_beats_a_labels_claim() -> None:
    body = b'{"name":"a","labels":{"tenant":"evil","env":"prod"}}'
    assert normalise(raw(body, tenant="acme"), POLICY).records[0].scope == "tenant=acme,env=prod"
    assert normalise(raw(body), POLICY).records[0].scope == "tenant=evil,env=prod"


def test_what_is_no_alert_is_rejected_whole_with_reason_and_place() -> None:
    result = normalise(raw(b"\x00\xff poison", source="canonical"), POLICY)
    assert not result.records
    (rejected,) = result.rejected
    assert (rejected.topic, rejected.partition, rejected.offset) == ("alerts.raw", 2, 17)
    assert (rejected.body_encoding, rejected.source) == ("base64", "canonical")
    assert "not JSON" in rejected.reason


def test_bad_headers_are_rejected_not_guessed_over() -> None:
    for headers, where in (({"source": "nagios"}, "header source"), ({"received_at": "noon"}, "header.received_at")):
        (rejected,) = normalise(raw(b'{"name":"a"}', **headers), POLICY).rejected
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
