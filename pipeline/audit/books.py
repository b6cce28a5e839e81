"""The books of a whole log: its topics are read one after the other, once, and at the end everything must add up.

Kept in memory, whatever the records hold: 8 bytes for each offset of `alerts` and 4 for each of `alerts.raw` (8 more
where something was rejected, 4 more where something is on its way), and for each incident with two pages 1.4 kB
(tracemalloc, 3,000 incidents).
"""

from collections.abc import Callable, Iterable

from pipeline.audit.balance import Balance, Flaw, Place
from pipeline.audit.events import EventBook
from pipeline.audit.incidents import IncidentBook
from pipeline.codec import decode
from pipeline.errors import Rejected
from pipeline.log import Entry
from pipeline.log.extent import Extents, Recording
from schemas import Decisions, Delivery, Incident, Page
from schemas import Rejected as RejectedRecord
from schemas.topics import ALERTS, DECISIONS, DELIVERIES, INCIDENTS, PAGES, RAW, REJECTED

# What came of a record is read before the record itself, which is then asked what should have come of it. The ends are
# looked up in this order too: what stands within one topic's end stands within the ends of all that it came of.
TOPICS_IN_ORDER = (REJECTED.name, DECISIONS.name, INCIDENTS.name, PAGES.name, DELIVERIES.name, ALERTS.name, RAW.name)
_WORKED_ON = (RAW.name, ALERTS.name)


def audit(recording: Recording, *, is_drained: bool = False) -> Balance:
    """Read everything and say whether it adds up. `is_drained`: nothing should be on its way any more."""
    books = Books(recording.extents, is_drained=is_drained)
    for topic in TOPICS_IN_ORDER:
        books.take(recording.read(topic))
    return books.close()


class Books:
    """Takes every entry of TOPICS_IN_ORDER, and says at the end how things stand."""

    def __init__(self, extents: Extents, *, is_drained: bool = False) -> None:
        self._balance = Balance(
            lag={topic: sum(one.unfinished for one in extents[topic].values()) for topic in _WORKED_ON},
            cut={
                topic: cut
                for topic in TOPICS_IN_ORDER
                if (cut := sorted(partition for partition, one in extents[topic].items() if one.first > 0))
            },
        )
        self._events = EventBook(extents, self._balance, is_drained=is_drained)
        self._incidents = IncidentBook(extents, self._balance, is_drained=is_drained)
        self._take: dict[str, Callable[[Entry], None]] = {
            REJECTED.name: self._rejected,
            DECISIONS.name: self._decisions,
            INCIDENTS.name: lambda entry: self._incidents.tell(entry, decode(Incident, entry.value), _position(entry)),
            PAGES.name: lambda entry: self._incidents.page(entry, decode(Page, entry.value), _position(entry)),
            DELIVERIES.name: lambda entry: self._incidents.deliver(decode(Delivery, entry.value)),
            ALERTS.name: self._events.arrive,
            RAW.name: self._events.send,
        }

    def take(self, entries: Iterable[Entry]) -> None:
        """The entries of one topic, each partition in order."""
        for entry in entries:
            try:
                self._take[entry.topic](entry)
            except Rejected as exc:
                place = Place(entry.topic, entry.partition, entry.offset)
                self._balance.flaws.add(Flaw.UNREADABLE, place, str(exc))

    def close(self) -> Balance:
        """Everything was taken."""
        self._events.close()
        self._incidents.close()
        return self._balance

    def _rejected(self, entry: Entry) -> None:
        record = decode(RejectedRecord, entry.value)
        if record.topic == PAGES.name:
            self._incidents.refuse(record.partition, record.offset)
        else:
            self._events.reject(entry, record)

    def _decisions(self, entry: Entry) -> None:
        record, position = decode(Decisions, entry.value), _position(entry)
        if self._events.decide(entry, record, position):
            self._incidents.name(entry, record, position)


def _position(entry: Entry) -> tuple[int, int]:
    """Where on `alerts` the record stands of which this entry came. Raises Rejected."""
    try:
        return int(entry.headers["log_partition"]), int(entry.headers["log_offset"])
    except (KeyError, ValueError):
        raise Rejected("must say of which record of `alerts` it came", "headers log_partition, log_offset") from None
