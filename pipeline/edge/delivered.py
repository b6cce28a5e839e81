"""What was delivered is never delivered again: per incident, the highest version that the sink has accepted.

A page's version is the offset of the record of `alerts` that caused it, and among those of one record the revision. A
worker that repeats a record repeats its offset and every byte, so a repetition is never higher. The revision alone
would not do: a worker that has lost its state counts an incident's revisions from 1 again, and its pages are news. What
names no record (the watchdog's pages, and what was written before positions were noted) goes by its revision.

How long must the memory reach? A page may come again as long as it stands on `pages`: after a crash from the last
commit, but also from its very start, when an operator rewinds the group or Kafka forgets the group's offsets. So a
resolved incident is not forgotten when its resolve was delivered, but when `pages.delivered` itself forgets it, which
keeps a week longer than `pages` (schemas/topics.py). That bounds the map to the incidents of 35 days, about 200 bytes
each. Of an open incident nothing is lost by forgetting: a repeated trigger of an open incident adds nothing.
"""

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.codec import decode
from pipeline.errors import Rejected
from pipeline.log.entry import Entry
from schemas import Delivery, Page
from schemas.topics import DELIVERIES


class _Known(NamedTuple):
    """The highest version delivered of an incident."""

    revision: int
    place: tuple[int, int] | None  # partition and offset in `alerts`
    at_ms: int


class Delivered:
    """The highest version delivered of each incident, oldest delivery first."""

    def __init__(self) -> None:
        self._latest: dict[str, _Known] = {}
        self.unreadable = 0

    @classmethod
    def recall(cls, entries: Iterable[Entry]) -> "Delivered":
        """What the topic says. A record that is none is counted and passed over: in doubt, page."""
        delivered = cls()
        for entry in entries:
            try:
                delivered.note(decode(Delivery, entry.value))
            except Rejected:
                delivered.unreadable += 1
        return delivered

    def note(self, delivery: Delivery) -> None:
        """Remember one delivery; one that is not newer changes nothing."""
        place = _place(delivery.log_partition, delivery.log_offset)
        known = self._latest.get(delivery.incident_id)
        if known is None or not _is_within(delivery.revision, place, known):
            self._latest.pop(delivery.incident_id, None)  # to the end: the map stays ordered by time
            self._latest[delivery.incident_id] = _Known(delivery.revision, place, delivery.delivered_at_ms)

    def covers(self, page: Page, entry: Entry) -> bool:
        """Whether this page, which stands in `entry`, or a later one of its incident, was delivered already."""
        known = self._latest.get(page.dedup_key)
        return known is not None and _is_within(page.payload.custom_details.revision, place_of(entry), known)

    def forget(self, now_ms: int) -> None:
        """Let go of what the topic itself no longer keeps."""
        while self._latest:
            incident_id, known = next(iter(self._latest.items()))
            if known.at_ms >= now_ms - DELIVERIES.retention_ms:
                return
            del self._latest[incident_id]


def place_of(entry: Entry) -> tuple[int, int] | None:
    """Which record of `alerts` caused the page in `entry`, as its headers say; None if they do not."""
    try:
        return int(entry.headers["log_partition"]), int(entry.headers["log_offset"])
    except (KeyError, ValueError):
        return None


def _place(partition: int | None, offset: int | None) -> tuple[int, int] | None:
    return None if partition is None or offset is None else (partition, offset)


def _is_within(revision: int, place: tuple[int, int] | None, known: _Known) -> bool:
    """Whether a version is the one that is known, or older."""
    if place is None or known.place is None or place[0] != known.place[0]:
        return revision <= known.revision
    return (place[1], revision) <= (known.place[1], known.revision)
