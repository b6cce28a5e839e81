"""Events become firings: when each alert began, and when it ended, which is what the volatile labels are told by."""

import heapq

from pipeline.core.facets import facets
from pipeline.core.policy import Policy
from pipeline.core.volatile import VolatileState, observe
from schemas import Alert, Status


class Firings:
    """Turns events into what the detector of volatile labels asks for; `state` is what that has learned."""

    def __init__(self, policy: Policy) -> None:
        self.state = VolatileState()
        self._policy = policy
        self._firing: dict[str, tuple[Alert, int]] = {}  # by fingerprint; until when without news
        self._ends: list[tuple[int, str]] = []  # one for each that fires; may come up early
        self._says_resolved: set[str] = set()  # sources that do, so their alerts are states
        self._now_ms = 0

    def hear(self, alert: Alert) -> None:
        """Take note of one event."""
        self._now_ms = max(self._now_ms, alert.at_ms)
        self._expire()
        key = alert.fingerprint
        known = self._firing.get(key)
        if alert.status is Status.RESOLVED:
            self._says_resolved.add(alert.source)
            if known is not None:
                del self._firing[key]
                self._observe(alert, is_firing=False, at_ms=self._now_ms)
            return
        rule = self._policy.rules[self._policy.rule_of(facets(alert))]
        until_ms = alert.expires_at_ms or alert.at_ms + rule.expire_after_ms
        self._firing[key] = (alert, until_ms)
        if known is None:
            heapq.heappush(self._ends, (until_ms, key))
            self._observe(alert, is_firing=True, at_ms=self._now_ms)

    def _expire(self) -> None:
        while self._ends and self._ends[0][0] <= self._now_ms:
            _, key = heapq.heappop(self._ends)
            known = self._firing.get(key)
            if known is None:
                continue
            alert, until_ms = known
            if until_ms > self._now_ms:
                heapq.heappush(self._ends, (until_ms, key))
            else:
                del self._firing[key]
                self._observe(alert, is_firing=False, at_ms=until_ms)

    def _observe(self, alert: Alert, *, is_firing: bool, at_ms: int) -> None:
        if alert.source in self._says_resolved and not alert.is_state:
            alert = alert.model_copy(update={"is_state": True})
        observe(self.state, alert, is_firing, at_ms, self._policy.drop_labels)
