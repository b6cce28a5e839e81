"""Every topic: its key, its record, its partitions, how long it keeps, and its version.

Changing a partition count moves scopes between partitions; changing a record in a way that old readers
cannot read is a new version.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.alert import Alerts
from schemas.control import Control, Silence
from schemas.decision import Decisions
from schemas.incident import Incident
from schemas.outcome import Outcome
from schemas.page import Delivery, Page
from schemas.record import Record
from schemas.rejected import Rejected
from schemas.snapshot import Snapshot
from schemas.tick import Tick

DAY_MS = 24 * 60 * 60 * 1000
MAX_RECORD_BYTES = 16 * 1024 * 1024  # a webhook may be 4 MiB (Settings.max_body_bytes) and grows when normalised
SILENCE_DAYS = 366  # the longest that one may last
ALWAYS_DAYS = 36_500  # a partition may be quiet for any time, and its state still holds


@dataclass(frozen=True)
class Topic:
    """One topic. `record` is empty where the value is the producer's own body, or bytes of ours.

    `settings` are Kafka's own, beyond those that every topic has.
    """

    name: str
    key: str
    record: tuple[type[Record], ...]
    partitions: int
    retention_ms: int
    is_compacted: bool = False
    version: int = 1
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)


RAW = Topic("alerts.raw", "source", (), partitions=4, retention_ms=7 * DAY_MS)
ALERTS = Topic("alerts", "scope", (Alerts, Tick, Control), partitions=4, retention_ms=7 * DAY_MS)
REJECTED = Topic("alerts.rejected", "source", (Rejected,), partitions=1, retention_ms=28 * DAY_MS)
INCIDENTS = Topic("incidents", "incident id", (Incident,), partitions=4, retention_ms=28 * DAY_MS, is_compacted=True)
PAGES = Topic("pages", "incident id", (Page,), partitions=4, retention_ms=28 * DAY_MS)
# Kept longer than `pages`, or a pager that reads `pages` again would page again for what was resolved long ago.
DELIVERIES = Topic(
    "pages.delivered", "incident id", (Delivery,), partitions=1, retention_ms=35 * DAY_MS, is_compacted=True
)
DECISIONS = Topic("decisions", "scope", (Decisions,), partitions=4, retention_ms=28 * DAY_MS)
OUTCOMES = Topic("outcomes", "incident id", (Outcome,), partitions=4, retention_ms=180 * DAY_MS)

# What silences are known, for people; triage hears them in `alerts`. So it keeps each for longer than one may last.
SILENCES = Topic(
    "silences", "silence id", (Silence,), partitions=1, retention_ms=(SILENCE_DAYS + 7) * DAY_MS, is_compacted=True
)

# The state of each partition of `alerts`, in the partition of the same number. What is superseded is dead weight at
# once, and only closed segments are compacted: small ones, closed often.
SNAPSHOTS = Topic(
    "snapshots",
    "slot",
    (Snapshot,),
    partitions=ALERTS.partitions,
    retention_ms=ALWAYS_DAYS * DAY_MS,
    is_compacted=True,
    settings={"segment.bytes": str(1024 * 1024), "segment.ms": "3600000"},
)
CHUNKS = Topic(
    "snapshot.chunks",
    "slot/number",
    (),
    partitions=ALERTS.partitions,
    retention_ms=ALWAYS_DAYS * DAY_MS,
    is_compacted=True,
    settings={"segment.bytes": str(64 * 1024 * 1024), "segment.ms": "3600000", "min.cleanable.dirty.ratio": "0.2"},
)

TOPICS = (RAW, ALERTS, REJECTED, INCIDENTS, PAGES, DELIVERIES, DECISIONS, OUTCOMES, SILENCES, SNAPSHOTS, CHUNKS)
