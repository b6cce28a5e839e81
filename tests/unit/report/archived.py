"""A log that was decided and archived as the live system would have, for what is read from the archive."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.codec import encode
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from pipeline.edge.archive.files import write
from pipeline.log.entry import Entry
from pipeline.report.facts import Period
from pipeline.report.query import Archive
from schemas import Alerts, Control, Tick
from schemas.record import Record
from schemas.topics import ALERTS, DECISIONS, INCIDENTS, PAGES


def archived(root: Path, policy: Policy, records: Sequence[Alerts | Control | Tick], period: Period) -> Archive:
    """Decide `records`, each at its time, and open what was archived of it."""
    triage, entries, offsets = Triage(policy), list[Entry](), dict[str, int]()

    def put(topic: str, several: Sequence[Record], at_ms: int) -> None:
        for one in several:
            entries.append(Entry(topic, 0, offsets.get(topic, 0), "", encode(one), {}, at_ms))
            offsets[topic] = offsets.get(topic, 0) + 1

    for record in records:
        at_ms = record.alerts[0].at_ms if isinstance(record, Alerts) else record.at_ms
        put(ALERTS.name, [record], at_ms)
        facts = triage.step([record])
        for topic, several in (
            (DECISIONS.name, facts.decisions),
            (INCIDENTS.name, facts.incidents),
            (PAGES.name, facts.pages),
        ):
            put(topic, several, at_ms)
    write(root, entries)
    return Archive.open(root, period)
