"""What a triage that nothing ever happened to makes of the same log, and where the topics say otherwise."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.codec import decode, decode_alerts, encode
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from pipeline.errors import Rejected
from pipeline.log import Entry
from pipeline.log.extent import Recording
from schemas import Incident
from schemas.record import Record
from schemas.topics import ALERTS, DECISIONS, INCIDENTS, PAGES

OUTPUTS = (DECISIONS.name, INCIDENTS.name, PAGES.name)

Position = tuple[int, int]  # partition and offset of a record of `alerts`


@dataclass
class Replay:
    """What came of each position of `alerts`, by topic, and the pages of each incident by revision."""

    said: dict[str, dict[Position, list[bytes]]] = field(default_factory=lambda: {name: {} for name in OUTPUTS})
    actions: dict[str, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))
    incidents: dict[str, Incident] = field(default_factory=dict)


def replayed(recording: Recording, policy: Policy) -> Replay:
    """Decide all that the workers have finished once more, each partition alone, a record at a time."""
    replay = Replay()
    triages: dict[int, Triage] = {}
    for entry in recording.read(ALERTS.name):
        if not _is_finished(recording, (entry.partition, entry.offset)):
            continue
        triage = triages.setdefault(entry.partition, Triage(policy))
        try:
            facts = triage.step([decode_alerts(entry.value)])
        except Rejected:
            continue
        position = (entry.partition, entry.offset)
        made: tuple[Sequence[Record], ...] = (facts.decisions, facts.incidents, facts.pages)
        for name, records in zip(OUTPUTS, made, strict=True):
            if records:
                replay.said[name][position] = [encode(record) for record in records]
        replay.incidents |= {incident.incident_id: incident for incident in facts.incidents}
        for page in facts.pages:
            replay.actions[page.dedup_key][page.payload.custom_details.revision] = page.event_action
    return replay


def differences(recording: Recording, replay: Replay) -> list[str]:
    """Every record that stands on the topics and should not, or should and does not."""
    problems: list[str] = []
    for name in (DECISIONS.name, PAGES.name):
        written = _written(recording, name)
        for position in sorted(written.keys() | replay.said[name].keys()):
            ours, theirs = written.get(position, set()), set(replay.said[name].get(position, ()))
            problems += [f"{name} has, of {position}, what no replay makes: {_short(one)}" for one in ours - theirs]
            problems += [f"{name} lacks, of {position}, {_short(one)}" for one in theirs - ours]
    return problems + _incidents_differ(recording, replay)


def _incidents_differ(recording: Recording, replay: Replay) -> list[str]:
    """Compaction may have removed all but the last revision of an incident."""
    problems: list[str] = []
    last: dict[str, Incident] = {}
    for position, values in _written(recording, INCIDENTS.name).items():
        for value in values - set(replay.said[INCIDENTS.name].get(position, ())):
            problems.append(f"{INCIDENTS.name} has, of {position}, what no replay makes: {_short(value)}")
        for incident in (decode(Incident, value) for value in values):
            known = last.get(incident.incident_id)
            if known is None or incident.revision > known.revision:
                last[incident.incident_id] = incident
    for incident_id in sorted(last.keys() | replay.incidents.keys()):
        if last.get(incident_id) != replay.incidents.get(incident_id):
            problems.append(f"the last revision of {incident_id} is not that of a replay")
    return problems


def _written(recording: Recording, topic: str) -> dict[Position, set[bytes]]:
    """What stands on `topic` of what the workers have finished; what was written again, once."""
    found: dict[Position, set[bytes]] = defaultdict(set)
    for entry in recording.read(topic):
        position = _position(entry)
        if _is_finished(recording, position):
            found[position].add(entry.value)
    return found


def _position(entry: Entry) -> Position:
    return int(entry.headers["log_partition"]), int(entry.headers["log_offset"])


def _is_finished(recording: Recording, position: Position) -> bool:
    return position[1] < (recording.extents[ALERTS.name][position[0]].committed or 0)


def _short(value: bytes) -> str:
    return value.decode(errors="replace")[:300]
