"""What is gathered about the events of one alert, or of one raw record: its decisions, and the incidents they name."""

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from pipeline.answer.asked import Asked
from pipeline.answer.named import Named, latest, names_of
from pipeline.answer.past import Decided, Past, mentions_any, mentions_number
from schemas import Incident, Reason, Rejected
from schemas.topics import RAW

_MOST_INCIDENTS = 20


@dataclass(slots=True)
class Run:
    """Decisions that say the same: one, or duplicates of one alert without anything between them."""

    first: Decided
    count: int = 1
    to_ms: int = 0  # when the last of several came

    def takes(self, decided: Decided) -> bool:
        """Whether it is one more of the same; then it is counted."""
        first = self.first
        if Reason.DUPLICATE is not decided.reason or _same(decided) != _same(first):
            return False
        self.count += 1
        self.to_ms = decided.at_ms
        return True


@dataclass
class EventStory:
    """One raw record, or line: its decisions, and what in it was rejected."""

    place: str
    runs: list[Run] = field(default_factory=list)
    left_out: int = 0  # decisions behind those
    incidents: dict[str, Incident | None] = field(default_factory=dict)
    names: dict[str, Named] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)


@dataclass
class AlertStory:
    """One alert: its decisions, the latest of them where they are many."""

    fingerprints: list[str]  # several only where the policy or its name changed
    source_fingerprints: list[str] = field(default_factory=list)  # of those that are told
    runs: list[Run] = field(default_factory=list)
    left_out: int = 0  # decisions before those
    incidents: dict[str, Incident | None] = field(default_factory=dict)
    alert: Named | None = None


def event_story(past: Past, asked: Asked, most: int | None) -> EventStory | None:
    """All that was decided of what stands there; None if nothing was. Raises Misuse."""
    past.beyond(asked.text)
    field_name, number = ("line", int(asked.text[5:])) if asked.place is None else ("raw_offset", asked.place[1])
    story = EventStory(asked.text)
    for decided in past.decisions(mentions_number(field_name, number)):
        if decided.place != asked.text or (story.runs and story.runs[-1].takes(decided)):
            continue
        if most is None or len(story.runs) < most:
            story.runs.append(Run(decided))
        else:
            story.left_out += 1
    if asked.place is not None:
        found: dict[str, Rejected] = {}
        for record in past.rejected(RAW.name, [asked.place]):
            found.setdefault(record.model_dump_json(), record)
        story.rejected = list(found.values())[:most]
    if not story.runs and not story.rejected:
        return None
    story.incidents = _incidents(past, story.runs)
    told = [incident for incident in story.incidents.values() if incident is not None]
    story.names = names_of(past, {run.first.fingerprint for run in story.runs}, told)
    return story


def alert_story(past: Past, fingerprints: Collection[str], most: int | None) -> AlertStory | None:
    """All that was decided of an alert; None if nothing was."""
    runs: deque[Run] = deque(maxlen=most)
    story = AlertStory(sorted(fingerprints))
    for decided in past.decisions(mentions_any(fingerprints)):
        if decided.fingerprint in fingerprints and not (runs and runs[-1].takes(decided)):
            if most is not None and len(runs) == most:
                story.left_out += runs[0].count
            runs.append(Run(decided))
    if not runs:
        return None
    story.runs = list(runs)
    theirs = {run.first.source_fingerprint for run in runs}
    story.source_fingerprints = sorted(one for one in theirs if one is not None)
    story.incidents = _incidents(past, runs)
    story.alert = _alert(past, runs[-1].first.fingerprint, story.incidents.values())
    return story


def _same(decided: Decided) -> tuple[object, ...]:
    versions = decided.policy_version, decided.model_version
    return decided.fingerprint, decided.reason, decided.incident_id, decided.paged, versions


def _incidents(past: Past, runs: Iterable[Run]) -> dict[str, Incident | None]:
    """The last incidents that are named, the latest last, and those that go on for them."""
    named = [run.first.incident_id for run in runs if run.first.incident_id is not None]
    found: dict[str, Incident | None] = dict.fromkeys(list(dict.fromkeys(reversed(named)))[:_MOST_INCIDENTS][::-1])
    asked = set(found)
    while asked:
        found |= latest(past, asked)
        into = {incident.merged_into for incident in found.values() if incident is not None}
        asked = {one for one in into if one is not None and one not in found}
        found |= dict.fromkeys(asked)
    return found


def _alert(past: Past, fingerprint: str, incidents: Iterable[Incident | None]) -> Named | None:
    """The alert as it was heard of last, else as its incident tells of it."""
    heard = None
    for alert in past.alerts(mentions_any([fingerprint])):
        if alert.fingerprint == fingerprint:
            heard = Named(alert.name, alert.labels, alert.severity, alert.source)
    told = [incident for incident in incidents if incident is not None]
    return heard or names_of(past, [fingerprint], reversed(told)).get(fingerprint)
