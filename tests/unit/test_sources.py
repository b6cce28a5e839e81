"""What each source's body says, and what is rejected by which name."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from pipeline.core.fingerprint import prometheus_fingerprint
from pipeline.errors import Misuse, Rejected
from pipeline.sources import SOURCES, guess, parse
from schemas import Severity, Status

SHARED = Path(__file__).parents[3] / "shared"
PAYLOADS = SHARED / "data" / "payloads"
needs_shared = pytest.mark.skipif(not PAYLOADS.exists(), reason=f"no captured payloads: {PAYLOADS} is missing")
NOW_MS = 1_795_000_000_000


def webhook(*alerts: object, **top: object) -> bytes:
    return json.dumps({"version": "4", "status": "firing", "alerts": alerts, **top}).encode()


def item(**changes: object) -> dict[str, object]:
    return {
        "status": "firing",
        "labels": {"alertname": "Disk", "severity": "page"},
        "annotations": {"summary": "full"},
        "startsAt": "2026-11-23T07:06:05.333471123Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prom/graph",
        "fingerprint": "0123456789abcdef",
    } | changes


def test_a_firing_alert_is_read_whole() -> None:
    (claim,) = parse("alertmanager", webhook(item()), NOW_MS).claims
    assert (claim.name, claim.severity, claim.status) == ("Disk", Severity.CRITICAL, Status.FIRING)
    assert claim.starts_at_ms == 1_795_417_565_333
    assert (claim.at_ms, claim.ends_at_ms, claim.expires_at_ms) == (NOW_MS, None, None)
    assert claim.source_fingerprint == "0123456789abcdef"


def test_the_top_level_status_is_never_used() -> None:
    body = webhook(item(status="resolved", endsAt="2026-11-23T07:07:05Z"), item(), status="resolved", truncatedAlerts=4)
    parsed = parse("alertmanager", body, NOW_MS)
    assert [claim.status for claim in parsed.claims] == [Status.RESOLVED, Status.FIRING]
    assert parsed.truncated == 4


def test_empty_label_values_do_not_exist_and_unknown_keys_are_fine() -> None:
    body = webhook(item(labels={"alertname": "Disk", "pod": ""}, new="x"), routeLabels={}, notification_reason="x")
    (claim,) = parse("alertmanager", body, NOW_MS).claims
    assert claim.labels == {"alertname": "Disk"}


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"status": "on fire"}, "alerts[1].status"),
        ({"labels": {}}, "alerts[1].labels"),
        ({"labels": {"a": ""}}, "alerts[1].labels"),
        ({"labels": {"a": 1}}, "alerts[1].labels.a"),
        ({"labels": ["a"]}, "alerts[1].labels"),
        ({"startsAt": "yesterday"}, "alerts[1].startsAt"),
        ({"startsAt": "2026-11-23T07:06:05"}, "alerts[1].startsAt"),
        ({"startsAt": 5}, "alerts[1].startsAt"),
    ],
)
def test_a_bad_alert_is_rejected_by_name_and_its_neighbours_are_kept(changes: dict[str, object], where: str) -> None:
    parsed = parse("alertmanager", webhook(item(), item(**changes), item()), NOW_MS)
    assert len(parsed.claims) == 2
    assert [failure.where for failure in parsed.rejected] == [where]


def test_a_mistake_beside_the_alert_does_not_cost_the_alert() -> None:
    body = webhook(item(annotations={"a": None, "b": 1}, generatorURL={}, fingerprint=3), item(annotations="x"))
    one, two = parse("alertmanager", body, NOW_MS).claims
    assert (one.annotations, one.url, one.source_fingerprint) == ({"a": "null", "b": "1"}, None, None)
    assert two.annotations == {}


def test_an_error_tells_the_shape_of_a_value_and_not_the_value() -> None:
    parsed = parse("alertmanager", webhook(item(startsAt="hunter2")), NOW_MS)
    assert "a string of 7 characters" in parsed.rejected[0].reason
    assert "hunter2" not in str(parsed.rejected[0])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"3", b'{"alerts":{}}', b"\x00\xff\xfe"])
def test_a_body_that_is_no_webhook_is_rejected(body: bytes) -> None:
    with pytest.raises(Rejected):
        parse("alertmanager", body, NOW_MS)


def test_bytes_that_are_no_utf8_are_replaced_as_go_does() -> None:
    (claim,) = parse("canonical", b'{"name":"caf\xe9"}', NOW_MS).claims
    assert claim.name == "caf\N{REPLACEMENT CHARACTER}"


def test_in_history_a_webhook_has_the_time_of_its_newest_change() -> None:
    body = webhook(item(), item(status="resolved", endsAt="2026-11-23T08:00:00Z"))
    assert {claim.at_ms for claim in parse("alertmanager", body, None).claims} == {1_795_420_800_000}


def test_a_prometheus_end_in_the_future_is_a_lease_and_one_in_the_past_is_an_end() -> None:
    ahead, past = "2026-11-23T08:00:00Z", "2026-11-18T11:06:39Z"
    body = json.dumps([{"labels": {"alertname": "Up"}, "endsAt": end} for end in (ahead, past, None)]).encode()
    firing, over, open_end = parse("prometheus", body, NOW_MS).claims
    assert (firing.status, firing.expires_at_ms, firing.ends_at_ms) == (Status.FIRING, 1_795_420_800_000, None)
    assert (over.status, over.ends_at_ms) == (Status.RESOLVED, 1_794_999_999_000)
    assert over.expires_at_ms == over.ends_at_ms, "or a lease, by a clock behind ours"
    assert open_end.expires_at_ms == NOW_MS + 300_000


def test_prometheus_alerts_that_end_before_they_start_are_rejected() -> None:
    body = b'[{"labels":{"a":"b"},"startsAt":"2026-01-02T00:00:00Z","endsAt":"2026-01-01T00:00:00Z"}]'
    assert [failure.where for failure in parse("prometheus", body, NOW_MS).rejected] == ["[0].endsAt"]


def test_label_names_of_prometheus_3_are_taken() -> None:
    (claim,) = parse("prometheus", b'[{"labels":{"service.name":"shop"}}]', NOW_MS).claims
    assert claim.labels == {"service.name": "shop"}


def test_canonical_events_come_alone_in_an_array_or_one_a_line() -> None:
    assert [c.name for c in parse("canonical", b'{"name":"a"}', NOW_MS).claims] == ["a"]
    assert [c.name for c in parse("canonical", b'[{"name":"a"},{"name":"b"}]', NOW_MS).claims] == ["a", "b"]
    lines = parse("canonical", b'{"name":"a"}\n\n{"name":1}\nnope\n{"name":"b"}\n', NOW_MS)
    assert [c.name for c in lines.claims] == ["a", "b"]
    assert [failure.where for failure in lines.rejected] == ["line 3: name", "line 4"]


def test_received_at_counts_in_history_only() -> None:
    body = b'{"name":"a","starts_at":"2026-01-01T00:00:00Z","received_at":"2026-01-01T00:01:00Z"}'
    assert (
        parse("canonical", body, None).claims[0].at_ms
        == parse("canonical", body, NOW_MS).claims[0].starts_at_ms + 60_000
    )
    assert parse("canonical", body, NOW_MS).claims[0].at_ms == NOW_MS


def test_history_without_any_time_is_rejected() -> None:
    with pytest.raises(Rejected, match="no event time"):
        parse("canonical", b'{"name":"a"}', None)


def test_a_source_that_is_not_there_is_misuse() -> None:
    with pytest.raises(Misuse, match="there are: alertmanager, prometheus, canonical"):
        parse("nagios", b"{}", NOW_MS)


def test_the_source_is_guessed_from_the_shape() -> None:
    assert guess(webhook(item())) == "alertmanager"
    assert guess(b'[{"labels":{"a":"b"}}]') == "prometheus"
    assert (
        guess(b'{"name":"a"}')
        == guess(b'[{"name":"a","labels":{}}]')
        == guess(b'{"name":"a"}\n{"name":"b"}')
        == "canonical"
    )
    with pytest.raises(Rejected):
        guess(b"\x00")


@needs_shared
def test_every_captured_payload_is_read_whole() -> None:
    counts: Counter[str] = Counter()
    for file in sorted((PAYLOADS / "alertmanager-0.25").glob("*_f*_r*.json")):
        body = file.read_bytes()
        assert guess(body) == "alertmanager"
        parsed = parse("alertmanager", body, NOW_MS)
        assert not parsed.rejected, file.name
        assert all(prometheus_fingerprint(claim.labels) == claim.source_fingerprint for claim in parsed.claims)
        counts.update(status=len(json.loads(body)["alerts"]), read=len(parsed.claims), truncated=parsed.truncated)
    assert counts["read"] == counts["status"] == 2258
    assert counts["truncated"] == 1296


@needs_shared
def test_prometheus_fingerprints_equal_alertmanagers() -> None:
    vectors = json.loads((PAYLOADS / "fingerprint_vectors.json").read_bytes())["vectors"]
    assert len(vectors) == 300
    assert [prometheus_fingerprint(v["labels"]) for v in vectors] == [v["fingerprint"] for v in vectors]


def test_every_source_survives_any_json() -> None:
    shapes: list[object] = [
        None,
        True,
        1,
        1.5,
        "x",
        [],
        {},
        [1],
        {"alerts": [1, None, {"labels": 3}]},
        {"name": {}},
        [{"labels": []}],
    ]
    for source in SOURCES:
        for shape in shapes:
            try:
                parsed = parse(source, json.dumps(shape).encode(), NOW_MS)
            except Rejected:
                continue
            assert not parsed.claims


def test_a_gzipped_body_is_rejected_not_misread() -> None:
    with pytest.raises(Rejected, match="not JSON"):
        parse("canonical", gzip.compress(b'{"name":"a"}'), NOW_MS)
