"""Every incident that is named exists, and a person who was called for one is told when it is over."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from pipeline.audit.balance import Balance, Flaw, Place
from pipeline.codec import encode
from pipeline.log import Entry
from pipeline.log.extent import Extents
from schemas import Decisions, Delivery, Incident, IncidentState, Page, PageKind, Reason
from schemas.topics import ALERTS, DECISIONS, INCIDENTS

# What is decided so leaves its incident as it was told, maybe long ago.
_TELLS_NOTHING = {Reason.DUPLICATE, Reason.ALREADY_RESOLVED, Reason.OVERFLOWED}


class _Paged(NamedTuple):
    """One page of an incident, by its revision."""

    is_resolve: bool
    is_fault: bool
    is_trigger: bool
    source: tuple[int, int]  # the position on `alerts` that it came of
    digest: int
    place: Place


@dataclass(slots=True)
class _Story:
    """What is known of one incident: some hundred bytes, and as many for each page."""

    revision: int = 0
    digest: int = 0
    is_open: bool = True
    is_quieted: bool = False
    reopened: int = 0
    is_settled: bool = False  # all that came of the record that led to this revision is durable
    named: Place | None = None  # where a decision names it
    named_ms: int = -1  # when one last said that it changed; -1: none did
    delivered: int = 0
    refused: int = 0
    pages: dict[int, _Paged] = field(default_factory=dict)


class IncidentBook:
    """The books of incidents and pages. Takes its topics in any order, but rejected pages before `pages`."""

    def __init__(self, extents: Extents, balance: Balance, *, is_drained: bool) -> None:
        self._extents = extents
        self._balance = balance
        self._is_drained = is_drained
        self._stories: dict[str, _Story] = {}
        self._refused: set[tuple[int | None, int | None]] = set()
        self._oldest_incident_ms: int | None = None

    def name(self, entry: Entry, record: Decisions, position: tuple[int, int]) -> None:
        """Decisions that are no repetition, on what stands at `position` of `alerts`."""
        is_settled = self._is_settled(position)
        for decision in record.decisions:
            if decision.incident_id is None:
                if decision.reason not in {Reason.NEVER_FIRED, Reason.FAULT}:
                    what = f"{decision.fingerprint} was {decision.reason}, in no incident"
                    self._balance.flaws.add(Flaw.UNPLACED, _place(entry), what)
            elif is_settled and decision.reason is not Reason.FAULT:
                story = self._story(decision.incident_id)
                story.named = story.named or _place(entry)
                if decision.reason not in _TELLS_NOTHING:
                    story.named_ms = max(story.named_ms, entry.timestamp_ms)

    def tell(self, entry: Entry, incident: Incident, position: tuple[int, int]) -> None:
        """One record of `incidents`; the highest revision counts."""
        if self._oldest_incident_ms is None or entry.timestamp_ms < self._oldest_incident_ms:
            self._oldest_incident_ms = entry.timestamp_ms
        story = self._story(incident.incident_id)
        digest = hash(encode(incident))
        if incident.revision > story.revision:
            story.revision, story.digest = incident.revision, digest
            story.is_open = incident.state in {IncidentState.OPEN, IncidentState.ACKNOWLEDGED}
            is_merged = incident.state is IncidentState.MERGED
            story.is_quieted = not incident.is_paged and not is_merged and incident.quiet is Reason.SUPPRESSED
            story.reopened = incident.reopened
            story.is_settled = self._is_settled(position)
        elif incident.revision == story.revision and digest != story.digest:
            what = f"{incident.incident_id} revision {incident.revision} is told in two ways"
            self._balance.flaws.add(Flaw.RETOLD, _place(entry), what)
        else:
            self._balance.repeated += 1

    def refuse(self, partition: int | None, offset: int | None) -> None:
        """PagerDuty refused the page that stands there."""
        self._refused.add((partition, offset))

    def page(self, entry: Entry, page: Page, position: tuple[int, int]) -> None:
        """One record of `pages`."""
        details = page.payload.custom_details
        story = self._story(page.dedup_key)
        is_fault = details.reason is Reason.FAULT
        paged = _Paged(
            page.event_action == "resolve",
            is_fault,
            details.kind is PageKind.TRIGGER,
            (-1, -1) if is_fault else position,  # one fault may be met at several places, and pages once
            hash(entry.value),
            _place(entry),
        )
        if (entry.partition, entry.offset) in self._refused:
            self._balance.pages_refused += 1
            story.refused = max(story.refused, details.revision)
        known = story.pages.setdefault(details.revision, paged)
        if known is paged:
            self._balance.pages_triggered += paged.is_trigger
            self._balance.pages_updated += not paged.is_trigger and not paged.is_resolve
            self._balance.pages_resolved += paged.is_resolve
        elif (known.source, known.digest) == (paged.source, paged.digest):
            self._balance.repeated += 1
        else:
            what = f"{page.dedup_key} revision {details.revision} was paged at {known.place} already"
            self._balance.flaws.add(Flaw.PAGED_TWICE, paged.place, what)

    def deliver(self, delivery: Delivery) -> None:
        """One record of `pages.delivered`."""
        story = self._story(delivery.incident_id)
        story.delivered = max(story.delivered, delivery.revision)

    def close(self) -> None:
        """Everything was read."""
        for incident_id, story in self._stories.items():
            if story.revision:
                self._balance.incidents_open += story.is_open
                self._balance.incidents_resolved += not story.is_open
                self._balance.incidents_quieted += story.is_quieted
            elif not any(paged.is_fault for paged in story.pages.values()):
                self._unknown(incident_id, story)
            if story.pages:
                self._close_pages(incident_id, story)

    def _unknown(self, incident_id: str, story: _Story) -> None:
        """It is named, but `incidents` does not know it."""
        paged = [one for one in story.pages.values() if self._is_settled(one.source)]
        place = story.named or (paged[0].place if paged else None)
        if place is None:  # delivered long ago, or still being written
            return
        if self._is_cut() and story.named_ms <= (self._oldest_incident_ms or story.named_ms):
            self._balance.incidents_removed += 1
        else:
            self._balance.flaws.add(Flaw.ORPHANED, place, f"{incident_id} is not on {INCIDENTS.name}")

    def _close_pages(self, incident_id: str, story: _Story) -> None:
        in_order = [story.pages[revision] for revision in sorted(story.pages)]
        last_revision, last = max(story.pages), in_order[-1]
        is_told = last.is_resolve or last.is_fault
        self._balance.pages_open += not last.is_resolve
        if max(story.delivered, story.refused) < last_revision:
            self._balance.pages_undelivered += 1
            if self._is_drained:
                self._balance.flaws.add(Flaw.NOT_DRAINED, last.place, f"{incident_id} is not delivered yet")
        if story.revision > last_revision and not story.is_open and story.is_settled and not is_told:
            what = f"{incident_id} resolved, and its last page is a trigger"
            self._balance.flaws.add(Flaw.UNRESOLVED, last.place, what)
        again: list[_Paged] = []
        for before, page in pairwise(in_order):
            if before.is_resolve and not page.is_resolve:
                if self._is_settled(page.source):  # else the incident that reopened may not be written yet
                    again.append(page)
            elif page.is_trigger and not before.is_fault:
                what = f"{incident_id} is triggered again, and its page before was not resolved"
                self._balance.flaws.add(Flaw.UNRESOLVED, before.place, what)
        # Without the incident itself nobody can say how often it reopened; that it is missing is said above.
        if story.revision and len(again) > story.reopened:
            extra = len(again) - story.reopened
            what = f"{incident_id} was paged again after its resolve, and reopened {story.reopened} times"
            self._balance.flaws.add(Flaw.REPAGED, again[-1].place, what, extra)

    def _story(self, incident_id: str) -> _Story:
        story = self._stories.get(incident_id)
        if story is None:
            story = self._stories[incident_id] = _Story()
        return story

    def _is_settled(self, position: tuple[int, int]) -> bool:
        """Whether everything that came of this record of `alerts` was durable before the ends were looked up."""
        extent = self._extents.get(ALERTS.name, {}).get(position[0])
        return extent is not None and position[1] < (extent.committed or 0)

    def _is_cut(self) -> bool:
        """Whether incidents were removed. The decisions tell too: of a compacted log, not everybody knows a beginning.

        Both are kept equally long.
        """
        topics = (INCIDENTS.name, DECISIONS.name)
        return any(extent.first > 0 for topic in topics for extent in self._extents.get(topic, {}).values())


def _place(entry: Entry) -> Place:
    return Place(entry.topic, entry.partition, entry.offset)
