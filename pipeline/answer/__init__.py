"""Why: what was decided about one incident, alert or event, found again in what was recorded, and said in words."""

from pipeline.answer.asked import Asked, Kind, read_asked
from pipeline.answer.events import AlertStory, EventStory, alert_story, event_story
from pipeline.answer.filed import FiledPast
from pipeline.answer.gather import IncidentStory, incident_story
from pipeline.answer.logged import TOPICS_IN_ORDER, LoggedPast
from pipeline.answer.past import Looked, Past
from pipeline.answer.resolve import resolve

Story = IncidentStory | AlertStory | EventStory

__all__ = [
    "TOPICS_IN_ORDER",
    "AlertStory",
    "Asked",
    "EventStory",
    "FiledPast",
    "IncidentStory",
    "Kind",
    "LoggedPast",
    "Looked",
    "Past",
    "Story",
    "answer",
    "read_asked",
]


def answer(asked: Asked, past: Past, most: int | None) -> Story | None:
    """What there is to say of `asked`, with at most `most` lines of a list (None: all); None if it is not there.

    Raises Misuse where it is the beginning of several, or this past cannot hold such a thing.
    """
    if asked.kind in {Kind.EVENT, Kind.LINE}:
        return event_story(past, asked, most)
    ids = resolve(past, asked)
    if not ids:
        return None
    if asked.kind is Kind.INCIDENT:
        return incident_story(past, min(ids), most)
    return alert_story(past, ids, most)
