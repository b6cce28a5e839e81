"""How the events of one scope are decided, and what its deadlines do. Time is event time; nothing here waits."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.core.alerts import LiveAlerts
from pipeline.core.arrival import Arrival
from pipeline.core.changes import MOST_LOOKED_AT, Changes
from pipeline.core.columns import NEVER_MS
from pipeline.core.deadlines import Deadlines
from pipeline.core.departure import Departure
from pipeline.core.fault import fault_of, ours
from pipeline.core.fingerprint import code_of
from pipeline.core.gathering import Gathering
from pipeline.core.hearing import Hearing
from pipeline.core.kernels import Stop
from pipeline.core.learned import NOTHING, Learned
from pipeline.core.memory import Memory
from pipeline.core.outcomes import Outcomes
from pipeline.core.passage import Passage
from pipeline.core.policy import Policy
from pipeline.core.quiet import Quiet
from pipeline.core.review import Review, Scope
from pipeline.core.run import Decided, Run
from pipeline.core.seeking import Seeking
from pipeline.core.silence import Silences
from pipeline.core.state import ScopeState
from pipeline.core.surfacing import Surfacing
from pipeline.core.tell import Facts, Teller
from pipeline.core.window import waits_ms
from schemas import Alert, Alerts, Outcome, Status
from schemas import Change as MadeChange  # beside the change of an alert

_AT_ONCE = 64  # alerts that are put back together: so many are still in the cache


class ScopeTriage:
    """Decides one scope."""

    def __init__(  # noqa: PLR0913, PLR0917  # what it remembers, its rules, and what people said
        self,
        state: ScopeState,
        policy: Policy,
        memory: Memory,
        silences: Silences,
        changes: Changes,
        learned: Learned = NOTHING,
    ) -> None:
        self.state = state
        self.alerts = LiveAlerts(memory, state)
        self.deadlines = Deadlines()
        self.quiet = Quiet(policy, silences)
        self._policy, self._version = policy, policy.name
        self._waits_ms = waits_ms(policy.rules)
        self._memory, self._changes = memory, changes
        self._teller = Teller(state, policy, self.alerts, self.deadlines)
        self._outcomes = Outcomes(state, self.deadlines, self._teller)
        scope = Scope(state, policy, memory.incidents, self.alerts, self.deadlines, self.quiet, self._teller)
        self._review = Review(scope)
        self._arrival = Arrival(scope, self._review, changes, learned)
        self._model_version = learned.version
        self._departure = Departure(scope, self._review)
        seeking = Seeking(scope, self._arrival, self._departure)
        self._hearing = Hearing(scope, self._arrival, self._departure, seeking)
        self._gathering = Gathering(scope, self._arrival, seeking)
        self._gathers = any(rule.group_by is None for rule in policy.rules)
        self._surfacing = Surfacing(scope, self._arrival.placement.merging)
        self._passage = Passage(scope, self._review, self._arrival, self._departure, self._surfacing)
        for incident in state.incidents.values():
            if incident.due_ms is not None:
                self.deadlines.incident(incident.incident_id, incident.due_ms)

    def recall(self, rows: NDArray[np.int64], *, is_same_policy: bool) -> None:
        """Go on with the alerts of a snapshot; under another policy, by its rules."""
        if not is_same_policy:
            self.alerts.obey(rows, self._policy)
        self.deadlines.fill(*self.alerts.recall(rows))
        alive = self.alerts.alive_among(rows)
        if not self.quiet.is_counting:
            self.quiet.alive = len(alive)
            return
        for start in range(0, len(alive), 1000):
            for code in alive[start : start + 1000]:
                live = self.alerts.at(code)
                live.is_counted = False
                self.quiet.recall(live)
            self.alerts.put_back()

    def next_deadline_ms(self) -> int | None:
        """When something may happen without an event."""
        return self.deadlines.next_ms()

    def tick(self, at_ms: int, facts: Facts) -> None:
        """Move the watermark; one at or below it is invisible. A fault of ours in what is due pages, once an hour."""
        if self.state.watermark_ms is None or at_ms <= self.state.watermark_ms:
            return
        try:
            self._passage.advance(at_ms, facts)
        except Exception as exc:  # as in `decide`: a page that was to go out now may be missing
            alert = ours(self.state.name, at_ms - at_ms % 3_600_000)
            self._page(alert, type(exc).__name__, facts)
            self.state.watermark_ms = at_ms
        self.alerts.put_back()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is open or remembered but what the scope is used to."""
        return not (self.state.incidents or len(self.alerts) or self.state.storm.is_storm)

    def ask_again(self, keys: Sequence[int], facts: Facts) -> None:
        """Look again at the alerts of `keys`, which are quiet: what kept them so may be gone."""
        for code in sorted(key ^ self.alerts.salt for key in keys):
            live = self.alerts.at(code)
            if live.is_alive:
                self._review.review(live, self.state.watermark_ms or 0)
            if self.alerts.looked_at >= _AT_ONCE:
                self.alerts.put_back()
        self._surfacing.gather()
        self._teller.tell(facts)
        self.alerts.put_back()

    def hear_change(self, change: MadeChange, facts: Facts) -> None:
        """It may have been made just before incidents opened that are there already: they show it, unpaged."""
        for incident in self._changes.opened_after(change, self.state.incidents.values()):
            first = [one.alert for one in self.alerts.glance(incident.members[:MOST_LOOKED_AT])]
            if self._changes.attach_late(incident, change, first, self._teller.rule_of(incident).change_window_ms):
                self._teller.change(incident, None)
        self._teller.tell(facts)
        self.alerts.put_back()

    def outcome(self, outcome: Outcome, facts: Facts) -> None:
        """What was done or said about an incident; nothing if it is not of this scope, or forgotten."""
        if self._outcomes.hear(outcome):
            self._teller.tell(facts)
            self.alerts.put_back()

    def decide(self, records: Sequence[Alerts], facts: Sequence[Facts]) -> None:
        """Decide some records, the alerts of each together; what each leads to goes into the facts at its place.

        A fault of ours pages all of a record, and loses none.
        """
        try:
            run = Run(records, self.alerts.salt, self.state.states)
        except (ValueError, OverflowError) as exc:
            self._decide_each(records, exc, facts)
        else:
            self._walk(run, facts)
            self._conclude(run, facts)
        self._memory.incidents.settle()

    def _conclude(self, run: Run, facts: Sequence[Facts]) -> None:
        decisions = run.decisions(self._memory.incidents.ids, self._policy.name, self._model_version)
        for several, decided_now in zip(facts, decisions, strict=True):
            several.decisions.append(decided_now)

    def _decide_each(self, records: Sequence[Alerts], exc: Exception, facts: Sequence[Facts]) -> None:
        """One of the records holds what cannot be in a batch: the others must not suffer for it."""
        for record, several in zip(records, facts, strict=True):
            try:
                run = Run([record], self.alerts.salt, self.state.states)
            except (ValueError, OverflowError):
                run = Run.of_faults(record)
                self._fault(run, exc, several)
            else:
                self._walk(run, [several])
            self._conclude(run, [several])

    def _walk(self, run: Run, facts: Sequence[Facts]) -> None:
        """Decide event by event what is more than a plain duplicate; a scan decides those, many at once."""
        if run.alerts:
            run.look_up(self._memory.table)
            self.alerts.repeated = run.repeated
            if self._gathers:
                run.gather()
        while run.index < run.count:
            try:
                self._go_on(run, facts)
            except Exception as exc:  # in doubt, page and say why: whatever failed, nobody may miss these
                self._fault(run, exc, facts[run.nth])
        self._arrival.settle()
        self.alerts.put_back()
        self.alerts.repeated = ()

    def _go_on(self, run: Run, facts: Sequence[Facts]) -> None:
        """Let a scan go as far as it can, and decide the event at which it stopped; and again, to the end."""
        foresees, gathers, teller = bool(self._policy.inhibit), self._gathers, self._teller
        while run.index < run.count:
            if foresees and run.index == run.start and len(run.record.alerts) > 1:
                self._foresee(run, facts[run.nth])
            if gathers and run.index == run.start and run.is_gathered and not run.is_planned:
                self._plan(run, facts[run.nth])
            # What is not told yet is told before time moves, and when its record ends.
            deadline_ms = NEVER_MS if teller.pending else self.deadlines.next_ms()
            if run.is_unknown() and self._is_next(run.fields[run.index]["at_ms"], deadline_ms):
                run.decide(self._hearing.hear(run, is_unknown=True))
            else:
                self._scan(run, facts, deadline_ms)
            if run.index == run.end:
                if run.foreseen:
                    self._unforesee(run)
                self._gathering.end()
                self._tell(run, facts)
                run.begin_next()
                if self.alerts.looked_at >= _AT_ONCE:
                    self.alerts.put_back()

    def _tell(self, run: Run, facts: Sequence[Facts]) -> None:
        """Tell what the record has changed so far; its decisions name what goes on for what merged untold."""
        self._surfacing.gather()
        if self._teller.untold:
            run.follow(self._teller.merged_untold())
        self._teller.tell(facts[run.nth])

    def _is_next(self, at_ms: int, deadline_ms: int | None) -> bool:
        """Whether nothing is due before an event of this time."""
        watermark_ms = self.state.watermark_ms
        if watermark_ms is not None and at_ms <= watermark_ms:
            return True
        return deadline_ms is None or at_ms < deadline_ms

    def _scan(self, run: Run, facts: Sequence[Facts], deadline_ms: int | None) -> None:
        self.alerts.make_way()
        clock = (self.state.watermark_ms, deadline_ms)
        is_single = deadline_ms == NEVER_MS or bool(self._policy.inhibit) or bool(self._arrival.placement.planned)
        found = run.scan(self._memory, clock, self._waits_ms, is_single=is_single)
        self.state.watermark_ms = found.watermark_ms
        if found.why is Stop.DEADLINE:
            self.alerts.put_back()
            self._tell(run, facts)
            self._passage.advance(run.alert.at_ms, facts[run.nth])
        elif found.why is not Stop.END:
            run.decide(self._hearing.hear(run))

    def _plan(self, run: Run, facts: Facts) -> None:
        """Place those of a record together that look for an incident, once all that was due before it has happened."""
        due_ms = self.deadlines.next_ms()
        if due_ms is not None and not self._is_next(run.alert.at_ms, due_ms):
            self._passage.advance(run.alert.at_ms, facts)
        self._gathering.plan(run)
        run.is_planned = True

    def _foresee(self, run: Run, facts: Facts) -> None:
        """What a record lists later may explain what it lists first, but nothing that was due before it."""
        if self.state.watermark_ms is None or run.alert.at_ms > self.state.watermark_ms:
            self._passage.advance(run.alert.at_ms, facts)
        first: set[int] = set()
        for alert in run.record.alerts:
            code = code_of(alert.fingerprint)
            if alert.status is not Status.FIRING or code in first:
                continue
            first.add(code)
            live = self.alerts.find(code)
            if (live is None or not live.is_firing) and self.quiet.foresee(alert):
                run.foreseen.append(code)

    def _unforesee(self, run: Run) -> None:
        for code in run.foreseen:
            live = self.alerts.find(code)
            if live is None or not live.is_counted:
                self.quiet.unforesee(code)
            elif not live.is_firing:
                self.quiet.rest(code)

    def _fault(self, run: Run, exc: Exception, facts: Facts) -> None:
        """Page each alert of the record on which we failed."""
        error = type(exc).__name__
        self._unforesee(run)
        self._gathering.end()
        self._teller.untold.clear()
        run.fail([self._page(alert, error, facts) for alert in run.record.alerts])
        run.begin_next()

    def _page(self, alert: Alert, error: str, facts: Facts) -> Decided:
        decision, page = fault_of(alert, error, (self.state.name, self._policy))
        if page is not None:
            facts.pages.append(page)
        return decision
