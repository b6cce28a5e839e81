"""The past as it stands on the topics, of Kafka or of the embedded log."""

import re
from collections.abc import Collection, Iterator
from typing import TypeVar

from pipeline.answer.past import Decided, Looked, Mention, Paged, mentions_number, mentions_text
from pipeline.codec import decode, decode_alerts
from pipeline.errors import Misuse, Rejected
from pipeline.log import Entry
from pipeline.log.extent import Extent, Recording
from schemas import Alert, Alerts, Decisions, Delivery, Incident, Page
from schemas import Rejected as RejectedRecord
from schemas.record import Record
from schemas.topics import ALERTS, DECISIONS, DELIVERIES, INCIDENTS, PAGES, RAW, REJECTED

# The ends are looked up in this order, so that what stands within one stands within those of all that it came of.
TOPICS_IN_ORDER = (REJECTED.name, DECISIONS.name, INCIDENTS.name, PAGES.name, DELIVERIES.name, ALERTS.name, RAW.name)
_MOST_UNREADABLE = 1000
# A key, never part of a text: there its quotes would be escaped.
_EACH_DECISION = b'"fingerprint":'
_RAW_PLACE = re.compile(rb'"raw_partition":\s*(\d+),\s*"raw_offset":\s*(\d+)')

R = TypeVar("R", bound=Record)


class LoggedPast:
    """A `Past` of a recording of TOPICS_IN_ORDER."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.looked = Looked()
        self.unreadable: set[tuple[str, int, int]] = set()

    def decisions(self, mentions: Mention) -> Iterator[Decided]:
        """See `Past`."""
        self.looked = Looked(is_cut=any(one.first > 0 for one in self._recording.extents[DECISIONS.name].values()))
        repeats = _Repeats()
        for entry in self._recording.read(DECISIONS.name):
            if repeats.has(entry):
                continue
            self.looked.count(entry.value.count(_EACH_DECISION), entry.timestamp_ms)
            if mentions(entry.value) and (record := self._read(Decisions, entry)) is not None:
                place, position = f"{record.raw_partition}:{record.raw_offset}", _position(entry)
                for one in record.decisions:
                    yield Decided(
                        place=place,
                        position=position,
                        **{name: getattr(one, name) for name in _OF_DECISION},
                    )

    def incidents(self, mentions: Mention) -> Iterator[Incident]:
        """See `Past`."""
        for entry in self._recording.read(INCIDENTS.name):
            if mentions(entry.value) and (record := self._read(Incident, entry)) is not None:
                yield record

    def pages(self, mentions: Mention) -> Iterator[Paged]:
        """See `Past`."""
        for entry in self._recording.read(PAGES.name):
            if not mentions(entry.value) or (page := self._read(Page, entry)) is None:
                continue
            details = page.payload.custom_details
            yield Paged(
                incident_id=page.dedup_key,
                revision=details.revision,
                kind=details.kind,
                reason=details.reason,
                why=details.why,
                at_ms=entry.timestamp_ms,
                position=_position(entry),
                place=(entry.partition, entry.offset),
            )

    def delivered(self, incident_id: str) -> int | None:
        """See `Past`."""
        revision, mentions = 0, mentions_text(incident_id)
        for entry in self._recording.read(DELIVERIES.name):
            if mentions(entry.value) and (record := self._read(Delivery, entry)) is not None:
                revision = max(revision, record.revision if record.incident_id == incident_id else 0)
        return revision

    def alerts(self, mentions: Mention) -> Iterator[Alert]:
        """See `Past`."""
        for entry in self._recording.read(ALERTS.name):
            if not mentions(entry.value):
                continue
            try:
                record = decode_alerts(entry.value)
            except Rejected:
                self._note_unreadable(entry)
                continue
            if isinstance(record, Alerts):
                yield from record.alerts

    def rejected(self, topic: str, places: Collection[tuple[int, int]]) -> Iterator[RejectedRecord]:
        """See `Past`."""
        mentions = [mentions_number("offset", offset) for offset in {offset for _, offset in places}]
        for entry in self._recording.read(REJECTED.name):
            if not any(one(entry.value) for one in mentions):
                continue
            record = self._read(RejectedRecord, entry)
            if record is not None and record.topic == topic and (record.partition, record.offset) in places:
                yield record

    def beyond(self, place: str) -> str:
        """See `Past`."""
        if place.startswith("line:"):
            raise Misuse(f"{place} names an event of a replay's file: give it with --decisions")
        partition, offset = map(int, place.split(":"))
        extents = self._recording.extents[RAW.name]
        if partition not in extents:
            return f"{RAW.name} has no partition {partition}, only {', '.join(map(str, sorted(extents)))}"
        return _beyond(partition, offset, extents[partition])

    def _read(self, kind: type[R], entry: Entry) -> R | None:
        try:
            return decode(kind, entry.value)
        except Rejected:
            self._note_unreadable(entry)
            return None

    def _note_unreadable(self, entry: Entry) -> None:
        if len(self.unreadable) < _MOST_UNREADABLE:
            self.unreadable.add((entry.topic, entry.partition, entry.offset))


_OF_DECISION = [name for name in Decided._fields if name not in {"place", "position"}]


class _Repeats:
    """Finds what was written again after a crash, by the highest places that were seen: a few numbers a partition.

    Of one partition of `alerts`, and there of one of `alerts.raw`, what is new comes in order. Both places are asked,
    since `alerts` may be deleted and begin anew.
    """

    def __init__(self) -> None:
        self._highest: dict[tuple[int, int, int], tuple[int, int]] = {}

    def has(self, entry: Entry) -> bool:
        """Whether the entry of `decisions` says again what one before said."""
        position, raw = _position(entry), _RAW_PLACE.search(entry.value)
        if position is None or raw is None:
            return False
        key = entry.partition, position[0], int(raw[1])
        offset, raw_offset = self._highest.get(key, (-1, -1))
        is_repeat = position[1] <= offset and int(raw[2]) <= raw_offset
        self._highest[key] = max(offset, position[1]), max(raw_offset, int(raw[2]))
        return is_repeat


def _beyond(partition: int, offset: int, extent: Extent) -> str:
    if offset < extent.first:
        return f"retention has removed what stood there: {RAW.name}[{partition}] begins at {extent.first}"
    if offset >= extent.end:
        return f"nothing stands there yet: {RAW.name}[{partition}] ends before {extent.end}"
    if offset >= (extent.committed or 0):
        return "it is on its way: the worker has not finished it"
    return ""


def _position(entry: Entry) -> tuple[int, int] | None:
    """Where on `alerts` the record stands of which this entry came."""
    try:
        return int(entry.headers["log_partition"]), int(entry.headers["log_offset"])
    except (KeyError, ValueError):
        return None
