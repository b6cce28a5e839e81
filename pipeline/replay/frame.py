"""A recording of log-like events is told as their monitor would post it: what comes within half a second, at once.

Who ships events posts them in batches, and correlation places the events of one record together. A recording has one
event a line, so lines are put together again; states, and whatever the policy groups by labels, stay apart.
"""

from pipeline.core.policy import Policy
from schemas import Alert, Alerts, Status

GATHER_MS = 500
MOST_TOGETHER = 1000  # events of one record


class Frames:
    """Puts records of one event each together; several at once only where they are of one scope."""

    def __init__(self, policy: Policy) -> None:
        self._is_needed = any(rule.group_by is None for rule in policy.rules)
        self._states: set[str] = set()
        self._open: list[Alerts] = []
        self._ends_at_ms = 0
        self._lines: dict[int, list[int]] = {}

    def take(self, records: list[Alerts]) -> list[Alerts]:
        """The records of one line come. Those that are whole by now."""
        if not self._is_needed:
            return records
        alert = records[0].alerts[0] if len(records) == 1 and len(records[0].alerts) == 1 else None
        if alert is None or not self._is_event(alert):
            self._states.update(one.source for each in records for one in each.alerts if one.status is Status.RESOLVED)
            return [*self.rest(), *records]
        if self._open and self._fits(records[0], alert.at_ms):
            self._open += records
            return []
        whole = self.rest()
        self._open, self._ends_at_ms = list(records), alert.at_ms + GATHER_MS
        return whole

    def rest(self) -> list[Alerts]:
        """The record that was being put together."""
        several, self._open = self._open, []
        if len(several) < 2:
            return several
        first = several[0]
        self._lines[first.raw_offset] = [one.raw_offset for one in several]
        return [first.altered(alerts=tuple([one.alerts[0] for one in several]))]

    def lines_of(self, raw_offset: int, events: int) -> list[int]:
        """The line of each event of a record that has been decided."""
        return self._lines.pop(raw_offset, None) or [raw_offset] * events

    def _is_event(self, alert: Alert) -> bool:
        is_state = alert.is_state or alert.source in self._states or alert.expires_at_ms is not None
        return alert.status is Status.FIRING and not is_state

    def _fits(self, record: Alerts, at_ms: int) -> bool:
        first, last = self._open[0], self._open[-1]
        is_soon = last.alerts[0].at_ms <= at_ms <= self._ends_at_ms
        return is_soon and record.scope == first.scope and len(self._open) < MOST_TOGETHER
