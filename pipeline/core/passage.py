"""What deadlines do when the watermark passes them: all that is due, in time order, each at its own time."""

from pipeline.core.arrival import Arrival
from pipeline.core.deadlines import Due
from pipeline.core.departure import Departure
from pipeline.core.incident import resolve
from pipeline.core.review import Review, Scope
from pipeline.core.surfacing import Surfacing
from pipeline.core.tell import Facts
from schemas import Reason


class Passage:
    """Moves the time of one scope."""

    def __init__(  # what may be due, and who sees to it
        self, scope: Scope, review: Review, arrival: Arrival, departure: Departure, surfacing: Surfacing
    ) -> None:
        self._state, _, _, _, self._deadlines, _, self._teller = scope
        self._review, self._arrival, self._departure, self._surfacing = review, arrival, departure, surfacing

    def advance(self, to_ms: int, facts: Facts) -> None:
        """Let everything happen that is due by `to_ms`, in time order, each at its own time."""
        while self._is_due(to_ms, facts) and (due := self._deadlines.pop(to_ms)) is not None:
            due_ms, what, key = due
            self._state.watermark_ms = max(due_ms, self._state.watermark_ms or due_ms)
            if isinstance(key, int):
                self._departure.alert_due(key, due_ms)
            elif what is Due.INCIDENT:
                self._incident_due(key, due_ms, facts)
            else:
                self._arrival.storm_due(due_ms)
        self._state.watermark_ms = to_ms

    def _is_due(self, to_ms: int, facts: Facts) -> bool:
        """Whether anything more is due by `to_ms`. What happened at one time is told at once, before time goes on.

        To tell may be what makes something due: a page that goes out now repeats, and maybe before anything else.
        """
        now_ms, next_ms = self._state.watermark_ms, self._deadlines.next_ms()
        while self._teller.pending and (
            next_ms is None or next_ms > to_ms or (now_ms is not None and next_ms > now_ms)
        ):
            self._tell(facts)
            next_ms = self._deadlines.next_ms()
        return next_ms is not None and next_ms <= to_ms

    def _tell(self, facts: Facts) -> None:
        self._surfacing.gather()
        self._teller.tell(facts)

    def _incident_due(self, key: str, due_ms: int, facts: Facts) -> None:
        incident = self._state.incidents.get(key)
        if incident is None or incident.due_ms != due_ms:
            return
        if incident.resolved_at_ms is not None:
            self._tell(facts)  # its end may be of this very millisecond
            self._departure.forget(incident)
            return
        rule = self._teller.rule_of(incident)
        if not incident.alive and not self._arrival.overflowing.puts_off(incident, due_ms):
            self._deadlines.incident(key, resolve(self._state, incident, due_ms, rule))
            self._state.correlation.close(incident)
            self._teller.change(incident, incident.ended_by)
        elif incident.alive and rule.repeat_after_ms is not None and incident.acknowledged_by is None:
            self._review.rejudge(incident, due_ms)
            again_ms = incident.due_ms = due_ms + rule.repeat_after_ms
            self._deadlines.incident(key, again_ms)
            self._teller.change(incident, Reason.REPEATED)
