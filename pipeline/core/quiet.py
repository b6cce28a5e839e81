"""Why an alert that fires is not paged now, and when that may change by itself. The most deliberate reason first."""

from collections.abc import Mapping

from pipeline.core.facets import facets
from pipeline.core.inhibitor import Inhibitor
from pipeline.core.matcher import all_match
from pipeline.core.policy import Policy, Rule
from pipeline.core.silence import FOREVER_MS, Silences
from pipeline.core.state import Live
from schemas import Alert, Reason

Judged = tuple[Reason | None, int | None]  # why, and when to look again; (None, None): page
LOUD: Judged = (None, None)


class Quiet:
    """Judges the alerts of one scope. What it remembers is derived from those that are alive."""

    def __init__(self, policy: Policy, silences: Silences) -> None:
        self._policy = policy
        self._all = policy.rules
        self._silences = silences
        self._inhibitor = Inhibitor(policy.inhibit)
        self._rules: dict[str, int] = {}  # fingerprint → its rule, of those that are alive
        self._crowds: dict[int, dict[str, None]] = {}  # rule → its alerts that are alive, where their number counts

    def rule(self, alert: Alert) -> Rule:
        """What holds for an alert."""
        return self._policy.rules[self._policy.rule_of(facets(alert))]

    def is_unwanted(self, alert: Alert, now_ms: int) -> bool:
        """Whether people said that they do not want to hear of such an alert now."""
        seen = facets(alert)
        return self._hushed_until_ms(seen, self._policy.rules[self._policy.rule_of(seen)], now_ms) is not None

    def foresee(self, alert: Alert) -> None:
        """An alert of the record that is being decided fires too: what it explains is not paged before it."""
        self._inhibitor.begin(alert.fingerprint, facets(alert))

    def unforesee(self, fingerprint: str) -> None:
        """It is not alive after all."""
        if fingerprint not in self._rules:
            self._inhibitor.end(fingerprint)

    @property
    def alive(self) -> int:
        """How many alerts of the scope are alive."""
        return len(self._rules)

    def rule_of(self, fingerprint: str) -> Rule:
        """What holds for an alert that is alive."""
        return self._all[self._rules[fingerprint]]

    def begin(self, live: Live) -> list[str]:
        """An alert is alive now. Other alerts that may page because of that."""
        fingerprint, seen = live.alert.fingerprint, facets(live.alert)
        if fingerprint in self._rules:
            return []
        self._inhibitor.begin(fingerprint, seen)
        index = self._rules[fingerprint] = self._policy.rule_of(seen)
        at_least = self._policy.rules[index].at_least
        if at_least == 1:
            return []
        crowd = self._crowds.setdefault(index, {})
        crowd[fingerprint] = None
        return [other for other in crowd if other != fingerprint] if len(crowd) == at_least else []

    def end(self, fingerprint: str) -> list[str]:
        """It is not alive any more. Other alerts that may page because of that."""
        index = self._rules.pop(fingerprint, None)
        if index is not None:
            self._crowds.get(index, {}).pop(fingerprint, None)
        return self._inhibitor.end(fingerprint)

    def judge(self, live: Live, now_ms: int) -> Judged:
        """Why `live`, which is alive, is not paged now."""
        rule = self.rule_of(live.alert.fingerprint)
        return self._asked_for(live, rule, now_ms) or self._waiting(live, rule, now_ms)

    def _asked_for(self, live: Live, rule: Rule, now_ms: int) -> Judged | None:
        """What people said keeps it quiet, whatever it is."""
        hushed = self._hushed_until_ms(facets(live.alert), rule, now_ms)
        if hushed is None and self._inhibitor.inhibits(live.alert.fingerprint):
            return Reason.INHIBITED, None
        return hushed

    def _hushed_until_ms(self, seen: Mapping[str, str], rule: Rule, now_ms: int) -> tuple[Reason, int] | None:
        """The silence or the time in which nobody is paged for it, and when that ends."""
        until_ms = self._silences.until_ms(seen, now_ms)
        if until_ms is not None:
            return Reason.SILENCED, until_ms
        until_ms = self._muted_until_ms(seen, rule, now_ms)
        return None if until_ms is None else (Reason.MUTED, until_ms)

    def _waiting(self, live: Live, rule: Rule, now_ms: int) -> Judged:
        """What keeps it quiet for a while, unless it is to page now. What flaps is not held: it would be for ever."""
        if self._policy.pages_now(facets(live.alert)):
            return LOUD
        if now_ms < live.fired_at_ms + rule.hold_ms and not live.flap.is_flapping:
            return Reason.HELD, live.fired_at_ms + rule.hold_ms
        if rule.at_least > 1 and len(self._crowds[self._rules[live.alert.fingerprint]]) < rule.at_least:
            return Reason.TOO_FEW, None
        return LOUD

    def _muted_until_ms(self, labels: Mapping[str, str], rule: Rule, now_ms: int) -> int | None:
        """When to look again whether the time is still one in which nobody is paged; None if it is not."""
        windows = [window for window in self._policy.maintenance if all_match(window.match, labels)]
        muting = [*rule.mute_during, *(name for window in windows for name in window.during)]
        intervals = self._policy.intervals
        ends = [intervals[name].next_change_ms(now_ms) for name in muting if intervals[name].contains(now_ms)]
        if ends:
            return max(FOREVER_MS if end is None else end for end in ends)
        paging = [intervals[name] for name in rule.page_during]
        if not paging or any(interval.contains(now_ms) for interval in paging):
            return None
        starts = [start for interval in paging if (start := interval.next_change_ms(now_ms)) is not None]
        return min(starts, default=FOREVER_MS)
