"""Counts what stands in the log of a running `pagesieve up`; every number of the demo comes from its records."""

import sqlite3
from collections import Counter, deque
from pathlib import Path
from typing import NamedTuple

from pipeline.codec import decode
from pipeline.log import Entry
from pipeline.log.embedded_file import FILE_NAME, OFFSET_BITS
from pipeline.log.embedded_tables import read_slice
from schemas import Decisions, Delivery, Incident, IncidentState, Page, Reason
from schemas.topics import DECISIONS, DELIVERIES, INCIDENTS, PAGES, REJECTED

LATEST = 20  # webhooks of which the verdict is kept to be shown
FOLLOWED = (DECISIONS, INCIDENTS, PAGES, DELIVERIES, REJECTED)


class Funnel(NamedTuple):
    """How much was left at each step."""

    events: int
    alerts: int
    incidents: int
    pages: int

    @property
    def steps(self) -> tuple[tuple[str, int, str, int], ...]:
        """(what, how many, the name of the share that this step took away, out of how many)."""
        return (
            ("events", self.events, "", 0),
            ("alerts", self.alerts, "compression", self.events),
            ("incidents", self.incidents, "reduction", self.alerts),
            ("pages", self.pages, "noise reduction", self.events),
        )


class ToldPage(NamedTuple):
    """A page, and how long after the beginning it was written."""

    after_s: float
    page: Page

    @property
    def wakes(self) -> bool:
        """Whether it notifies a person, and does not only tell one who was notified how it goes on."""
        return self.page.payload.custom_details.reason.pages


class Verdict(NamedTuple):
    """What became of the alerts of one webhook: it is the `raw_offset`-th that came."""

    raw_offset: int
    reasons: Counter[Reason]


class Tally:
    """What was decided since `began_ms`."""

    def __init__(self, began_ms: int) -> None:
        self._began_ms = began_ms
        self.latest: deque[Verdict] = deque(maxlen=LATEST)
        self.reasons: Counter[Reason] = Counter()
        self.fingerprints: set[str] = set()
        self.incidents: dict[str, Incident] = {}
        self.pages: list[ToldPage] = []
        self.delivered: dict[str, int] = {}
        self.rejected = 0

    @property
    def funnel(self) -> Funnel:
        """Events, alerts, incidents and the pages that notified somebody."""
        paged = sum(told.wakes for told in self.pages)
        return Funnel(self.reasons.total(), len(self.fingerprints), len(self.incidents), paged)

    @property
    def resolves(self) -> int:
        """Pages that only take an earlier one back."""
        return sum(told.page.event_action == "resolve" for told in self.pages)

    @property
    def is_quiet(self) -> bool:
        """Whether every incident is over and its last page delivered."""
        return bool(self.incidents) and all(
            incident.state is IncidentState.RESOLVED and self.delivered.get(key, 0) >= incident.revision
            for key, incident in self.incidents.items()
        )

    def take(self, entry: Entry) -> None:
        """Count one record."""
        if entry.topic == DECISIONS.name:
            decided = decode(Decisions, entry.value)
            reasons = Counter(decision.reason for decision in decided.decisions)
            self.reasons += reasons
            self.latest.append(Verdict(decided.raw_offset, reasons))
            self.fingerprints.update(decision.fingerprint for decision in decided.decisions)
        elif entry.topic == INCIDENTS.name:
            incident = decode(Incident, entry.value)
            self.incidents[incident.incident_id] = incident
        elif entry.topic == PAGES.name:
            after_s = (entry.timestamp_ms - self._began_ms) / 1000
            self.pages.append(ToldPage(after_s, decode(Page, entry.value)))
        elif entry.topic == DELIVERIES.name:
            delivery = decode(Delivery, entry.value)
            self.delivered[delivery.incident_id] = delivery.revision
        else:
            self.rejected += 1


class Follower:
    """Reads on in the file of another process' embedded log. Reads only, so it can disturb nothing."""

    def __init__(self, data_dir: Path) -> None:
        self._connection = sqlite3.connect(f"{(data_dir / FILE_NAME).as_uri()}?mode=ro", uri=True)
        ids = dict(self._connection.execute("SELECT name, id FROM topic").fetchall())
        self._ids: dict[str, int] = {topic.name: ids[topic.name] for topic in FOLLOWED}
        self._next = dict.fromkeys(self._ids, 0)

    def read_into(self, tally: Tally) -> None:
        """Count all that is new."""
        for topic, topic_id in self._ids.items():
            unread = range(self._next[topic], (1 << OFFSET_BITS) - 1)
            for entry in read_slice(self._connection, topic, topic_id, unread, None).entries:
                tally.take(entry)
                self._next[topic] = entry.offset + 1

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()
