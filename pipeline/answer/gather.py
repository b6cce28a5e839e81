"""What is gathered about one incident: who is in it and why, who was paged and when, and what it was merged with."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.answer.apart import told_apart
from pipeline.answer.named import Named, latest, names_of
from pipeline.answer.past import Decided, Paged, Past, mentions_any, mentions_text
from schemas import Incident, Reason
from schemas.topics import PAGES


class Call(NamedTuple):
    """When somebody was told of an incident: by which page, and because of which event, where either is known."""

    at_ms: int
    page: Paged | None
    decided: Decided | None
    is_delivered: bool | None = None  # None: nothing is known of deliveries
    refusal: str | None = None  # why PagerDuty did not take it


@dataclass
class IncidentStory:
    """One incident. What is not kept of a list is counted."""

    incident_id: str
    record: Incident | None = None  # as told last
    into: Incident | None = None  # that goes on for it
    came_from: list[str] = field(default_factory=list)  # incidents that it goes on for, sorted
    alerts: list[Decided] = field(default_factory=list)  # the first decision on each in it, in the order they came
    further: int = 0  # alerts that are not listed
    reasons: Counter[Reason] = field(default_factory=Counter)  # of every decision in it
    others: Counter[Reason] = field(default_factory=Counter)  # later events of alerts in it
    others_to_ms: int = 0  # when the last of them came
    calls: list[Call] = field(default_factory=list)
    further_calls: int = 0
    names: dict[str, Named] = field(default_factory=dict)


def incident_story(past: Past, incident_id: str, most: int | None) -> IncidentStory | None:
    """What there is to say of an incident; None if nobody knows it."""
    story = IncidentStory(incident_id)
    family = _family(past, incident_id)
    story.came_from = sorted(family - {incident_id})
    story.record = latest(past, [incident_id]).get(incident_id)
    if story.record is not None and (into := story.record.merged_into) is not None:
        story.into = latest(past, [into]).get(into)
    paged = _take_decisions(story, past, family, most)
    if story.record is None and not story.alerts and not story.others:
        return None
    calls = _calls(past, incident_id, paged)
    story.calls, story.further_calls = calls[:most], max(0, len(calls) - len(calls[:most]))
    told = {one.fingerprint for one in story.alerts} | {call.decided.fingerprint for call in calls if call.decided}
    records = [story.record] if story.record is not None else []
    listed = {member.fingerprint for record in records for member in record.members}
    told |= {cause.fingerprint for record in records for cause in record.causes} & listed  # none is looked for
    story.names = told_apart(names_of(past, told, records))
    return story


def _family(past: Past, incident_id: str) -> set[str]:
    """The incident and all that it goes on for, directly or not; so it is asked until no more come."""
    family, size = {incident_id}, 0
    while len(family) > size:
        size = len(family)
        for incident in past.incidents(mentions_any(family)):
            if incident.merged_into in family:
                family.add(incident.incident_id)
    return family


def _take_decisions(story: IncidentStory, past: Past, family: Collection[str], most: int | None) -> list[Decided]:
    """Note who came, and return what paged. Remembers a fingerprint for each alert in the incident."""
    paged, seen = list[Decided](), set[str]()
    for decided in past.decisions(mentions_any(family)):
        if decided.incident_id not in family:
            continue
        story.reasons[decided.reason] += 1
        if decided.paged:
            paged.append(decided)
        if decided.reason is Reason.DUPLICATE or decided.fingerprint in seen:
            story.others[decided.reason] += 1
            story.others_to_ms = max(story.others_to_ms, decided.at_ms)
            continue
        seen.add(decided.fingerprint)
        if most is None or len(story.alerts) < most:
            story.alerts.append(decided)
        else:
            story.further += 1
    return paged


def _calls(past: Past, incident_id: str, paged: list[Decided]) -> list[Call]:
    """Every page, with the event that caused it, and every event that paged where its page is not known."""
    pages: dict[int, Paged] = {}
    for page in past.pages(mentions_text(incident_id)):
        if page.incident_id == incident_id:
            pages.setdefault(page.revision, page)
    delivered = past.delivered(incident_id) if pages else None
    refused = {
        (record.partition, record.offset): record.reason
        for record in past.rejected(PAGES.name, {page.place for page in pages.values()})
    }
    by_position = {one.position: one for one in reversed(paged) if one.position is not None}  # the first of a record
    calls = []
    for page in pages.values():
        decided = by_position.pop(page.position, None) if page.reason.pages and page.position is not None else None
        is_delivered = None if delivered is None else page.revision <= delivered
        at_ms = page.at_ms if decided is None else decided.at_ms
        calls.append(Call(at_ms, page, decided, is_delivered, refused.get(page.place)))
    told = {page.position for page in pages.values()}
    calls += [Call(one.at_ms, None, one) for one in paged if one.position is None or one.position not in told]
    return sorted(calls, key=lambda call: (call.at_ms, call.page.revision if call.page else 0))
