"""The live alerts of a scope: numbers on flat arrays, texts as packed bytes, and an object while one is looked at."""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from pipeline.core.columns import FOREVER_MS
from pipeline.core.facets import facets
from pipeline.core.fingerprint import fingerprint_of
from pipeline.core.flap import FlapPolicy, FlapState, changed, ends_at_ms
from pipeline.core.incidents import Open, trace_of
from pipeline.core.memory import Memory
from pipeline.core.packed import Standing
from pipeline.core.policy import Policy
from pipeline.core.state import ScopeState
from schemas import Alert, Reason, Severity

_QUIETS = (None, Reason.SILENCED, Reason.MUTED, Reason.INHIBITED, Reason.HELD, Reason.TOO_FEW)
_QUIET_NUMBERS = {quiet: number for number, quiet in enumerate(_QUIETS)}
_SEVERITIES = tuple(Severity)
_SEVERITY_NUMBERS = {severity: number for number, severity in enumerate(_SEVERITIES)}
SILENCED = _QUIET_NUMBERS[Reason.SILENCED]


@dataclass(slots=True, eq=False)
class Live:
    """An alert that is open, or was a while ago: a row of the table while it is looked at."""

    owner: "LiveAlerts"
    code: int  # its fingerprint's 64 bits
    incident: Open
    rule: int  # which of the policy's rules holds for it
    severity: Severity
    starts_at_ms: int
    first_at_ms: int
    last_at_ms: int
    due_ms: int  # firing: when it is over without news; otherwise: when it is forgotten
    fired_at_ms: int  # when it last began to fire; a hold counts from here
    is_firing: bool = True
    events: int = 1
    quiet: Reason | None = None  # why it does not page
    review_at_ms: int = FOREVER_MS  # when that may change by itself
    flap_penalty: float = 0.0
    flap_at_ms: int = 0
    is_flapping: bool = False
    flap_ends_ms: int = FOREVER_MS
    is_echo: bool = False  # it fires again only because a slower twin says what is over: no change of the condition
    is_parted: bool = False  # it has gone on to another incident: what it was here has a code of its own
    place: int = 0  # among its incident's members
    queued_ms: int = FOREVER_MS  # when its deadline comes up, which may be too early
    row: int = -1
    is_counted: bool = False  # among those that are alive
    told: Alert | None = None  # what it says, where that is unpacked

    @property
    def alert(self) -> Alert:
        """The event that last changed it."""
        if self.told is None:
            self.told = self.owner.unpack(self)
        return self.told

    @property
    def fingerprint(self) -> str:
        """Its fingerprint."""
        return fingerprint_of(self.code ^ trace_of(self.incident.incident_id) if self.is_parted else self.code)

    @property
    def is_alive(self) -> bool:
        """Whether it keeps its incident open: what flaps is not over when it says so."""
        return self.is_firing or self.is_flapping

    @property
    def is_loud(self) -> bool:
        """Whether it is a reason to page."""
        return self.quiet is None and (self.is_firing or self.is_flapping)

    @property
    def next_ms(self) -> int:
        """When something happens to it if no event comes."""
        next_ms = self.due_ms if self.due_ms < self.review_at_ms else self.review_at_ms
        return next_ms if next_ms < self.flap_ends_ms else self.flap_ends_ms

    def change(self, now_ms: int, policy: FlapPolicy) -> bool:
        """It changes between firing and resolved. Whether that makes it flap, which it did not before."""
        if not self.flap_penalty:  # its first change: one alone never is flapping
            self.flap_penalty, self.flap_at_ms = 1.0, now_ms
            return False
        was_flapping = self.is_flapping
        flap = changed(FlapState(self.flap_penalty, self.flap_at_ms, was_flapping), now_ms, policy)
        self.flap_penalty, self.flap_at_ms, self.is_flapping = flap.penalty, flap.at_ms, flap.is_flapping
        self.flap_ends_ms = ends_at_ms(flap, policy) if flap.is_flapping else FOREVER_MS
        return flap.is_flapping and not was_flapping

    def columns(self, salt: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Its row: the columns of `ROW`, and those of `REST`."""
        numbers = (
            self.code ^ salt,
            self.last_at_ms,
            self.due_ms,
            self.review_at_ms,
            self.flap_ends_ms,
            self.starts_at_ms,
            self.events,
            self.incident.number,
            self.rule,
            self.is_firing,
            self.severity.rank,
        )
        return numbers, (
            self.first_at_ms,
            self.fired_at_ms,
            self.queued_ms,
            self.flap_at_ms,
            self.flap_penalty,
            self.place,
            _QUIET_NUMBERS[self.quiet],
            _SEVERITY_NUMBERS[self.severity],
            self.is_flapping,
            self.is_echo,
            self.is_parted,
        )

    def say(self, alert: Alert) -> None:
        """Another event has changed it."""
        self.told = alert
        self.severity, self.starts_at_ms = alert.severity, alert.starts_at_ms
        self.owner.said[self.code] = self


class LiveAlerts:
    """The live alerts of one scope. What is looked at is an object until `put_back`; a scan reads only rows."""

    def __init__(self, memory: Memory, state: ScopeState) -> None:
        scope = state.name
        self._memory = memory
        self._state = state
        # The same alert may be in two scopes, where a tenant is not among its labels.
        self.salt = int.from_bytes(blake2b(scope.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
        self.salt = self.salt if scope else 0
        self._count = 0
        self._taken: dict[int, Live] = {}
        self.said: dict[int, Live] = {}  # those whose content is not packed yet

    def __len__(self) -> int:
        return self._count

    @property
    def is_full(self) -> bool:
        """Whether the partition can remember no more, whatever the scope's own limit."""
        return self._memory.is_full

    def find(self, code: int) -> Live | None:
        """The alert with this code."""
        live = self._taken.get(code)
        if live is not None:
            return live
        row = self._memory.table.find(code ^ self.salt)
        return None if row < 0 else self._take(code, row)

    def at(self, code: int) -> Live:
        """The alert with this code, which is there. Raises KeyError."""
        live = self.find(code)
        if live is None:
            raise KeyError(fingerprint_of(code))
        return live

    def rule_at(self, code: int) -> int:
        """Which rule holds for the alert with this code, which is there. Raises KeyError."""
        live = self._taken.get(code)
        if live is not None:
            return live.rule
        row = self._memory.table.find(code ^ self.salt)
        return self.at(code).rule if row < 0 else int(self._memory.table.columns.rule.item(row))

    def add(self, live: Live, known: Live | None) -> None:
        """Remember a new alert, or one (`known`) that begins anew."""
        live.incident.held += 1
        if known is None:
            self._count += 1
        else:
            live.row, live.queued_ms = known.row, known.queued_ms
            self._let_go(known.incident)
        self._taken[live.code] = self.said[live.code] = live

    def remove(self, live: Live) -> None:
        """Forget it."""
        self._count -= 1
        self._let_go(live.incident)
        del self._taken[live.code]
        self.said.pop(live.code, None)
        if live.row >= 0:
            self._memory.table.remove(live.row)
            self._memory.contents[live.row] = b""

    def rename(self, live: Live, code: int, *, is_parted: bool) -> None:
        """Let it have another code, that no other has: that of what it was in its incident, or its own again."""
        live.told, live.incident.held = live.alert, live.incident.held + 1  # before its row goes
        self.remove(live)
        self._count += 1
        live.row, live.queued_ms, live.code, live.is_parted = -1, FOREVER_MS, code, is_parted
        self._taken[code] = self.said[code] = live

    def unpack(self, live: Live) -> Alert:
        """What the alert says."""
        standing = Standing(live.fingerprint, live.severity, live.starts_at_ms, live.first_at_ms)
        return self._memory.packer.unpack(self._memory.contents[live.row], standing)

    def put_back(self) -> None:
        """Write all that was looked at into its rows."""
        if not self._taken:
            return
        memory = self._memory
        fresh = []
        for live in self._taken.values():
            if live.row < 0:
                fresh.append(live)
            else:
                memory.table.put(live.row, *live.columns(self.salt))
        if fresh:
            rows = memory.table.put_new([live.columns(self.salt) for live in fresh])
            memory.contents += [b""] * (max(rows) + 1 - len(memory.contents))
            for live, row in zip(fresh, rows, strict=True):
                live.row = row
        for live in self.said.values():
            memory.contents[live.row] = memory.packer.pack(live.alert)
        self.said.clear()
        self._taken.clear()

    def recall(self, rows: NDArray[np.int64]) -> list[tuple[int, int]]:
        """Remember what a snapshot held: when each alert comes up, and its code."""
        columns = self._memory.table.columns
        self._count = len(rows)
        next_ms = np.minimum(columns.due_ms[rows], columns.review_at_ms[rows])
        next_ms = np.minimum(next_ms, columns.flap_ends_ms[rows])
        columns.queued_ms[rows] = next_ms
        codes = columns.key[rows] ^ np.uint64(self.salt)
        return list(zip(next_ms.tolist(), codes.tolist(), strict=True))

    def obey(self, rows: NDArray[np.int64], policy: Policy) -> None:
        """Look up anew which of the rules of `policy` holds for each alert."""
        columns = self._memory.table.columns
        columns.rule[rows] = len(policy.routes)
        for row in rows.tolist() if policy.routes else ():
            live = self._take(columns.key.item(row) ^ self.salt, row)
            columns.rule[row] = policy.rule_of(facets(live.alert))
            self._taken.clear()

    def alive_among(self, rows: NDArray[np.int64]) -> list[int]:
        """The codes of those that are alive."""
        columns = self._memory.table.columns
        alive = rows[(columns.is_firing[rows] | columns.is_flapping[rows]) > 0]
        found: list[int] = (columns.key[alive] ^ np.uint64(self.salt)).tolist()
        return found

    def _let_go(self, incident: Open) -> None:
        incident.held -= 1
        if incident.is_forgotten and not incident.held:
            del self._state.forgotten[incident.incident_id]
            incident.book.leave(incident.number)

    def _take(self, code: int, row: int) -> Live:
        memory = self._memory
        table = memory.table
        _, last_at_ms, due_ms, review_at_ms, flap_ends_ms, starts_at_ms, events, number, rule, is_firing, _ = (
            table.row_of(row)
        )
        first_at_ms, fired_at_ms, queued_ms, flap_at_ms, penalty, place, quiet, severity, *flags = table.rest_of(row)
        is_flapping, is_echo, is_parted = map(bool, flags)
        incident = memory.incidents.known[number]
        if incident is None:
            raise RuntimeError(f"alert {fingerprint_of(code)} is in no incident")
        live = self._taken[code] = Live(
            self,
            code,
            incident,
            rule,
            _SEVERITIES[severity],
            starts_at_ms,
            first_at_ms,
            last_at_ms,
            due_ms,
            fired_at_ms,
            bool(is_firing),
            events,
            _QUIETS[quiet],
            review_at_ms,
            penalty,
            flap_at_ms,
            is_flapping,
            flap_ends_ms,
            is_echo,
            is_parted,
            place,
            queued_ms,
            row,
            bool(is_firing or is_flapping),
        )
        return live
