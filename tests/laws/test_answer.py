"""Whatever was decided can be asked about, and what a crash wrote twice is answered once."""

from hypothesis import given

from pipeline.answer import AlertStory, EventStory, IncidentStory, LoggedPast, answer, read_asked
from pipeline.answer.past import everything
from pipeline.answer.words import lines
from schemas.topics import DECISIONS
from tests.laws.books import Log, decisions_of, logs, position


@given(logs())
def test_every_decision_is_read_once_however_often_it_was_written(log: Log) -> None:
    once = {position(entry): decisions_of(entry) for entry in reversed(log.topics[DECISIONS.name])}
    found = list(LoggedPast(log).decisions(everything))
    assert len(found) == sum(len(record.decisions) for record in once.values())
    assert {one.position for one in found} == {(int(place[0]), int(place[1])) for place in once}


@given(logs())
def test_every_incident_alert_and_event_that_was_decided_is_found(log: Log) -> None:
    past = LoggedPast(log)
    found = list(past.decisions(everything))
    for incident_id in {one.incident_id for one in found if one.incident_id is not None}:
        story = answer(read_asked(incident_id), past, None)
        assert isinstance(story, IncidentStory)
        of_it = [one for one in found if one.incident_id == incident_id]
        assert len(story.alerts) + story.others.total() == len(of_it)
        paged = [one for one in of_it if one.paged]
        assert all(call.decided in paged for call in story.calls if call.decided)
        assert "".join(lines(story)).isprintable()
    for fingerprint in {one.fingerprint for one in found}:
        told = answer(read_asked(fingerprint), past, None)
        assert isinstance(told, AlertStory)
        assert sum(run.count for run in told.runs) == sum(one.fingerprint == fingerprint for one in found)
    for place in {one.place for one in found}:
        event = answer(read_asked(place), past, None)
        assert isinstance(event, EventStory)
        assert sum(run.count for run in event.runs) == sum(one.place == place for one in found)
