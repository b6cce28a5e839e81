"""Why an alert that fires is not paged now, and when that may change by itself. The most deliberate reason first."""

from collections.abc import Mapping

from pipeline.core.inhibitor import Inhibitor
from pipeline.core.matcher import all_match
from pipeline.core.policy import Policy, Rule
from pipeline.core.silence import FOREVER_MS, Silences
from pipeline.core.state import Live
from schemas import Reason

Verdict = tuple[Reason | None, int | None]  # why, and when to look again; (None, None): page
LOUD: Verdict = (None, None)


class Quiet:
    """Judges the alerts of one scope. What it remembers is derived from those that are alive."""

    def __init__(self, policy: Policy, silences: Silences) -> None:
        self._policy = policy
        self._silences = silences
        self._inhibitor = Inhibitor(policy.inhibit)
        self._rules: dict[str, int] = {}  # fingerprint → its rule, of those that are alive
        self._crowds: dict[int, dict[str, None]] = {}  # rule → its alerts that are alive, where their number counts

    def rule(self, labels: Mapping[str, str]) -> Rule:
        """What holds for an alert with these labels."""
        return self._policy.rules[self._policy.rule_of(labels)]

    def rule_of(self, fingerprint: str) -> Rule:
        """What holds for an alert that is alive."""
        return self._policy.rules[self._rules[fingerprint]]

    def begin(self, live: Live) -> list[str]:
        """An alert is alive now. Other alerts that may page because of that."""
        fingerprint, labels = live.alert.fingerprint, live.alert.labels
        if fingerprint in self._rules:
            return []
        self._inhibitor.begin(fingerprint, labels)
        index = self._rules[fingerprint] = self._policy.rule_of(labels)
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

    def judge(self, live: Live, now_ms: int) -> Verdict:
        """Why `live`, which is alive, is not paged now."""
        rule = self.rule_of(live.alert.fingerprint)
        return self._asked_for(live, rule, now_ms) or self._waiting(live, rule, now_ms)

    def _asked_for(self, live: Live, rule: Rule, now_ms: int) -> Verdict | None:
        """What people said keeps it quiet, whatever it is."""
        labels = live.alert.labels
        until_ms = self._silences.until_ms(labels, now_ms)
        if until_ms is not None:
            return Reason.SILENCED, until_ms
        until_ms = self._muted_until_ms(labels, rule, now_ms)
        if until_ms is not None:
            return Reason.MUTED, until_ms
        if self._inhibitor.inhibits(live.alert.fingerprint):
            return Reason.INHIBITED, None
        return None

    def _waiting(self, live: Live, rule: Rule, now_ms: int) -> Verdict:
        """What keeps it quiet for a while, unless it is to page now."""
        if self._policy.pages_now(live.alert.labels):
            return LOUD
        if now_ms < live.fired_at_ms + rule.hold_ms:
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
