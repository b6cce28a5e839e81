"""An engine steps what stands in the log, whatever it is, and comes out the same however it got there."""

from pipeline.codec import decode, encode
from pipeline.core.triage import Triage
from pipeline.log import Entry
from pipeline.stream.engine import Engine
from schemas import Alerts, Decisions, Reason, Tick
from schemas import Rejected as RejectedRecord
from schemas.topics import ALERTS, DECISIONS, PAGES, REJECTED
from tests.scene import POLICY, alert, at, ms, resolved

STORY = [
    *at(0, alert("disk", cluster="eu")),
    *at(1, alert("cpu", cluster="us")),
    *at(2, resolved("disk", cluster="eu")),
    *at(90),
]


def entry(offset: int, value: bytes) -> Entry:
    return Entry(ALERTS.name, 1, offset, "", value, {}, ms(offset))


def entries(records: list[Alerts | Tick]) -> list[Entry]:
    return [entry(offset, encode(record)) for offset, record in enumerate(records)]


def test_a_record_that_cannot_be_read_is_rejected_and_the_next_is_decided() -> None:
    engine = Engine(1, POLICY)
    [rejected] = engine.step([entry(0, b"\xff poison")])
    kept = decode(RejectedRecord, rejected.value)
    assert (rejected.topic, kept.topic, kept.partition, kept.offset) == (REJECTED.name, ALERTS.name, 1, 0)
    drafts = engine.step([entry(1, encode(STORY[0]))])
    assert drafts[0].topic == DECISIONS.name
    assert engine.next_offset == 2


def test_absorbing_a_prefix_leaves_the_state_that_stepping_it_leaves() -> None:
    log = [entry(0, b"poison"), *(one._replace(offset=one.offset + 1) for one in entries(STORY))]
    for cut in range(len(log) + 1):
        stepped, rebuilt = Engine(1, POLICY), Engine(1, POLICY)
        for one in log[:cut]:
            stepped.step([one])
        rebuilt.absorb(log[:cut])
        assert rebuilt.next_offset == stepped.next_offset
        assert rebuilt.step(log[cut:]) == stepped.step(log[cut:])


def test_how_the_log_is_cut_into_batches_changes_nothing_that_is_written() -> None:
    log = [entry(0, b"poison"), *(one._replace(offset=one.offset + 1) for one in entries(STORY))]
    whole = Engine(1, POLICY).step(log)
    assert {draft.headers.get("log_offset") for draft in whole if draft.topic == DECISIONS.name} == {"1", "2", "3"}
    for cut in range(len(log) + 1):
        engine = Engine(1, POLICY)
        assert engine.step(log[:cut]) + engine.step(log[cut:]) == whole
        assert engine.next_offset == len(log)


def test_a_tick_is_due_only_where_something_may_happen() -> None:
    engine = Engine(1, POLICY)
    assert not engine.is_due(ms(10**6))
    for one in entries(STORY[:3]):
        engine.step([one])
    assert not engine.is_due(ms(61))
    assert engine.is_due(ms(62))


def test_should_triage_fail_after_all_every_alert_pages_and_nothing_is_rejected() -> None:
    triage = Triage(POLICY)
    del triage._seen  # impossible, and beyond what triage sees to
    log = [entry(0, b"poison"), *(one._replace(offset=one.offset + 1) for one in entries(STORY))]
    drafts = Engine(1, POLICY, triage).step(log)
    assert [draft.topic for draft in drafts] == [REJECTED.name, *[DECISIONS.name, PAGES.name] * 2, DECISIONS.name]
    decisions = [decode(Decisions, draft.value).decisions for draft in drafts if draft.topic == DECISIONS.name]
    assert [one.reason for several in decisions for one in several] == [Reason.FAULT] * 3
    assert [draft.headers["log_offset"] for draft in drafts if draft.topic == PAGES.name] == ["1", "2"]
