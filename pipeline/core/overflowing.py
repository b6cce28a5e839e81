"""More alerts are open than may be remembered: one incident pages for all new ones, and none is dropped in silence."""

from pipeline.core.facets import facets
from pipeline.core.heading import alone
from pipeline.core.incident import quieten, repeats_at_ms
from pipeline.core.incidents import Open
from pipeline.core.overflow import Overflow
from pipeline.core.review import Scope
from pipeline.core.shown import cut
from schemas import Alert, Reason

_LONGEST_NAME = 80  # of two in one sentence
_LOOK_AGAIN_MS = 60_000  # whether there is room


class Overflowing:
    """Counts what cannot be remembered in one scope."""

    def __init__(self, scope: Scope) -> None:
        self._state, self._policy, _, _, self._deadlines, self._quiet, self._teller = scope

    @property
    def incident(self) -> Open | None:
        """The incident that pages for it, while it is open."""
        incident = self._state.incidents.get(self._state.overflow_id or "")
        return incident if incident is not None and incident.resolved_at_ms is None else None

    def overflow(self, incident: Open, alert: Alert, code: int, over_ms: int, *, is_unwanted: bool) -> Reason:
        """Count an alert that fires. The first that nobody silenced pages, each worse one, and what is to page at once.

        Each of these last pages once in an incident, however often it fires there.
        """
        incident.hear()
        overflow = incident.overflow = incident.overflow or Overflow()
        pages_now = self._policy.pages_now(facets(alert))
        now_ms = self._state.watermark_ms or 0
        is_news = overflow.hear(code, over_ms, now_ms, pages_now=pages_now, is_unwanted=is_unwanted)
        self._repeat_in_time(incident, now_ms)
        reason = self._reason(incident, alert, is_unwanted=is_unwanted)
        if pages_now and not is_unwanted and overflow.tells_first(code):
            reason = reason or Reason.OVERFLOW
        if reason is not None:
            overflow.head = cut(alone(alert, {}), _LONGEST_NAME)
        if is_news and not is_unwanted:
            overflow.last = cut(alone(alert, {}), _LONGEST_NAME)
        if reason is not None and not self._teller.is_calling(incident):
            self._teller.change(incident, reason)
            return reason
        if reason is not None or is_news:
            self._teller.change(incident, None)
        return Reason.OVERFLOWED

    def _reason(self, incident: Open, alert: Alert, *, is_unwanted: bool) -> Reason | None:
        """Why its severity alone lets it page."""
        worst = max(incident.loud_rank, -1 if incident.paged_rank is None else incident.paged_rank)
        if is_unwanted or alert.severity.rank <= worst:
            return None
        incident.loud_rank, incident.severity = alert.severity.rank, alert.severity
        return Reason.OVERFLOW if worst < 0 else Reason.RAISED

    def end(self, code: int, now_ms: int) -> tuple[Reason, Open] | None:
        """An alert that is not remembered says that it is over. None: it never fired, as far as is known."""
        incident = self.incident
        if incident is None or incident.overflow is None:
            return None
        if self._is_over(incident, code, now_ms):
            incident.hear()
            return Reason.RESOLVED, incident
        if code in incident.overflow.known:
            incident.hear()
            return Reason.ALREADY_RESOLVED, incident
        # It may be one of those that are not even known: that it never fired would be a guess.
        if incident.overflow.beyond_ms <= now_ms:
            return None
        incident.hear()
        return Reason.OVERFLOWED, incident

    def remembered(self, code: int, now_ms: int) -> None:
        """There is room again for an alert: another incident tells of it from now on."""
        incident = self.incident
        if incident is not None:
            self._is_over(incident, code, now_ms)

    def puts_off(self, incident: Open, due_ms: int) -> bool:
        """Whether an incident of which nothing that is remembered fires stays open beyond `due_ms` nevertheless."""
        if incident.incident_id != self._state.overflow_id:
            return False
        # Only the scope's own limit counts: what other scopes hold at a deadline depends on how the log is cut.
        rule, overflow = self._teller.rule_of(incident), incident.overflow
        if overflow is not None and overflow.over_ms + rule.resolve_after_ms > due_ms:
            again_ms, incident.ended_by = overflow.over_ms + rule.resolve_after_ms, Reason.EXPIRED
        elif self._quiet.alive >= self._policy.max_live_alerts:
            again_ms = due_ms + max(rule.resolve_after_ms, _LOOK_AGAIN_MS)
        else:
            return False
        repeats_ms = repeats_at_ms(incident, due_ms, rule)
        if repeats_ms is not None:
            if repeats_at_ms(incident, due_ms - 1, rule) == due_ms:
                self._teller.change(incident, Reason.REPEATED)
            again_ms = min(again_ms, repeats_ms)
        incident.due_ms = again_ms
        self._deadlines.incident(incident.incident_id, again_ms)
        return True

    def _repeat_in_time(self, incident: Open, now_ms: int) -> None:
        """See that its page is repeated for what is not remembered, where nothing else in it fires."""
        repeats_ms = None if incident.alive else repeats_at_ms(incident, now_ms, self._teller.rule_of(incident))
        if repeats_ms is not None and incident.due_ms is not None and repeats_ms < incident.due_ms:
            incident.due_ms = repeats_ms
            self._deadlines.incident(incident.incident_id, repeats_ms)

    def _is_over(self, incident: Open, code: int, now_ms: int) -> bool:
        if incident.overflow is None or not incident.overflow.end(code, now_ms):
            return False
        incident.ended_by = Reason.RESOLVED
        before_ms, due_ms = incident.due_ms, quieten(incident, now_ms, self._teller.rule_of(incident))
        if due_ms is not None and due_ms != before_ms:
            self._deadlines.incident(incident.incident_id, due_ms)
        self._teller.change(incident, None)
        return True
