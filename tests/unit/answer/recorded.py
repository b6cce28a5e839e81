"""A log in memory as the real normalise and triage write it, for any policy, and what is answered of it."""

import json
from collections.abc import Sequence
from typing import Any

from pipeline.answer import AlertStory, EventStory, IncidentStory, LoggedPast, answer, read_asked
from pipeline.answer.words import lines
from pipeline.codec import decode, decode_alerts, encode
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from pipeline.log import Draft
from pipeline.normalise.normaliser import Normaliser
from pipeline.stream.drafts import facts_drafts, tick_draft
from pipeline.stream.normalising import normalised_drafts
from schemas import Decision, Decisions, Delivery, Page
from schemas.topics import ALERTS, DECISIONS, DELIVERIES, PAGES, RAW
from tests.laws.books import EPOCH_MS, Log

Told = tuple[float, Sequence[Any]]  # at which second, the body of one raw record; an empty one only moves the time


def event(name: str, *, status: str = "firing", severity: str = "warning", **labels: str) -> dict[str, Any]:
    """A canonical event."""
    return {"name": name, "labels": labels, "status": status, "severity": severity}


def recorded(*told: Told, policy: Policy, delivers: bool = True) -> Log:
    """What stands on every topic after that."""
    log, normaliser, triage = Log(), Normaliser(policy), Triage(policy)
    for second, body in told:
        at_ms = EPOCH_MS + round(second * 1000)
        drafts = [tick_draft(at_ms, 0)]
        if body:
            value = json.dumps(body).encode()
            raw = log.append(Draft(RAW.name, "", value, {"source": "canonical"}, 0), at_ms)
            drafts = normalised_drafts([raw], normaliser)
        for draft in drafts:
            entry = log.append(draft._replace(partition=0), at_ms)
            if entry.topic != ALERTS.name:
                continue
            for fact in facts_drafts(triage.step([decode_alerts(entry.value)]), entry.partition, entry.offset):
                written = log.append(fact, at_ms)
                if written.topic == PAGES.name and delivers:
                    _deliver(log, decode(Page, written.value), at_ms)
    return log.finished()


def ask(log: Log, what: str, most: int | None = 50) -> IncidentStory | AlertStory | EventStory | None:
    return answer(read_asked(what), LoggedPast(log), most)


def said(log: Log, what: str, most: int | None = 50) -> list[str]:
    """What a person reads."""
    story = ask(log, what, most)
    assert story is not None
    return list(lines(story))


def decisions(log: Log) -> list[Decision]:
    return [one for entry in log.read(DECISIONS.name) for one in decode(Decisions, entry.value).decisions]


def incident_ids(log: Log) -> list[str]:
    """The incidents that decisions name, in the order in which they opened."""
    return list(dict.fromkeys(one.incident_id for one in decisions(log) if one.incident_id is not None))


def _deliver(log: Log, page: Page, at_ms: int) -> None:
    revision = page.payload.custom_details.revision
    delivery = Delivery(incident_id=page.dedup_key, revision=revision, delivered_at_ms=at_ms)
    log.append(Draft(DELIVERIES.name, page.dedup_key, encode(delivery)), at_ms)
