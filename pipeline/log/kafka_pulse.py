"""How a group of workers on Kafka gets on: how far the topics reach, how far it has come, how many it is."""

from collections.abc import Iterator
from contextlib import closing

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from pipeline.codec import decode
from pipeline.errors import Rejected, Retryable
from pipeline.log.extent import Pulse
from pipeline.log.kafka_recording import KafkaRecording
from schemas import Page
from schemas.topics import ALERTS, PAGES, RAW

CONNECT_TIMEOUT_MS = 5_000


class KafkaPulse:
    """Looks at `group` from outside, each time on new connections: it must work when nothing else does."""

    def __init__(self, bootstrap: str, group: str) -> None:
        self._bootstrap = bootstrap
        self._group = group

    def look(self) -> Pulse:
        """Look. Raises Retryable and Missing. Blocks."""
        members = self._members()
        # `alerts` first: what stands within its end has its raw record within that of `alerts.raw`.
        with closing(KafkaRecording(self._bootstrap, self._group, (ALERTS.name, RAW.name))) as recording:
            return Pulse(recording.extents, members)

    def last_page(self, dedup_key: str) -> Page | None:
        """The newest page with this key. Raises likewise. Blocks, and reads the whole topic: not for every look."""
        with closing(KafkaRecording(self._bootstrap, self._group, (PAGES.name,))) as recording:
            newest: Page | None = None
            for page in self._pages(recording, dedup_key):
                newest = page
            return newest

    @staticmethod
    def _pages(recording: KafkaRecording, dedup_key: str) -> Iterator[Page]:
        for entry in recording.read(PAGES.name):
            if entry.key == dedup_key:
                try:
                    yield decode(Page, entry.value)
                except Rejected:  # another producer's, and the pager rejects it
                    continue

    def _members(self) -> int:
        try:
            admin = KafkaAdminClient(
                bootstrap_servers=self._bootstrap.split(","), bootstrap_timeout_ms=CONNECT_TIMEOUT_MS
            )
        except (KafkaError, OSError) as exc:
            raise Retryable(f"Kafka at {self._bootstrap} does not answer: {exc}") from exc
        try:
            return len(admin.describe_groups([self._group])[self._group]["members"])
        except KafkaError as exc:
            raise Retryable(f"Kafka at {self._bootstrap} does not tell of the group {self._group}: {exc}") from exc
        finally:
            admin.close()
