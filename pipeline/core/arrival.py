"""What an event that fires does to its alert and its incident: a new one is placed, a known one fires again."""

from typing import NamedTuple

from pipeline.core.actionability.scoring import Circumstances, Scoring, raised
from pipeline.core.cause import Causes, Directions
from pipeline.core.changes import Changes
from pipeline.core.columns import EPISODE_MS, FOREVER_MS
from pipeline.core.facets import facets
from pipeline.core.flap import FlapState, ends_at_ms
from pipeline.core.holding import Holding
from pipeline.core.incident import account, add, is_calm, reopen, revive, special, standing, weigh
from pipeline.core.incidents import Open
from pipeline.core.learned import NOTHING, Learned
from pipeline.core.live import Live
from pipeline.core.overflowing import Overflowing
from pipeline.core.paging import reason_of
from pipeline.core.placement import Arriving, Placement
from pipeline.core.review import Review, Scope
from pipeline.core.suppression import Suppression
from pipeline.core.trace import come_back
from pipeline.core.weather import Weather
from pipeline.core.window import Change, over_ms, waits_ms
from schemas import Alert, Guard, Held, Reason, Score
from schemas.record import fields_of

_JOINED, _OPENED, _SURFACED = Reason.JOINED, Reason.OPENED, Reason.SURFACED
_NOBODY = (False, False, False)
_PLAIN = Circumstances()


class Before(NamedTuple):
    """What an alert was in the incident that it has left."""

    flap: FlapState
    fired_at_ms: int | None = None  # if it fires on
    score: float = 0.0
    begun_at_ms: int = 0
    guard: Guard | None = None
    hold_ms: int = 0


class Arrival:
    """Applies events that fire to one scope."""

    def __init__(self, scope: Scope, review: Review, changes: Changes, learned: Learned = NOTHING) -> None:
        directions = Directions(scope.policy.graph, learned.clusters)
        self._state, self._policy, self._book, self._alerts, self._deadlines, self._quiet, self._teller = scope
        self.placement = Placement(scope, directions)
        self.overflowing = Overflowing(scope)
        self._weather = Weather(self._state, self._policy, self._deadlines, self._book)
        self._review = review
        self._waits_ms: list[list[int]] = waits_ms(self._policy.rules).tolist()
        self._rules = self._policy.rules
        self._max_live, self._is_routed = self._policy.max_live_alerts, bool(self._policy.routes)
        self._changes = changes
        self._causes = Causes(self._alerts, directions)
        self._flapping = self._policy.flapping
        self.scoring = Scoring(
            self._state.usual,
            self._state.spells,
            self._state.judged,
            learned.scorer,
            self._policy.guardrails.model_age_ms,
        )
        self.scored: Score | None = None  # of the last event, if an alert began to fire with it
        self.guard: Guard | None = None  # and why it pages though that is low
        self.held: Held | None = None  # or waits
        self._holding = Holding(self._state, self._policy)
        self._suppression = Suppression(self._state, self._policy)

    def place(self, alert: Alert, code: int, known: Live | None, now_ms: int) -> tuple[Reason, Open, Live | None]:
        """Put an alert that is in no incident into one. Why it pages or not, and the alert if it is remembered."""
        self.placement.why = None
        index = self._policy.rule_of(facets(alert)) if self._is_routed else 0
        rule = self._rules[index]
        is_grouped = rule.group_by is not None
        is_unwanted = self._quiet.may_hush() and self._quiet.hushed(facets(alert), rule, now_ms) is not None
        if self._quiet.alive >= self._max_live or (known is None and self._alerts.is_full()):
            incident = self.overflowing.incident
            if incident is not None:
                due_ms = self.over_ms(alert, index, incident, now_ms)
                reason = self.overflowing.overflow(incident, alert, code, due_ms, is_unwanted=is_unwanted)
                return reason, incident, None
            if known is None:
                self._alerts.require_room()
            incident = self.placement.open(special(alert, "overflow", self._state.name, now_ms))
            self._state.overflow_id = incident.incident_id
            return self.enter(alert, (code, index), known, incident, now_ms)
        if self._state.overflow_id is not None:
            self.overflowing.remembered(code, now_ms)
        # Log-like events come in bursts as it is: of those only what would open an incident counts towards a storm.
        counts_all = not is_unwanted and (is_grouped or self.placement.says_resolved(alert))
        is_stormy = counts_all and self._weather.arrives(alert, now_ms)
        found = None
        if is_grouped:
            found = None if is_stormy else self.placement.group(alert, rule, now_ms)
        else:
            last_at_ms = None if known is None else known.last_at_ms
            arriving = Arriving(alert, code, last_at_ms, now_ms)
            if counts_all or is_unwanted:
                found = self.placement.place(arriving, rule, lambda: is_stormy)
            else:
                found = self.placement.place(arriving, rule, lambda: self._weather.arrives(alert, now_ms))
        return self.enter(alert, (code, index), known, found or self._weather.shelter(alert, now_ms), now_ms)

    def again(self, alert: Alert, live: Live, change: Change, now_ms: int, *, goes_on: bool = False) -> Reason:
        """An alert that is in an incident fires again, or still and worse than before; or it `goes_on` from another."""
        seen = facets(alert)
        index = self._policy.rule_of(seen)
        due_ms = self.over_ms(alert, index, live.incident, now_ms)
        live.due_ms = max(live.due_ms, due_ms) if live.is_firing else due_ms
        was = standing(live)
        # The slower twin of a pair may tell of a firing that is over, with a beginning of its own that lies before its
        # end; that is no change of the condition.
        is_new_firing = alert.starts_at_ms != live.starts_at_ms and alert.starts_at_ms >= live.fired_at_ms
        # Another severity may be another route, and another source or target of an inhibition.
        freed = self._quiet.end(live) if seen != facets(live.alert) else []
        before = live.severity
        live.say(alert)
        live.rule = index
        self._causes.worsened(live, before.rank)
        if change is Change.DUPLICATE:
            live.score = raised(live.score, before, live.severity)
            weigh(live.incident, live.score, self.scored)
            if live.severity.rank > before.rank:
                live.guard = self.guard = self._suppression.raised(live)
                live.hold_ms = 0
            reason = self._settle(live, was, (Reason.DUPLICATE, Reason.SURFACED), now_ms)
        else:
            reason = self._refire(live, was, change, is_new_firing=is_new_firing, goes_on=goes_on)
        self._review.freed(freed, now_ms)
        return reason

    def recurs(self, alert: Alert, live: Live, now_ms: int) -> bool:
        """Whether an event, not a state, of an alert that fires came after so long a silence that it counts anew."""
        return now_ms - live.last_at_ms >= EPISODE_MS and not self.placement.says_resolved(alert)

    def score(self, live: Live, alert: Alert, now_ms: int) -> None:
        """The alert begins to fire, or counts anew."""
        incident = live.incident
        is_event = not self.placement.says_resolved(alert)
        around = _PLAIN
        if is_event or live.is_flapping or incident.changes:
            around = Circumstances(is_event, live.is_flapping, bool(incident.changes))
        scored = self.scored = self.scoring.begin(alert, live.code, now_ms, around)
        said = fields_of(scored)
        live.score, live.begun_at_ms = said["probability"], now_ms
        weigh(incident, live.score, scored)
        if not incident.alive or incident.stray_ms != FOREVER_MS:
            incident.begun_at_ms = now_ms
        live.guard = self.guard = self._suppression.guard(live, alert, scored, self.scoring)
        if live.fired_at_ms == now_ms:  # what counts anew has fired all the while: it was paged, or had its time
            self.held = self._holding.choose(
                live, alert, self.scoring.template, is_new=self.scoring.is_new, watched_ms=said["watched_ms"]
            )

    def _refire(
        self, live: Live, was: tuple[bool, bool, bool], change: Change, *, is_new_firing: bool, goes_on: bool
    ) -> Reason:
        """An alert that was over fires again, in the incident that it was in."""
        now_ms = live.last_at_ms
        if is_calm(live, now_ms, self._rules[live.rule]):
            live.incident.begun_at_ms = now_ms
        live.is_firing, live.fired_at_ms = True, now_ms
        calm, opening = Reason.REFIRED, Reason.SURFACED
        if change is Change.REOPENED:
            reopen(self._state, live.incident, now_ms)
            self.placement.reopened(live, now_ms)
            opening = Reason.REOPENED
        if is_new_firing and not goes_on:
            self.score(live, live.alert, now_ms)
        else:
            weigh(live.incident, live.score, self.scored)
        if live.incident.reopened:
            self._causes.fires_again(live, now_ms)
        live.is_echo = not is_new_firing
        flaps_now = is_new_firing and self._review.flaps(live, now_ms)
        if live.is_flapping:
            calm = Reason.FLAPPING
        reason = self._settle(live, was, (calm, opening), now_ms)
        if flaps_now:
            self._review.tell_flapping(live, now_ms)
        return reason

    def settle(self) -> None:
        """Count what was put off: the state is whole again."""
        self._weather.settle()

    def storm_due(self, due_ms: int) -> None:
        """The storm may be over."""
        incident = self._weather.due(due_ms)
        if incident is not None and incident.resolved_at_ms is None:
            is_heard = self._review.is_heard(incident, due_ms)
            self._teller.change(incident, Reason.STORM_ENDED if is_heard else None)

    def enter(  # noqa: PLR0913, PLR0917  # an alert is placed by all of them
        self,
        alert: Alert,
        marks: tuple[int, int],
        known: Live | None,
        incident: Open,
        now_ms: int,
        before: Before | None = None,
    ) -> tuple[Reason, Open, Live]:
        """A new alert joins `incident`, or has opened it. `marks`: (its code, its rule).

        `before`: what it was in the incident from which it comes, where it fires on.
        """
        code, rule = marks
        is_first = not incident.members
        fields = fields_of(alert)
        live = Live(
            self._alerts,
            code,
            incident,
            rule,
            fields["severity"],
            fields["starts_at_ms"],
            now_ms,
            now_ms,
            self.over_ms(alert, rule, incident, now_ms),
            now_ms if before is None or before.fired_at_ms is None else before.fired_at_ms,
        )
        live.told = alert
        if known is not None:
            before = Before(known.flap)
        if before is not None:
            flap, _, live.score, live.begun_at_ms, live.guard, live.hold_ms = before
            live.flap_penalty, live.flap_at_ms, live.is_flapping = flap.penalty, flap.at_ms, flap.is_flapping
            if flap.is_flapping:
                live.flap_ends_ms = ends_at_ms(flap, self._policy.flapping)
        self._alerts.add(live, known)
        if incident.parted and come_back(self._alerts, incident, live):
            self._causes.fires_again(live, now_ms)
        else:
            add(incident, live, now_ms)
            self._causes.joined(incident, live, alert)
        if self._changes.named:
            self._changes.attach(incident, alert, self._rules[rule].change_window_ms)
        incident.hear()
        if before is None or before.fired_at_ms is None:
            self.score(live, alert, now_ms)
            live.template = self.scoring.text
        else:
            weigh(incident, live.score, self.scored)
        is_state = fields["is_state"] or fields["source"] in self._state.states
        flaps_now = is_state and live.change(now_ms, self._flapping)
        calm, opening = _JOINED, _OPENED if is_first else _SURFACED
        if incident.incident_id == self._state.storm_id:
            calm, opening = Reason.STORM, Reason.STORM_BEGAN
        elif incident.incident_id == self._state.overflow_id:
            opening = Reason.OVERFLOW
        reason = self._settle(live, _NOBODY, (calm, opening), now_ms)
        if flaps_now:
            self._review.tell_flapping(live, now_ms)
        return reason, incident, live

    def _settle(self, live: Live, was: tuple[bool, bool, bool], reasons: tuple[Reason, Reason], now_ms: int) -> Reason:
        """The alert fires in its incident: count it, judge it, say why it pages or not. `reasons`: (calm, opening)."""
        calm, opening = reasons
        incident = live.incident
        was_dead = not incident.alive
        self._quiet.begin(live)
        others = self._review.judge(live, now_ms)
        account(incident, live, was)
        self._teller.listings.renew(incident, live)
        if was_dead:
            self._revive(incident)
        self._deadlines.alert(live)
        if opening is _SURFACED and incident.quiet is Reason.SUPPRESSED and self._quiet.is_doubted(live):
            opening = Reason.GROWN
        if live.quiet is None and self._teller.is_calling(incident):
            reason = calm
        else:
            reason = reason_of(incident, live, calm, opening)
        self._teller.change(incident, reason if reason.pages else None)
        if others:
            self._review.freed(others, now_ms)
        if live.quiet is not None and incident.alerts == self._policy.guardrails.grows_to:
            self._review.grown(incident, now_ms)
        return reason

    def _revive(self, incident: Open) -> None:
        due_ms = revive(incident, self._teller.rule_of(incident))
        if due_ms is not None:
            self._deadlines.incident(incident.incident_id, due_ms)

    def over_ms(self, alert: Alert, rule: int, incident: Open, now_ms: int) -> int:
        """When the alert is over if nothing more is heard of it: one of an everyday event, not before its incident."""
        fields = fields_of(alert)
        says_resolved = fields["is_state"] or fields["source"] in self._state.states
        waits_ms = self._waits_ms[rule]
        waited_ms = (waits_ms[0], waits_ms[says_resolved])
        due_ms = over_ms(fields["expires_at_ms"], (fields["at_ms"], now_ms), waited_ms)
        if says_resolved or fields["expires_at_ms"] is not None or incident.stray_ms == FOREVER_MS:
            return due_ms
        return max(due_ms, now_ms + incident.stray_ms)
