"""A snapshot is all that triage remembers, as bytes: numbers as columns, the rest as JSON; the same for one state."""

import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from pipeline.core.actionability.habit import HABIT
from pipeline.core.actionability.judged import Judged, Past, Said
from pipeline.core.actionability.spell import SPELLS
from pipeline.core.actionability.spells import Spells
from pipeline.core.actionability.usual import Usual
from pipeline.core.correlation.kept import KeptCorrelation, keep, recall
from pipeline.core.evidence import Evidence
from pipeline.core.incidents import Open
from pipeline.core.memory import Memory
from pipeline.core.overflow import Overflow
from pipeline.core.packed import Shape
from pipeline.core.policy import Policy
from pipeline.core.seen import Place
from pipeline.core.state import ScopeState
from pipeline.core.storm import StormState
from schemas import Change, Outcome, Reason, Score, Severity, Silence

VERSION = 22
_HEAD = struct.Struct("<8sI")  # what it is, its version; then parts, each with its length before it
_MAGIC = b"pagesiev"
_LENGTH = struct.Struct("<Q")
_PARTS = 8  # policy, JSON, table, members, habits, spells, lengths of contents, contents


class _Incident(NamedTuple):
    """An incident; `members` says how many of the members that stand together belong to it."""

    incident_id: str
    group: dict[str, str]
    key: str
    opened_at_ms: int
    grew_at_ms: int
    updated_at_ms: int
    severity: Severity
    team: str | None
    score: float | None
    scored: Score | None
    begun_at_ms: int
    is_spared: bool
    is_quieted: bool
    members: int
    parted: int
    held: int
    alive: int
    loud: int
    loud_rank: int
    loud_lead: int
    flapping: int
    revision: int
    lead: int
    lead_rank: int
    paged_rank: int | None
    paged_at_ms: int | None
    acknowledged_by: str | None
    outcome: Outcome | None
    mark: Outcome | None
    reopened: int
    quiet: Reason | None
    note: str | None
    resolved_at_ms: int | None
    began_ms: int
    changes: tuple[Change, ...]
    evidence: Evidence | None
    overflow: Overflow | None
    ended_by: Reason
    merged_into: str | None
    is_forgotten: bool
    is_correlated: bool
    template: int
    profile: int | None
    events: int
    due_ms: int | None
    rhythm: tuple[int, int, int]


class _Scope(NamedTuple):
    """A scope without its alerts."""

    name: str
    watermark_ms: int | None
    by_group: dict[str, str]
    states: dict[str, bool]
    ended: dict[int, tuple[int, int]]
    leases: dict[int, tuple[int, int, int]]
    storm: StormState
    storm_id: str | None
    overflow_id: str | None
    incidents: list[_Incident]
    correlation: KeptCorrelation
    judged: dict[int, Said]
    past: dict[str, Past]
    quiet_day: int
    quieted: int
    habits: int  # how many of those that stand together are its own
    spells: int  # likewise


class Context(NamedTuple):
    """What all scopes share: silences and changes of the log, what was decided.

    `most_scopes` is how many there may be before the idle ones are forgotten; `model` the version that decides.
    """

    silences: list[Silence]
    changes: list[Change]
    seen: list[Place]
    most_scopes: int
    model: str | None


class _Rest(NamedTuple):
    """What is no column."""

    context: Context
    shapes: list[Shape]
    scopes: list[_Scope]


_REST = TypeAdapter(_Rest)
_NUMBERED = tuple(field.name for field in fields(Open) if field.name not in {"book", "scope", "number", "members"})


def write_snapshot(policy: Policy, context: Context, memory: Memory, states: Sequence[ScopeState]) -> bytes:
    """What is remembered, `states` in the order of their names; `policy` is the one whose rules the rows name."""
    scopes, members, habits, spells = [], array("Q"), [], []
    numbers = np.zeros(len(memory.incidents.known) + 1, np.int32)
    count = 0
    for state in states:
        incidents = []
        for incident in _in_order(state):
            numbers[incident.number] = count
            count += 1
            members.extend(incident.members)
            incidents.append(_kept(incident))
        habits.append(state.usual.habits())
        spells.append(state.spells.known())
        scopes.append(
            _Scope(
                state.name,
                state.watermark_ms,
                state.by_group,
                state.states,
                state.ended,
                state.leases,
                state.storm,
                state.storm_id,
                state.overflow_id,
                incidents,
                keep(state.correlation),
                state.judged.known,
                state.judged.past,
                state.quiet_day,
                state.quieted,
                len(habits[-1]),
                len(spells[-1]),
            )
        )
    rows = memory.table.live_rows()
    contents = list(map(memory.contents.__getitem__, rows.tolist()))
    lengths = np.fromiter(map(len, contents), np.uint32, len(contents))
    parts = (
        policy.content.encode(),
        _REST.dump_json(_Rest(context, memory.packer.shapes, scopes)),
        memory.table.snapshot(numbers, rows),
        members.tobytes(),
        b"".join([several.tobytes() for several in habits]),
        b"".join([several.tobytes() for several in spells]),
        lengths.tobytes(),
    )
    last = _LENGTH.pack(int(lengths.sum(dtype=np.uint64)))
    return b"".join((_HEAD.pack(_MAGIC, VERSION), *_with_lengths(parts), last, *contents))


def read_policy(snapshot: bytes) -> Policy:
    """The policy that `snapshot` was taken under. Raises ValueError, as `read_snapshot` does."""
    return Policy.of_content(bytes(_parts_of(snapshot)[0]))


def read_snapshot(snapshot: bytes, memory: Memory) -> tuple[Context, list[ScopeState]]:
    """Fill an empty `memory`. Returns what is remembered beside it.

    Raises ValueError if the snapshot is damaged or of another version.
    """
    _, rest_part, table, members_part, habits_part, spells_part, lengths_part, contents_part = _parts_of(snapshot)
    rest = _REST.validate_json(bytes(rest_part))
    memory.restore(table, rest.shapes)
    members, position = np.frombuffer(members_part, np.uint64), 0
    habits, known = np.frombuffer(habits_part, HABIT), 0
    spells, ended = np.frombuffer(spells_part, SPELLS), 0
    states = []
    for scope in rest.scopes:
        state = ScopeState(
            scope.name,
            scope.watermark_ms,
            by_group=scope.by_group,
            states=scope.states,
            ended=scope.ended,
            leases=scope.leases,
            storm=scope.storm,
            storm_id=scope.storm_id,
            overflow_id=scope.overflow_id,
            judged=Judged(scope.judged, scope.past),
            quiet_day=scope.quiet_day,
            quieted=scope.quieted,
        )
        for kept in scope.incidents:
            incident = _opened(memory, scope.name, kept, members[position : position + kept.members])
            position += kept.members
            (state.forgotten if incident.is_forgotten else state.incidents)[incident.incident_id] = incident
        state.usual = Usual(habits[known : known + scope.habits])
        known += scope.habits
        state.spells = Spells(spells[ended : ended + scope.spells])
        ended += scope.spells
        state.correlation = recall(scope.correlation, state.incidents.__getitem__)
        states.append(state)
    lengths = np.frombuffer(lengths_part, np.uint32)
    edges = [0, *accumulate(lengths.tolist())]
    incidents = memory.table.columns.incident[: len(memory.table)]
    is_home = ((incidents >= 0) & (incidents < len(memory.incidents.known))).all()
    are_all = (
        position == len(members)
        and known == len(habits)
        and ended == len(spells)
        and len(lengths) == len(memory.table)
        and edges[-1] == len(contents_part)
    )
    if not (is_home and are_all):
        raise ValueError("a damaged snapshot: its parts do not fit each other")
    whole = bytes(contents_part)
    memory.contents = [whole[start:end] for start, end in pairwise(edges)]
    return rest.context, states


def _in_order(state: ScopeState) -> list[Open]:
    return [known[key] for known in (state.incidents, state.forgotten) for key in sorted(known)]


def _kept(incident: Open) -> _Incident:
    named = {name: getattr(incident, name) for name in _NUMBERED}
    return _Incident(
        **named,
        members=len(incident.members),
        events=incident.events,
        due_ms=incident.due_ms,
        rhythm=(incident.stray_ms, incident.beat_ms, incident.beats),
    )


def _opened(memory: Memory, scope: str, kept: _Incident, members: NDArray[np.uint64]) -> Open:
    named = {name: getattr(kept, name) for name in _NUMBERED}
    incident = Open(memory.incidents, scope, **named, members=array("Q", members.tobytes()))
    incident.events, incident.due_ms = kept.events, kept.due_ms
    incident.keep_rhythm(*kept.rhythm)
    return incident


def _with_lengths(parts: Iterable[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield _LENGTH.pack(len(part))
        yield part


def _parts_of(snapshot: bytes) -> list[memoryview]:
    """The parts of a snapshot of this version. Raises ValueError."""
    if len(snapshot) < _HEAD.size:
        raise ValueError("no snapshot: too short")
    magic, version = _HEAD.unpack_from(snapshot)
    if magic != _MAGIC:
        raise ValueError("no snapshot of triage")
    if version != VERSION:
        raise ValueError(f"snapshot of version {version}, not {VERSION}")
    view, position, parts = memoryview(snapshot), _HEAD.size, []
    while position + _LENGTH.size <= len(snapshot):
        (length,) = _LENGTH.unpack_from(snapshot, position)
        position += _LENGTH.size
        parts.append(view[position : position + length])
        position += length
    if len(parts) != _PARTS or position != len(snapshot):
        raise ValueError(f"a damaged snapshot: {len(snapshot)} bytes are no {_PARTS} parts")
    return parts
