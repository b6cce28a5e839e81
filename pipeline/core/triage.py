"""Triage: events in, facts out. The one class that the worker, the embedded log, replay and the tests all drive."""

from collections.abc import Sequence
from itertools import chain, groupby

from pipeline.core.changes import Changes
from pipeline.core.fault import facts_of_fault, fault_of, ours
from pipeline.core.learned import NOTHING, Learned
from pipeline.core.memory import Memory
from pipeline.core.policy import Policy
from pipeline.core.scoped import ScopeTriage
from pipeline.core.seen import Seen
from pipeline.core.silence import Silences
from pipeline.core.snapshot import Context, read_policy, read_snapshot, write_snapshot
from pipeline.core.state import ScopeState
from pipeline.core.tell import Facts
from schemas import Alerts, Control, Tick

__all__ = ["Facts", "Triage"]

HOUR_MS = 3_600_000
MOST_SCOPES = 10_000  # beyond them, and beyond twice those in which something is open, the idle ones are forgotten


class Triage:
    """Decides every event of one partition of `alerts`, in log order.

    Pure: the facts depend on the records alone, not on when, where or in which batches they are stepped.
    Scopes share nothing; a tick moves every scope that exists.
    """

    def __init__(self, policy: Policy, learned: Learned = NOTHING) -> None:
        self._policy = policy
        self._given = self._learned = learned
        self._model = learned.version  # that the log names; what decides, where it is at hand
        self._silences = Silences(policy)
        self._changes = Changes(policy)
        self._memory = Memory(policy.max_live_alerts)
        self._scopes: dict[str, ScopeTriage] = {}
        self._most_scopes = MOST_SCOPES  # to have before those that are idle are looked for
        self._seen = Seen()

    def step(self, records: Sequence[Alerts | Tick | Control]) -> Facts:
        """Decide `records`: one `Decisions` for each `Alerts`, every incident that changed, every page caused."""
        if len({record.scope for record in records if isinstance(record, Alerts)}) > 1:
            apart = self.step_each(records)
            decisions, incidents, pages = (chain.from_iterable(several) for several in zip(*apart, strict=True))
            return Facts(list(decisions), list(incidents), list(pages))
        facts = Facts([], [], [])
        self._step(records, [facts] * len(records))
        return facts

    def step_each(self, records: Sequence[Alerts | Tick | Control]) -> list[Facts]:
        """As `step`, but with the facts that each record led to apart."""
        apart = [Facts([], [], []) for _ in records]
        self._step(records, apart)
        return apart

    def _step(self, records: Sequence[Alerts | Tick | Control], facts: Sequence[Facts]) -> None:
        """Decide `records`; what each leads to goes into the one of `facts` at its place."""
        start = 0
        while start < len(records):
            record, end = records[start], start + 1
            if isinstance(record, Alerts):
                run = [record]
                while end < len(records) and isinstance(more := records[end], Alerts):
                    run.append(more)
                    end += 1
                self._decide(run, facts[start:end])
            else:
                self._tick(record, facts[start])
            start = end

    def _decide(self, records: Sequence[Alerts], facts: Sequence[Facts]) -> None:
        """Decide those of `records` that were not seen before: those of a scope that follow each other, together."""
        is_new = self._seen.is_new
        fresh = [(record, one) for record, one in zip(records, facts, strict=True) if is_new(record)]
        names = dict.fromkeys([record.scope for record, _ in fresh])
        if len(names) == 1:
            several, apart = zip(*fresh, strict=True)
            self._decide_scope(next(iter(names)), several, apart)
            return
        if self._is_roomy(len(names), fresh):
            fresh.sort(key=lambda one: one[0].scope)  # stable: within a scope in log order
        for name, run in groupby(fresh, key=lambda one: one[0].scope):
            several, apart = zip(*run, strict=True)
            self._decide_scope(name, several, apart)

    def _decide_scope(self, name: str, records: Sequence[Alerts], facts: Sequence[Facts]) -> None:
        try:
            self._scope_of(name).decide(records, facts)
        except Exception as exc:  # beyond what a scope sees to by itself: what is not decided yet pages
            self._fault(records, facts, type(exc).__name__)

    def _is_roomy(self, names: int, fresh: Sequence[tuple[Alerts, Facts]]) -> bool:
        """Whether it may not matter in which order scopes come: none is forgotten, and memory will not be full."""
        coming = sum([len(record.alerts) for record, _ in fresh])
        return len(self._scopes) + names <= self._most_scopes and self._memory.room >= 2 * coming

    def _tick(self, record: Tick | Control, facts: Facts) -> None:
        try:
            for name in sorted(self._scopes):
                self._scopes[name].tick(record.at_ms, facts)
            if isinstance(record, Control):
                self._control(record, facts)
        except Exception as exc:  # likewise; a page that was to go out now may be missing
            _, page = fault_of(ours("", record.at_ms - record.at_ms % HOUR_MS), type(exc).__name__, ("", self._policy))
            if page is not None:
                facts.pages.append(page)

    def _fault(self, records: Sequence[Alerts], facts: Sequence[Facts], error: str) -> None:
        """Page for all of `records` that are not decided, and lose none."""
        for record, several in zip(records, facts, strict=True):
            place = (record.scope, record.raw_partition, record.raw_offset)
            if place not in {(one.scope, one.raw_partition, one.raw_offset) for one in several.decisions}:
                told = facts_of_fault(record, error, self._policy)
                several.decisions.extend(told.decisions)
                several.pages.extend(told.pages)

    def _scope_of(self, name: str) -> ScopeTriage:
        scope = self._scopes.get(name)
        if scope is None:
            if len(self._scopes) >= self._most_scopes:
                self._forget_idle()
            scope = self._scope(ScopeState(name))
        return scope

    def _forget_idle(self) -> None:
        """Forget scopes in which nothing is open: the values of the labels that make them come from outside."""
        self._scopes = {name: scope for name, scope in self._scopes.items() if not scope.is_idle}
        self._most_scopes = max(MOST_SCOPES, 2 * len(self._scopes))

    def _scope(self, state: ScopeState) -> ScopeTriage:
        scope = self._scopes[state.name] = ScopeTriage(
            state, self._policy, self._memory, self._silences, self._changes, self._learned
        )
        return scope

    def _control(self, control: Control, facts: Facts) -> None:
        """Hear what changes how alerts are decided. Each scope takes of it what is its own."""
        is_asked = control.policy is not None
        if control.rules is not None:
            is_asked = self._obey(Policy.of_content(control.rules))
        if control.model is not None:
            self._take_up(control.model or None)
        scopes = [self._scopes[name] for name in sorted(self._scopes)]
        if control.silence is not None:
            self._silences.set(control.silence, control.at_ms)
        # A silence may end, or begin, over what is quiet; and any rule of a policy may be what kept it so.
        if is_asked or control.silence is not None:
            quiet = self._memory.quiet_keys()
            for scope in scopes:
                scope.ask_again(quiet.get(scope.state.name, []), facts)
        if control.change is not None and self._changes.hear(control.change, control.at_ms):
            for scope in scopes:
                scope.hear_change(control.change, facts)
        if control.outcome is not None:
            for scope in scopes:
                scope.outcome(control.outcome, facts)

    def _obey(self, policy: Policy) -> bool:
        """Decide by `policy` from here on, as if restored under it; whether it is another."""
        if policy.name == self._policy.name:
            return False
        self._policy = policy
        self._silences = Silences(policy, self._silences.records())
        self._changes = Changes(policy, self._changes.records())
        self._memory.resize(policy.max_live_alerts)
        self._go_on([self._scopes[name].state for name in sorted(self._scopes)], is_same_policy=False)
        return True

    def _take_up(self, model: str | None) -> None:
        """Decide with `model` from here on; what was decided stays."""
        learned, before = self._given.other(model), self._learned
        self._model, self._learned = model, self._given if learned is None else learned
        if self._learned.version != before.version:
            self._go_on([self._scopes[name].state for name in sorted(self._scopes)], is_same_policy=True)

    def _go_on(self, states: Sequence[ScopeState], *, is_same_policy: bool) -> None:
        """Have the scopes of these states, and the alerts of theirs that are remembered."""
        self._scopes = {}
        rows = self._memory.rows_of_scopes()
        for state in states:
            scope = self._scope(state)
            if state.name in rows:
                scope.recall(rows[state.name], is_same_policy=is_same_policy)

    @property
    def learned(self) -> Learned:
        """The models that it was given."""
        return self._learned

    @property
    def policy(self) -> Policy:
        """What decides now."""
        return self._policy

    @property
    def model(self) -> str | None:
        """The version of what decides now, as the log says; where it is not at hand, what was given decides."""
        return self._model

    def next_deadline_ms(self) -> int | None:
        """When a tick may next change something; None if nothing is left to happen."""
        return min(
            (due for scope in self._scopes.values() if (due := scope.next_deadline_ms()) is not None), default=None
        )

    def watermark_ms(self) -> int | None:
        """The newest event time of any scope."""
        return max(
            (mark for scope in self._scopes.values() if (mark := scope.state.watermark_ms) is not None), default=None
        )

    def snapshot(self) -> bytes:
        """Everything remembered. Who is restored from it gives the same bytes, and the same facts from then on."""
        states = [self._scopes[name].state for name in sorted(self._scopes)]
        context = Context(
            self._silences.records(),
            self._changes.records(),
            self._seen.places(),
            self._most_scopes,
            self._model,
        )
        return write_snapshot(self._policy, context, self._memory, states)

    @classmethod
    def restore(cls, policy: Policy | None, snapshot: bytes, learned: Learned = NOTHING) -> "Triage":
        """The triage that `snapshot` was taken of. Raises ValueError if it is damaged or of another version.

        It goes on under the policy that it was taken under, or under `policy` and `learned`. What was decided stays as
        it is under another policy or model; what comes is decided by these. A driver gives no policy, and leaves it to
        the log to say from where on another policy or model decides, by a control: what is quiet is asked again there,
        and whoever reads the log again decides the same. A model that is not at hand any more is replaced by `learned`.
        """
        before, is_driven = read_policy(snapshot), policy is None
        triage = cls(before if policy is None else policy, learned)
        policy = triage.policy
        context, states = read_snapshot(snapshot, triage._memory)
        if is_driven:
            triage._take_up(context.model)
        triage._silences = Silences(policy, context.silences)
        triage._changes = Changes(policy, context.changes)
        triage._seen = Seen(context.seen)
        triage._most_scopes = context.most_scopes
        triage._go_on(states, is_same_policy=before.name == policy.name)
        return triage
