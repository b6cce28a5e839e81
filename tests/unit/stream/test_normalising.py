"""Nothing that stands on `alerts.raw` vanishes or takes along what stands beside it, not even by a fault of ours."""

import json

from pipeline.codec import decode, decode_alerts, encode
from pipeline.core.policy import Policy
from pipeline.log import Entry
from pipeline.normalise.normaliser import Normaliser
from pipeline.stream.normalising import normalised_drafts
from schemas import Alerts
from schemas import Rejected as RejectedRecord
from schemas.topics import ALERTS, RAW, REJECTED
from tests.scene import ms

ALERT = {"status": "firing", "labels": {"alertname": "disk"}, "startsAt": "2026-01-01T00:00:00Z"}
HALF = "\ud800"  # no log hands on half a character; here it stands for a fault, since nothing can write it


def raw(offset: int, tenant: str = "acme") -> Entry:
    body = json.dumps({"alerts": [ALERT]}).encode()
    return Entry(RAW.name, 0, offset, "", body, {"source": "alertmanager", "tenant": tenant}, ms(offset))


def test_a_fault_with_one_record_is_kept_and_the_others_become_alerts() -> None:
    entries = [raw(0), raw(1, HALF), raw(2)]
    drafts = normalised_drafts(entries, Normaliser(Policy()))
    assert [draft.topic for draft in drafts] == [ALERTS.name, REJECTED.name, ALERTS.name]
    kept = decode(RejectedRecord, drafts[1].value)
    assert (kept.offset, kept.body) == (1, entries[1].value.decode())
    assert kept.reason.startswith("a fault of pagesieve")


def test_records_that_are_written_from_parts_are_those_that_would_be_encoded() -> None:
    drafts = normalised_drafts([raw(0), raw(1), raw(2, 'um"br%d\\ella')], Normaliser(Policy(scope=("tenant",))))
    for draft in drafts:
        record = decode_alerts(draft.value)
        assert isinstance(record, Alerts)
        assert draft.key == record.scope
        assert encode(record) == draft.value
