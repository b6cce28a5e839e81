"""Why an alert that fires is not paged now, and when that may change by itself. The most deliberate reason first."""

from collections.abc import Mapping

from pipeline.core.actionability.guardrails import Suppress
from pipeline.core.columns import FOREVER_MS, NEVER_MS
from pipeline.core.facets import facets
from pipeline.core.fingerprint import code_of
from pipeline.core.inhibitor import Inhibitor
from pipeline.core.live import ASKED_FOR, Live
from pipeline.core.matcher import all_match
from pipeline.core.policy import Policy, Rule
from pipeline.core.silence import END_MS, Silences
from schemas import Alert, Reason, Severity

Judged = tuple[Reason | None, int]  # why, and when to look again
LOUD: Judged = (None, FOREVER_MS)
_FAR_MORE = 100
# What flaps and says that it is over does not page because this has ended, but once it fires again.
_UNTIL_IT_FIRES = ASKED_FOR | {Reason.TOO_FEW}


class Quiet:
    """Judges the alerts of one scope. What it remembers is derived from those that are alive."""

    def __init__(self, policy: Policy, silences: Silences) -> None:
        self._policy = policy
        self._rules = policy.rules
        self._silences = silences
        self._inhibitor, self._inhibits = Inhibitor(policy.inhibit), bool(policy.inhibit)
        # rule → its alerts that fire and that nobody asked not to be paged for, where their number counts
        self._crowds: dict[int, set[int]] = {}
        self.has_joined = False  # whether `judge` has just counted an alert that was not counted so before
        self.alive = 0  # alerts of the scope
        # Nine policies of ten have no times in which nobody is paged.
        self._may_mute = bool(policy.maintenance) or any(rule.mute_during or rule.page_during for rule in self._rules)
        self._times: dict[
            str, tuple[int, bool, int | None]
        ] = {}  # time interval → since when it is known so, until when
        # By rule: whether only a silence can keep its alerts quiet.
        self._is_plain = [
            not (self._may_mute or policy.inhibit or rule.hold_ms or rule.at_least > 1 or rule.suppress is Suppress.ON)
            for rule in self._rules
        ]

    def may_hush(self) -> bool:
        """Whether anybody ever asked not to be paged, or not at some times."""
        return self._may_mute or not self._silences.is_empty

    @property
    def is_counting(self) -> bool:
        """Whether it has to know of each alert that is alive, and not only how many there are."""
        return bool(self._policy.inhibit) or any(rule.at_least > 1 for rule in self._rules)

    def foresee(self, alert: Alert) -> bool:
        """An alert of the record that is being decided fires too: what it explains is not paged before it.

        Whether it may have to be unforeseen.
        """
        return self._inhibitor.begin(code_of(alert.fingerprint), facets(alert))

    def unforesee(self, code: int) -> None:
        """It is not alive after all."""
        self._inhibitor.end(code)

    def begin(self, live: Live) -> None:
        """An alert is alive now, and is to be judged."""
        if not live.is_counted:
            live.is_counted = True
            self.alive += 1
        if self._inhibits:
            self._inhibitor.begin_of(live)
            if not live.is_firing:
                self._inhibitor.rest(live.code)

    def rest(self, code: int) -> list[int]:
        """It flaps and says that it is over. The codes of others that may page because of that."""
        for crowd in self._crowds.values():
            crowd.discard(code)
        return self._inhibitor.rest(code)

    def recall(self, live: Live) -> None:
        """An alert of a snapshot is alive, and was judged."""
        self.begin(live)
        if self._rules[live.rule].at_least > 1 and live.is_firing and live.quiet not in ASKED_FOR:
            self._crowds.setdefault(live.rule, set()).add(live.code)

    def end(self, live: Live) -> list[int]:
        """It is not alive any more. The codes of others that may page because of that."""
        if live.is_counted:
            live.is_counted = False
            self.alive -= 1
            if live.rule in self._crowds:
                self._crowds[live.rule].discard(live.code)
        return self._inhibitor.end(live.code)

    def judge(self, live: Live, now_ms: int) -> Judged:
        """Why `live`, which is alive, is not paged now."""
        if self._is_plain[live.rule] and self._silences.is_empty:
            return LOUD
        rule = self._rules[live.rule]
        asked = self._asked_for(live, rule, now_ms)
        if rule.at_least > 1:
            crowd = self._crowds.setdefault(live.rule, set())
            counts = asked is None and live.is_firing
            self.has_joined = counts and live.code not in crowd
            (crowd.add if counts else crowd.discard)(live.code)
        if asked is None and not live.is_firing and live.quiet in _UNTIL_IT_FIRES:
            return live.quiet, FOREVER_MS
        if asked is not None and asked[0] is Reason.SILENCED:
            return asked
        reason, until_ms = asked or self._waiting(live, rule, now_ms)
        if reason is not None and self.may_hush():
            until_ms = min(until_ms, self._begins_ms(facets(live.alert), rule, now_ms))
        return reason, until_ms

    def is_asked_for(self, live: Live, now_ms: int) -> bool:
        """Whether somebody said, by now, that the alert is not to be paged."""
        return self._asked_for(live, self._rules[live.rule], now_ms) is not None

    def crowd_of(self, live: Live) -> tuple[list[int], int]:
        """The others that count where `at_least` so many alerts of a rule must fire, and that number.

        None, where there are far more than that: whether some have been silenced since is not worth the time.
        """
        crowd, at_least = self._crowds[live.rule], self._rules[live.rule].at_least
        return sorted(crowd - {live.code}) if len(crowd) <= at_least + _FAR_MORE else [], at_least

    def is_just_enough(self, live: Live) -> bool:
        """Whether as many count by now as must, and no more."""
        return len(self._crowds[live.rule]) == self._rules[live.rule].at_least

    def hushed(self, seen: Mapping[str, str], rule: Rule, now_ms: int) -> Judged | None:
        """The silence or the time in which nobody is paged for what has these facets, and when that ends."""
        if not self._silences.is_empty:
            until_ms = self._silences.until_ms(seen, now_ms)
            if until_ms is not None:
                return Reason.SILENCED, until_ms
        if not self._may_mute:
            return None
        until_ms = self._muted_until_ms(seen, rule, now_ms)
        return None if until_ms is None else (Reason.MUTED, until_ms)

    def _asked_for(self, live: Live, rule: Rule, now_ms: int) -> Judged | None:
        """What people said keeps it quiet, whatever it is."""
        if self.may_hush():
            hushed = self.hushed(facets(live.alert), rule, now_ms)
            if hushed is not None:
                return hushed
        return (Reason.INHIBITED, FOREVER_MS) if self._inhibitor.inhibits(live.code) else None

    def _waiting(self, live: Live, rule: Rule, now_ms: int) -> Judged:
        """What keeps it quiet for a while, unless it is to page now."""
        held_until_ms = self.held_until_ms(live)
        is_held = now_ms < held_until_ms
        is_alone = rule.at_least > 1 and len(self._crowds[live.rule]) < rule.at_least
        if not live.is_firing:  # it flaps: whoever was told of it stays told
            is_alone = rule.at_least > 1 and live.quiet is not None
        if not (is_held or is_alone) or self._policy.pages_now(facets(live.alert)):
            return self._suppressed(live, rule, now_ms)
        if is_held:
            return Reason.HELD, held_until_ms
        return Reason.TOO_FEW, FOREVER_MS

    def held_until_ms(self, live: Live) -> int:
        """Until when its page waits. What flaps is not held: it would be for ever."""
        rule = self._rules[live.rule]
        if rule.holds_as_learned:
            return self._learned_until_ms(live, rule) if live.hold_ms else NEVER_MS
        return NEVER_MS if live.is_flapping else live.fired_at_ms + rule.hold_ms

    def _learned_until_ms(self, live: Live, rule: Rule) -> int:
        """Likewise, where its past says so; never what a guardrail names by now, nor what was told of already.

        What flaps is judged by each of its firings, since each is soon over; but not after `max_hold`.
        """
        rails, incident = self._policy.guardrails, live.incident
        is_critical = live.severity is Severity.CRITICAL and not rule.hold_critical
        is_told = incident.paged_rank is not None and live.severity.rank <= incident.paged_rank
        has_grown = incident.alerts >= rails.grows_to
        if is_critical or is_told or has_grown or self._policy.always_pages(facets(live.alert)):
            return NEVER_MS
        until_ms = live.fired_at_ms + min(live.hold_ms, rule.hold_at_most_ms, rails.max_hold_ms)
        if not live.is_flapping:
            return until_ms
        return min(until_ms, incident.begun_at_ms + rails.max_hold_ms) if live.is_firing else FOREVER_MS

    def is_doubted(self, live: Live) -> bool:
        """Whether its score alone would keep the alert quiet."""
        rule = self._rules[live.rule]
        return rule.suppress is Suppress.ON and live.guard is None and live.score < rule.page_above

    def loud_since(self, live: Live) -> Reason:
        """Why an alert pages now that its score kept quiet."""
        if not self.is_doubted(live):
            return Reason.QUIET_ENDED  # by another policy
        return Reason.GROWN if live.incident.alerts >= self._policy.guardrails.grows_to else Reason.LASTED

    def _suppressed(self, live: Live, rule: Rule, now_ms: int) -> Judged:
        """A low score keeps it quiet, until it lasts or its incident grows. What flaps lasts as its incident does."""
        if not self.is_doubted(live):
            return LOUD
        rails, incident = self._policy.guardrails, live.incident
        since_ms = incident.begun_at_ms if live.is_flapping else live.begun_at_ms
        until_ms = since_ms + rails.max_hold_ms
        has_grown = incident.alerts >= rails.grows_to
        if now_ms >= until_ms or has_grown or self._policy.always_pages(facets(live.alert)):
            return LOUD
        return Reason.SUPPRESSED, until_ms

    def _begins_ms(self, labels: Mapping[str, str], rule: Rule, now_ms: int) -> int:
        """When a silence or another time begins that may keep it quiet; FOREVER_MS: none that is known."""
        begins_ms = self._silences.begins_ms(labels, now_ms)
        if not self._may_mute:
            return begins_ms
        names = (*self._muting(labels, rule), *rule.page_during)
        return min(
            [begins_ms, *(until_ms for name in names if (until_ms := self._time_of(name, now_ms)[1]) is not None)]
        )

    def _muted_until_ms(self, labels: Mapping[str, str], rule: Rule, now_ms: int) -> int | None:
        """When to look again whether the time is still one in which nobody is paged; None if it is not."""
        times = [self._time_of(name, now_ms) for name in self._muting(labels, rule)]
        ends = [END_MS if until_ms is None else until_ms for is_now, until_ms in times if is_now]
        if ends:
            return max(ends)
        paging = [self._time_of(name, now_ms) for name in rule.page_during]
        if not paging or any(is_now for is_now, _ in paging):
            return None
        return min([start_ms for _, start_ms in paging if start_ms is not None], default=END_MS)

    def _muting(self, labels: Mapping[str, str], rule: Rule) -> list[str]:
        """The time intervals in which nobody is paged for what has these labels."""
        windows = [window for window in self._policy.maintenance if all_match(window.match, labels)]
        return [*rule.mute_during, *(name for window in windows for name in window.during)]

    def _time_of(self, name: str, now_ms: int) -> tuple[bool, int | None]:
        """Whether it is within the time interval of this name, and until when that stays so."""
        since_ms, is_in, until_ms = self._times.get(name, (FOREVER_MS, False, None))
        if not since_ms <= now_ms < (until_ms or NEVER_MS):  # to look for the next change takes up to 150 µs
            interval = self._policy.intervals[name]
            is_in, until_ms = interval.contains(now_ms), interval.next_change_ms(now_ms)
            self._times[name] = now_ms, is_in, until_ms
        return is_in, until_ms
