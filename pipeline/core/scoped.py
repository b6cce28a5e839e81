"""How the events of one scope are decided, and what its deadlines do. Time is event time; nothing here waits."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.core.arrival import Arrival, Scope
from pipeline.core.columns import NEVER_MS
from pipeline.core.deadlines import Deadlines, Due
from pipeline.core.events import is_sound
from pipeline.core.fault import fault_id_of, ours
from pipeline.core.fingerprint import code_of
from pipeline.core.gathering import Gathering
from pipeline.core.hearing import Hearing
from pipeline.core.incident import acknowledge, resolve
from pipeline.core.kernels import Stop
from pipeline.core.live import LiveAlerts
from pipeline.core.memory import Memory
from pipeline.core.page import fault_page
from pipeline.core.policy import Policy
from pipeline.core.quiet import Quiet
from pipeline.core.run import Run, decided, reaches
from pipeline.core.seeking import Seeking
from pipeline.core.silence import Silences
from pipeline.core.state import ScopeState
from pipeline.core.tell import Facts, Teller
from pipeline.core.window import waits_ms
from schemas import Alert, Alerts, Decision, Reason, Status, Verdict


class ScopeTriage:
    """Decides one scope."""

    def __init__(self, state: ScopeState, policy: Policy, silences: Silences, memory: Memory) -> None:
        self.state = state
        self.alerts = LiveAlerts(memory, state)
        self.deadlines = Deadlines()
        self.quiet = Quiet(policy, silences)
        self._policy = policy
        self._waits_ms = waits_ms(policy.rules)
        self._memory = memory
        self._teller = Teller(state, policy, self.alerts, self.deadlines)
        scope = Scope(state, policy, memory.incidents, self.alerts, self.deadlines, self.quiet, self._teller)
        self._arrival = Arrival(scope)
        seeking = Seeking(scope, self._arrival)
        self._hearing = Hearing(scope, self._arrival, seeking)
        self._gathering = Gathering(scope, self._arrival, seeking)
        for incident in state.incidents.values():
            if incident.due_ms is not None:
                self.deadlines.incident(incident.incident_id, incident.due_ms)

    def recall(self, rows: NDArray[np.int64], *, is_same_policy: bool) -> None:
        """Go on with the alerts of a snapshot; under another policy, by its rules."""
        if not is_same_policy:
            self.alerts.obey(rows, self._policy)
        self.deadlines.fill(self.alerts.recall(rows))
        alive = self.alerts.alive_among(rows)
        if not self.quiet.is_counting:
            self.quiet.alive = len(alive)
            return
        for start in range(0, len(alive), 1000):
            for code in alive[start : start + 1000]:
                live = self.alerts.at(code)
                live.is_counted = False
                self.quiet.begin(live)
            self.alerts.put_back()

    def next_deadline_ms(self) -> int | None:
        """When something may happen without an event."""
        return self.state.gathers_until_ms if self.state.gathered else self.deadlines.next_ms()

    def tick(self, at_ms: int, facts: Facts) -> None:
        """Move the watermark; one at or below it is invisible. A fault of ours in what is due pages, once an hour."""
        if self.state.gathered:
            if at_ms < self.state.gathers_until_ms:
                return
            self.settle(facts)
        if self.state.watermark_ms is None or at_ms <= self.state.watermark_ms:
            return
        try:
            self._advance(at_ms, facts)
        except Exception as exc:  # as in `decide`: a page that was to go out now may be missing
            alert = ours(self.state.name, at_ms - at_ms % 3_600_000)
            self._page(alert, type(exc).__name__, facts)
            self.state.watermark_ms = at_ms
        self.alerts.put_back()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is open or remembered but what the scope is used to."""
        return not (self.state.gathered or self.state.incidents or len(self.alerts) or self.state.storm.is_storm)

    def silences_changed(self, keys: Sequence[int], facts: Facts) -> None:
        """Look again at all that is silenced: the alerts of `keys`."""
        for code in sorted(key ^ self.alerts.salt for key in keys):
            live = self.alerts.at(code)
            if live.is_alive:
                self._arrival.review(live, self.state.watermark_ms or 0)
        self._teller.tell(facts)
        self.alerts.put_back()

    def outcome(self, key: str, verdict: Verdict, by: str, facts: Facts) -> None:
        """What a person did about an incident; nothing if it is not of this scope."""
        incident = self.state.incidents.get(key)
        if incident is not None and verdict is Verdict.ACKNOWLEDGED and acknowledge(incident, by):
            self._teller.change(incident, None)
            self._teller.tell(facts)
            self.alerts.put_back()

    def decide(self, records: Sequence[Alerts], facts: Sequence[Facts]) -> None:
        """Decide some records, the alerts of each together; what each leads to goes into the facts at its place.

        A fault of ours pages all of a record, and loses none.
        """
        if self.state.gathered:
            until_ms = self.state.gathers_until_ms
            ends = (nth for nth, record in enumerate(records) if reaches(record, until_ms) or not is_sound(record))
            nth = next(ends, None)
            self.state.gathered += records[:nth]
            if nth is None:
                return
            self.settle(facts[nth])
            records, facts = records[nth:], facts[nth:]
        try:
            run = Run(records, self.alerts.salt, self.state.states)
        except (ValueError, OverflowError) as exc:
            self._decide_each(records, exc, facts)
        else:
            self._conclude(run, self._walk(run, list(facts)))

    def settle(self, facts: Facts) -> None:
        """Wait no longer for what comes with the events that wait."""
        state = self.state
        if state.gathered:
            run = Run(state.gathered, self.alerts.salt, state.states, state.begun)
            several = [facts] * len(state.gathered)
            state.gathered, state.begun, state.gathers_until_ms = [], (), 0
            self._conclude(run, self._walk(run, several, is_last=True))

    def _conclude(self, run: Run, facts: Sequence[Facts]) -> None:
        found, begun = run.decisions(self._memory.incidents.known, self._policy.name)
        for several, decided_now in zip(facts, found, strict=False):  # some may wait
            several.decisions.append(decided_now)
        if run.is_waiting:
            self.state.gathered, self.state.begun = list(run.rest), begun
        self._memory.incidents.settle()

    def _decide_each(self, records: Sequence[Alerts], exc: Exception, facts: Sequence[Facts]) -> None:
        """One of the records holds what cannot be in a batch: the others must not suffer for it."""
        for record, several in zip(records, facts, strict=True):
            if is_sound(record):
                self.decide([record], [several])
                continue
            self.settle(several)
            run = Run.of_faults(record)
            self._fault(run, exc, several)
            self._conclude(run, [several])

    def _walk(self, run: Run, facts: list[Facts], *, is_last: bool = False) -> list[Facts]:
        """Decide event by event what is more than a plain duplicate; a scan decides those, many at once.

        Returns where the decisions on each record go: on those that waited, to the record that they waited for.
        `is_last`: what comes with them has come.
        """
        if run.alerts:
            run.look_up(self._memory.table)
        self._gathering.begin()
        while not run.is_over:
            try:
                self._go_on(run, facts, is_last=is_last)
            except Exception as exc:  # in doubt, page and say why: whatever failed, nobody may miss these
                self._fault(run, exc, facts[run.nth])
            self._gathering.end(run)
        self.alerts.put_back()
        return facts

    def _go_on(self, run: Run, facts: list[Facts], *, is_last: bool) -> None:
        """Let a scan go as far as it can, and decide the event at which it stopped."""
        if self._policy.inhibit and (run.is_at_start or run.is_taken_up) and len(run.record.alerts) > 1:
            self._foresee(run, facts[run.nth])
        # What is not told yet is told before time moves, and when its record ends.
        deadline_ms = NEVER_MS if self._teller.is_pending else self.deadlines.next_ms()
        is_next = run.is_unknown and self._is_next(run.alert, deadline_ms)
        if is_next or self._scan(run, facts, deadline_ms):
            until_ms = self._gathering.until_ms(run)
            if until_ms is not None:
                self._gather(run, facts, until_ms, is_last=is_last)
                return
            run.decide(self._hearing.hear(run, is_unknown=is_next))
        if run.is_at_end:
            self._unforesee(run)
            self._teller.tell(facts[run.nth])
            run.begin_next()

    def _gather(self, run: Run, facts: list[Facts], until_ms: int, *, is_last: bool) -> None:
        """The next event waits for those that come with it: place them together, or wait for them."""
        self._teller.tell(facts[run.nth])
        to = run.reached_by(until_ms)
        if to < len(facts):
            facts[run.nth : to] = [facts[to]] * (to - run.nth)
        elif not is_last:
            self._unforesee(run)
            run.is_waiting = True
            self.state.gathers_until_ms = until_ms
            return
        self._gathering.plan(run, to)

    def _is_next(self, alert: Alert, deadline_ms: int | None) -> bool:
        """Whether nothing is due before this event."""
        watermark_ms = self.state.watermark_ms
        if watermark_ms is not None and alert.at_ms <= watermark_ms:
            return True
        return deadline_ms is None or alert.at_ms < deadline_ms

    def _scan(self, run: Run, facts: Sequence[Facts], deadline_ms: int | None) -> bool:
        """Go as far as a scan can. Whether an event is next that is more than a plain duplicate, and nothing is due."""
        self.alerts.put_back()
        clock = (self.state.watermark_ms, deadline_ms)
        is_single = deadline_ms == NEVER_MS or bool(self._policy.inhibit)
        found = run.scan(self._memory, clock, self._waits_ms, is_single=is_single)
        self.state.watermark_ms = found.watermark_ms
        if found.why is Stop.DEADLINE:
            self._teller.tell(facts[run.nth])
            self._advance(run.alert.at_ms, facts[run.nth])
            return False
        return found.why is not Stop.END

    def _foresee(self, run: Run, facts: Facts) -> None:
        """What a record lists later may explain what it lists first, but nothing that was due before it."""
        is_later = self.state.watermark_ms is None or run.alert.at_ms > self.state.watermark_ms
        if run.is_at_start and is_later:
            self._advance(run.alert.at_ms, facts)
        run.is_taken_up = False
        for alert in run.record.alerts:
            if alert.status is Status.FIRING and self.quiet.foresee(alert):
                run.foreseen.append(code_of(alert.fingerprint))

    def _unforesee(self, run: Run) -> None:
        for code in run.foreseen:
            live = self.alerts.find(code)
            if live is None or not live.is_counted:
                self.quiet.unforesee(code)

    def _advance(self, to_ms: int, facts: Facts) -> None:
        """Let everything happen that is due by `to_ms`, in time order, each at its own time."""
        while (due := self.deadlines.pop(to_ms)) is not None:
            due_ms, what, key = due
            if self.state.watermark_ms is not None and due_ms > self.state.watermark_ms:
                self._teller.tell(facts)  # what happened at one time is told at once, at that time
            self.state.watermark_ms = max(due_ms, self.state.watermark_ms or due_ms)
            if isinstance(key, int):
                self._arrival.alert_due(key, due_ms)
            elif what is Due.INCIDENT:
                self._incident_due(key, due_ms, facts)
            else:
                self._arrival.storm_due(due_ms)
        self._teller.tell(facts)
        self.state.watermark_ms = to_ms

    def _incident_due(self, key: str, due_ms: int, facts: Facts) -> None:
        incident = self.state.incidents.get(key)
        if incident is None or incident.due_ms != due_ms:
            return
        rule = self._teller.rule_of(incident)
        if incident.resolved_at_ms is not None:
            self._teller.tell(facts)  # its end may be of this very millisecond
            self._arrival.forget(incident)
        elif not incident.alive:
            self.deadlines.incident(key, resolve(self.state, incident, due_ms, rule))
            self.state.correlation.close(incident)
            self._teller.change(incident, incident.ended_by)
        elif rule.repeat_after_ms is not None and incident.acknowledged_by is None:
            self._arrival.rejudge(incident, due_ms)
            again_ms = incident.due_ms = due_ms + rule.repeat_after_ms
            self.deadlines.incident(key, again_ms)
            self._teller.change(incident, Reason.REPEATED)

    def _fault(self, run: Run, exc: Exception, facts: Facts) -> None:
        """Page each alert of the record on which we failed."""
        error = type(exc).__name__
        self._unforesee(run)
        run.fail([self._page(alert, error, facts) for alert in run.record.alerts])
        run.begin_next()

    def _page(self, alert: Alert, error: str, facts: Facts) -> Decision:
        fault_id = fault_id_of(self.state.name, alert)
        is_firing = alert.status is Status.FIRING
        if is_firing:
            facts.pages.append(fault_page(alert, fault_id, error, (self.state.name, self._policy)))
        return decided(alert, Reason.FAULT, fault_id if is_firing else None, self._policy.name)
