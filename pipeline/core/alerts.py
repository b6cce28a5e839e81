"""The live alerts of a scope: numbers on flat arrays, texts as packed bytes, and an object while one is looked at."""

from collections.abc import Container, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from pipeline.core.columns import FOREVER_MS, NEVER_MS
from pipeline.core.facets import facets
from pipeline.core.fingerprint import code_of, fingerprint_of
from pipeline.core.glimpse import Glimpse
from pipeline.core.incidents import Open, trace_of
from pipeline.core.live import INCIDENT_COLUMN, QUIETS, SEVERITIES, Live
from pipeline.core.memory import Memory
from pipeline.core.packed import Standing
from pipeline.core.policy import Policy
from pipeline.core.state import ScopeState
from schemas import Alert

_FEW = 4  # alerts that are found one by one


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
        self._fresh = 0  # of them, those that have no row yet
        self._room = 0  # for so many more there surely is room
        self._taken: dict[int, Live] = {}
        self.repeated: Container[int] = ()  # codes that a run has more than once, while it is decided
        self._may_be_met = False  # whether a scan may meet one of those that are looked at
        self.said: dict[int, Live] = {}  # those whose content is not packed yet

    def __len__(self) -> int:
        return self._count

    @property
    def looked_at(self) -> int:
        """How many were looked at since `put_back`."""
        return len(self._taken)

    def is_full(self) -> bool:
        """Whether the partition can remember no more, whatever the scope's own limit."""
        if self._room <= 0:
            self._room = self._memory.room - self._fresh
        return self._room < 0

    def require_room(self) -> None:
        """Raise TableFull if not even one that says that there is no room can be remembered."""
        self._memory.require_room(self._fresh)

    def get(self, fingerprint: str) -> Live | None:
        """The alert with this fingerprint."""
        return self.find(code_of(fingerprint))

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

    def looking_at(self, code: int) -> Live | None:
        """The alert with this code, if it is looked at already."""
        return self._taken.get(code)

    def has(self, code: int) -> bool:
        """Whether an alert with this code is remembered."""
        return code in self._taken or self._memory.table.find(code ^ self.salt) >= 0

    def glance(self, codes: Sequence[int]) -> list[Glimpse]:
        """How the alerts with these codes stand, which are there. Raises KeyError.

        A third of the time that `at` takes, since nothing has to be put back.
        """
        memory, glimpses = self._memory, []
        lives = list(map(self._taken.get, codes))
        rows = self._rows_of(codes) if None in lives else codes  # which are not asked for
        for live, code, row in zip(lives, codes, rows, strict=True):
            if live is not None:
                glimpses.append(Glimpse(live.alert, live.severity, live.first_at_ms, live.is_firing, live.quiet))
                continue
            if row < 0:
                raise KeyError(fingerprint_of(code))
            is_firing = memory.table.row_of(row)[9]
            rest = memory.table.rest_of(row)
            (starts_at_ms, first_at_ms), (quiet, number), is_parted = rest[:2], rest[9:11], rest[-1]
            severity = SEVERITIES[number]
            standing = Standing(self._fingerprint(code, row, is_parted), severity, starts_at_ms, first_at_ms)
            alert = memory.packer.unpack(memory.contents[row], standing)
            glimpses.append(Glimpse(alert, severity, first_at_ms, bool(is_firing), QUIETS[quiet]))
        return glimpses

    def steady_ms(self, codes: Sequence[int]) -> int:
        """When one of these that does not flap was last heard of; NEVER_MS: none is remembered."""
        taken = [self._taken[code] for code in codes if code in self._taken]
        latest_ms = max([live.last_at_ms for live in taken if not live.is_flapping], default=NEVER_MS)
        others = np.array([code for code in codes if code not in self._taken], np.uint64)
        rows = self._memory.table.rows_of(others ^ np.uint64(self.salt))
        columns = self._memory.table.columns
        steady = rows[(rows >= 0) & (columns.is_flapping[rows] == 0)]
        return max(latest_ms, int(columns.last_at_ms[steady].max(initial=NEVER_MS)))

    def say(self, code: int) -> Alert:
        """What the alert with this code says, which is there. Raises KeyError."""
        live = self._taken.get(code)
        return live.alert if live is not None else self.glance((code,))[0].alert

    def _rows_of(self, codes: Sequence[int]) -> list[int]:
        """The row of each, or -1; of a few one by one: a microsecond each, where numpy takes five to begin."""
        table = self._memory.table
        if len(codes) <= _FEW:
            return [-1 if code in self._taken else table.find(code ^ self.salt) for code in codes]
        rows: list[int] = table.rows_of(np.array(codes, np.uint64) ^ np.uint64(self.salt)).tolist()
        return rows

    def rule_at(self, code: int) -> int:
        """Which rule holds for the alert with this code, which is there. Raises KeyError."""
        live = self._taken.get(code)
        if live is not None:
            return live.rule
        table = self._memory.table
        row = table.find(code ^ self.salt)
        if row < 0:
            raise KeyError(fingerprint_of(code))
        rule: int = table.columns.rule.item(row)
        return rule

    def add(self, live: Live, known: Live | None) -> None:
        """Remember a new alert, or one (`known`) that begins anew."""
        live.incident.held += 1
        if known is None:
            self._count += 1
            self._fresh += 1
            self._room -= 1
        else:
            live.row, live.queued_ms = known.row, known.queued_ms
            self._let_go(known.incident)
        self._may_be_met = self._may_be_met or known is not None or live.code in self.repeated
        self._taken[live.code] = self.said[live.code] = live

    def remove(self, live: Live) -> None:
        """Forget it."""
        self._count -= 1
        self._let_go(live.incident)
        del self._taken[live.code]
        self.said.pop(live.code, None)
        if live.row < 0:
            self._fresh -= 1
        else:
            self._memory.table.remove(live.row)
            self._memory.contents[live.row] = b""

    def rename(self, live: Live, code: int, *, is_parted: bool) -> None:
        """Let it have another code, that no other has: that of what it was in its incident, or its own again."""
        live.told, live.incident.held = live.alert, live.incident.held + 1  # before its row goes
        self.remove(live)
        self._count += 1
        self._fresh += 1
        live.row, live.queued_ms, live.code, live.is_parted = -1, FOREVER_MS, code, is_parted
        self._taken[code] = self.said[code] = live
        self._may_be_met = True

    def move(self, live: Live, into: Open) -> None:
        """Let it be of another incident from now on, of which its caller makes it a member."""
        into.held += 1
        self._let_go(live.incident)
        live.incident = into

    def unpack(self, live: Live) -> Alert:
        """What the alert says."""
        standing = Standing(live.fingerprint, live.severity, live.starts_at_ms, live.first_at_ms)
        return self._memory.packer.unpack(self._memory.contents[live.row], standing)

    def make_way(self) -> None:
        """Write what a scan may meet. A new alert that comes once in a run is not met: of those many go together."""
        if self._may_be_met:
            self.put_back()

    def put_back(self) -> None:
        """Write all that was looked at into its rows."""
        self._room = 0
        self._may_be_met = False
        if not self._taken:
            return
        try:
            self._write()
        finally:  # whatever is wrong with one must not meet the next record
            self._fresh = 0
            self.said.clear()
            self._taken.clear()

    def _write(self) -> None:
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

    def recall(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """Remember what a snapshot held: when each alert comes up, and its code."""
        columns = self._memory.table.columns
        self._count = len(rows)
        next_ms = np.minimum(columns.due_ms[rows], columns.review_at_ms[rows])
        next_ms = np.minimum(next_ms, columns.flap_ends_ms[rows])
        columns.queued_ms[rows] = next_ms
        return next_ms, columns.key[rows] ^ np.uint64(self.salt)

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

    def _fingerprint(self, code: int, row: int, is_parted: int) -> str:
        if not is_parted:
            return fingerprint_of(code)
        incident = self._memory.incidents.known[self._memory.table.columns.incident.item(row)]
        return fingerprint_of(code if incident is None else code ^ trace_of(incident.incident_id))

    def _let_go(self, incident: Open) -> None:
        incident.held -= 1
        if incident.is_forgotten and not incident.held:
            del self._state.forgotten[incident.incident_id]
            incident.book.leave(incident.number)

    def _take(self, code: int, row: int) -> Live:
        memory, self._may_be_met = self._memory, True
        numbers, rest = memory.table.row_of(row), memory.table.rest_of(row)
        incident = memory.incidents.known[numbers[INCIDENT_COLUMN]]
        if incident is None:
            raise RuntimeError(f"alert {fingerprint_of(code)} is in no incident")
        live = self._taken[code] = Live.of_columns(self, (code, row), incident, numbers, rest)
        return live
