"""What was delivered is never delivered again: per incident, the highest revision that the sink has accepted.

How long must the memory reach? A page may come again as long as it stands on `pages`: after a crash from the last
commit, but also from its very start, when an operator rewinds the group or Kafka forgets the group's offsets. So a
resolved incident is not forgotten when its resolve was delivered, but when `pages.delivered` itself forgets it, which
keeps a week longer than `pages` (schemas/topics.py). That bounds the map to the incidents of 35 days, about 200 bytes
each. Of an open incident nothing is lost by forgetting: a repeated trigger of an open incident adds nothing.
"""

from collections.abc import Iterable

from pipeline.codec import decode
from pipeline.errors import Rejected
from pipeline.log.entry import Entry
from schemas import Delivery, Page
from schemas.topics import DELIVERIES


class Delivered:
    """The highest revision delivered of each incident, oldest delivery first."""

    def __init__(self) -> None:
        self._latest: dict[str, tuple[int, int]] = {}  # incident → (revision, delivered at)
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
        """Remember one delivery; an older revision changes nothing."""
        revision, _ = self._latest.get(delivery.incident_id, (0, 0))
        if delivery.revision >= revision:
            self._latest.pop(delivery.incident_id, None)  # to the end: the map stays ordered by time
            self._latest[delivery.incident_id] = (delivery.revision, delivery.delivered_at_ms)

    def covers(self, page: Page) -> bool:
        """Whether this page, or a later one of its incident, was delivered already."""
        known = self._latest.get(page.dedup_key)
        return known is not None and page.payload.custom_details.revision <= known[0]

    def forget(self, now_ms: int) -> None:
        """Let go of what the topic itself no longer keeps."""
        while self._latest:
            incident_id, (_, delivered_at_ms) = next(iter(self._latest.items()))
            if delivered_at_ms >= now_ms - DELIVERIES.retention_ms:
                return
            del self._latest[incident_id]
