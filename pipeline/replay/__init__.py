"""Recorded events through the same core: what would have been decided, line by line."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import orjson

from pipeline.codec import encode
from pipeline.core.learned import NOTHING, Learned
from pipeline.core.policy import Policy
from pipeline.core.timestamp import rfc3339
from pipeline.core.triage import Facts, Triage
from pipeline.errors import Rejected
from pipeline.normalise import Raw, by_scope
from pipeline.normalise.normaliser import Normaliser
from pipeline.replay.final import Merged
from pipeline.replay.frame import Frames
from pipeline.replay.kept import Kept
from pipeline.sources.changes import read_change
from schemas import Alerts, Control, Decision, Decisions, Reason, Tick

_CHANGE = b'"change"'  # a line that is {"change": {…}} tells of a change, whatever the source of the others
_TOGETHER = 500  # events: a fifth faster than 5,000, whose objects fall out of the cache


class Outputs(NamedTuple):
    """Where the lines go, and what was kept quiet; None: nobody wants them.

    Decisions are read again where incidents were merged.
    """

    decisions: BinaryIO
    incidents: BinaryIO | None = None
    pages: BinaryIO | None = None
    rejected: BinaryIO | None = None
    kept: Kept | None = None


@dataclass(slots=True)
class Funnel:
    """What went in and what came out. `events` = decisions; `lines` that hold none are among `rejected`."""

    lines: int = 0
    events: int = 0
    rejected: int = 0
    truncated: int = 0
    alerts: int = 0  # fingerprints that fired
    incidents: int = 0
    pages: int = 0  # that notify a person: triggers and updates
    faults: int = 0


def replay(lines: Iterable[bytes], source: str, policy: Policy, out: Outputs, learned: Learned = NOTHING) -> Funnel:
    """Decide every event of `lines`, then let time go on until nothing is left to happen.

    Raises Misuse if there is no such source.
    """
    replayer = _Replayer(source, policy, out, learned)
    for number, line in enumerate(lines, 1):
        replayer.take(number, line)
    return replayer.finish()


class _Replayer:
    def __init__(self, source: str, policy: Policy, out: Outputs, learned: Learned) -> None:
        self._source, self._out = source, out
        self._normaliser = Normaliser(policy)
        self._triage = Triage(policy, learned)
        self._frames = Frames(policy)
        self._merged = Merged()
        self._waiting: list[Alerts | Tick | Control] = []
        self._events = 0  # among what waits
        self._funnel = Funnel()
        self._fingerprints: set[str] = set()

    def take(self, number: int, line: bytes) -> None:
        """Decide what a line holds, together with others."""
        self._funnel.lines = number
        if not line or line.isspace():
            return
        if _CHANGE in line[:20] and self._take_change(number, line):
            return
        try:
            read = self._normaliser.read(Raw(line, self._source, None))
        except Rejected as exc:
            self._reject(number, exc)
            return
        self._funnel.truncated += read.truncated
        for failure in read.rejected:
            self._reject(number, failure)
        if read.alerts:
            self._waiting += self._frames.take(by_scope(read.alerts, 0, number))
        self._events += len(read.alerts)
        if self._events >= _TOGETHER:
            self._decide_waiting()

    def _take_change(self, number: int, line: bytes) -> bool:
        """Hear of a change. False if it is none, but an event that says the word."""
        try:
            said = orjson.loads(line)
            if not isinstance(said, dict) or list(said) != ["change"]:
                return False
            change = read_change(said["change"], "change", None, None)
        except orjson.JSONDecodeError:
            return False
        except Rejected as exc:
            self._reject(number, exc)
            return True
        self._waiting += [*self._frames.rest(), Control(at_ms=change.at_ms, change=change)]
        return True

    def _decide_waiting(self) -> None:
        self._write(self._triage.step(self._waiting))
        self._waiting, self._events = [], 0

    def finish(self) -> Funnel:
        """Decide the rest, and let every deadline pass."""
        self._waiting += self._frames.rest()
        self._decide_waiting()
        while (due_ms := self._triage.next_deadline_ms()) is not None:
            self._write(self._triage.step([Tick(at_ms=due_ms + 1)]))
        self._merged.follow(self._out.decisions)
        self._funnel.alerts = len(self._fingerprints)
        return self._funnel

    def _write(self, facts: Facts) -> None:
        self._decide(facts.decisions)
        self._merged.hear(facts.incidents)
        if self._out.kept is not None:
            self._out.kept.hear(facts.incidents)
        for records, file in ((facts.incidents, self._out.incidents), (facts.pages, self._out.pages)):
            if file is not None:
                file.writelines(encode(record) + b"\n" for record in records)
        self._funnel.incidents += sum(incident.revision == 1 for incident in facts.incidents)
        self._funnel.pages += sum(page.payload.custom_details.reason.pages for page in facts.pages)

    def _decide(self, records: list[Decisions]) -> None:
        seq, lines = self._funnel.events, []
        for record in records:
            at_ms, at = None, ""
            numbers = self._frames.lines_of(record.raw_offset, len(record.decisions))
            for line, decision in zip(numbers, record.decisions, strict=True):
                seq += 1
                if decision.reason is not Reason.DUPLICATE:  # those are nine of ten, and say nothing new
                    self._note(decision)
                if decision.at_ms != at_ms:  # mostly all of a body have one time
                    at_ms = decision.at_ms
                    at = rfc3339(at_ms)
                lines.append(decision_line(seq, line, decision, at))
        self._out.decisions.write("".join(lines).encode())
        self._funnel.events = seq

    def _note(self, decision: Decision) -> None:
        self._funnel.faults += decision.reason is Reason.FAULT
        if decision.incident_id is not None:
            self._fingerprints.add(decision.fingerprint)

    def _reject(self, line: int, failure: Rejected) -> None:
        self._funnel.rejected += 1
        if self._out.rejected is not None:
            found = {"line": line, "reason": failure.reason, "where": failure.where}
            self._out.rejected.write(orjson.dumps(found, option=orjson.OPT_APPEND_NEWLINE))


def decision_line(seq: int, line: int, decision: Decision, at: str) -> str:
    """One decision, made at the RFC 3339 time `at`, as a line of JSON: what orjson writes of it, in half its time.

    Hashes and our own words need no escaping; what a source or a model says may.
    """
    theirs, ours, score = decision.source_fingerprint, decision.incident_id, decision.score
    is_plain = theirs is not None and theirs.isalnum() and theirs.isascii()
    said = f'"{theirs}"' if is_plain else _json(theirs)
    incident_id = "null" if ours is None else f'"{ours}"'
    actionability = "null" if score is None else _json(score)
    return (
        f'{{"seq":{seq},"line":{line},"fingerprint":"{decision.fingerprint}","source_fingerprint":{said},'
        f'"incident_id":{incident_id},"reason":"{decision.reason._value_}","score":{actionability},'
        f'"paged":{"true" if decision.paged else "false"},"at":"{at}"{_more(decision)}}}\n'
    )


def _more(decision: Decision) -> str:
    """What only some decisions have."""
    scored, guard, held, why = decision.scored, decision.guard, decision.held, decision.why
    said = "" if scored is None else f',"scored":{encode(scored).decode()}'
    if guard is not None:
        said += f',"guard":"{guard.value}"'
    if held is not None:
        said += f',"held":{encode(held).decode()}'
    return said if why is None else f'{said},"why":{encode(why).decode()}'


def _json(value: str | float | None) -> str:
    return orjson.dumps(value).decode()
