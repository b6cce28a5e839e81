"""What is written for what was concluded is decided in this file, for Kafka and the embedded log alike."""

from collections.abc import Mapping

from pipeline.codec import encode
from pipeline.core.triage import Facts
from pipeline.errors import Rejected
from pipeline.log import Draft, Entry
from pipeline.log.backlog import size_of
from schemas import Alerts, Control, Incident, Page, Tick
from schemas import Rejected as RejectedRecord
from schemas.record import Record
from schemas.topics import ALERTS, DECISIONS, INCIDENTS, MAX_RECORD_BYTES, PAGES, REJECTED

BATCH_HEADER_BYTES = 1024  # what Kafka adds around a record; 61 bytes and a few for each header
# A text body grows when it is written as JSON: sixfold at worst (a control character becomes six).
KEPT_CHARACTERS = (MAX_RECORD_BYTES - 64 * 1024) // 6
UNKNOWN_SOURCE = "unknown"


def alerts_draft(record: Alerts, value: bytes | None = None) -> Draft:
    """The draft of one record of `alerts`; `value` is its bytes. Raises Rejected if it is too large for the log."""
    return _draft(ALERTS.name, record.scope, record, {}, value)


def tick_draft(at_ms: int, partition: int) -> Draft:
    """The draft of a tick in one partition of `alerts`."""
    return Draft(ALERTS.name, "", encode(Tick(at_ms=at_ms)), partition=partition)


def control_draft(control: Control, partition: int) -> Draft:
    """The draft of a control for one partition of `alerts`."""
    return Draft(ALERTS.name, "", encode(control), partition=partition)


def facts_drafts(facts: Facts, partition: int, offset: int) -> list[Draft]:
    """The drafts for what the record of `alerts` at (`partition`, `offset`) led to.

    The position goes along as headers: a reader that finds the same position twice has found a repetition. Raises
    Rejected if one is too large for the log even after its lists have been cut.
    """
    headers = {"log_partition": str(partition), "log_offset": str(offset)}
    drafts = [_draft(DECISIONS.name, record.scope, record, headers) for record in facts.decisions]
    if facts.incidents:
        drafts += [_draft(INCIDENTS.name, record.incident_id, record, headers) for record in facts.incidents]
    if facts.pages:
        drafts += [_draft(PAGES.name, record.dedup_key, record, headers) for record in facts.pages]
    return drafts


def rejected_draft(record: RejectedRecord) -> Draft:
    """The draft of a rejected record; a body too large to be kept whole is cut, and the reason says so.

    Nothing is lost even then: the record names where the whole body stands.
    """
    draft = Draft(REJECTED.name, record.source, encode(record))
    if not _fits(draft):
        reason = f"{record.reason[:1024]} (cut: {KEPT_CHARACTERS} of {len(record.body)} characters are kept here)"
        cut = {"reason": reason, "body": record.body[:KEPT_CHARACTERS], "source": record.source[:1024]}
        record = record.model_copy(update=cut)
        draft = Draft(REJECTED.name, record.source, encode(record))
    return draft


def rejection(entry: Entry, rejected: Rejected) -> RejectedRecord:
    """What is kept of `entry`, which could not be handled because of `rejected`."""
    record = RejectedRecord.of(
        entry.value,
        source=entry.headers.get("source") or UNKNOWN_SOURCE,
        reason=rejected.reason,
        where=rejected.where,
        at_ms=entry.timestamp_ms,
    )
    place = {"topic": entry.topic, "partition": entry.partition, "offset": entry.offset}
    return record.model_copy(update=place)


def _draft(topic: str, key: str, record: Record, headers: Mapping[str, str], value: bytes | None = None) -> Draft:
    draft = Draft(topic, key, encode(record) if value is None else value, headers)
    if not _fits(draft):
        draft = draft._replace(value=encode(_cut(record)))
        if not _fits(draft):
            raise Rejected(f"its record for {topic} has {len(draft.value)} bytes, more than the log takes")
    return draft


def _fits(draft: Draft) -> bool:
    if len(draft.value) < MAX_RECORD_BYTES // 2 and len(draft.key) < 1024:
        return True  # nearly every one; our own headers are short, and counting what is far too small takes time
    return size_of(draft) <= MAX_RECORD_BYTES - BATCH_HEADER_BYTES


def _cut(record: Record) -> Record:
    """`record` without the lists that only illustrate it; the counts stay, so a reader sees that it was cut."""
    if isinstance(record, Incident):
        return record.model_copy(update={"members": (), "unlisted": record.alerts})
    if isinstance(record, Page):
        details = record.payload.custom_details
        details = details.model_copy(update={"alerts": (), "unlisted": details.alert_count})
        return record.model_copy(update={"payload": record.payload.model_copy(update={"custom_details": details})})
    return record
