"""What one event does to its alert, and the decision on it: the only way in, but for the scan of plain duplicates."""

from operator import itemgetter

from pipeline.core.arrival import Arrival
from pipeline.core.columns import NEVER_MS
from pipeline.core.departure import Departure
from pipeline.core.events import near
from pipeline.core.incidents import Open
from pipeline.core.live import Live
from pipeline.core.review import Scope
from pipeline.core.run import Decided, Run, decided
from pipeline.core.seeking import Seeking
from pipeline.core.window import Change, change_of
from schemas import Alert, Reason, Status

_NEW, _DUPLICATE, _FIRING = Change.NEW, Change.DUPLICATE, Status.FIRING
_times = itemgetter("at_ms", "starts_at_ms", "status")
MOST_SOURCES = 10_000  # a source's name comes from outside
MOST_ENDED = 10_000  # ends that came before their firing
ENDED_MS = 3_600_000  # by how much
_PROOF = 2  # times that what looks like an end has to move on


class Hearing:
    """Hears the events of one scope, one by one."""

    def __init__(self, scope: Scope, arrival: Arrival, departure: Departure, seeking: Seeking) -> None:
        self._state, self._alerts, self._teller = scope.state, scope.alerts, scope.teller
        self._version = scope.policy.name
        self._arrival, self._departure, self._seeking = arrival, departure, seeking

    def hear(self, run: Run, *, is_unknown: bool = False) -> Decided:
        """Apply the next event, and say what was decided."""
        index, watermark_ms = run.index, self._state.watermark_ms
        alert, code, (at_ms, starts_at_ms, status) = run.alerts[index], run.codes[index], _times(run.fields[index])
        is_late = watermark_ms is not None and at_ms < watermark_ms
        now_ms = watermark_ms if watermark_ms is not None and is_late else at_ms
        self._state.watermark_ms = now_ms
        live = None if is_unknown else self._alerts.find(code)
        near(starts_at_ms)
        self._arrival.scored = self._arrival.guard = self._arrival.held = None
        if status is not _FIRING and alert.expires_at_ms is not None and self._is_renewed(alert, code):
            alert, status = alert.altered(status=_FIRING, ends_at_ms=None), _FIRING
            self._state.ended.pop(code, None)
        if status is not _FIRING:
            near(starts_at_ms if alert.ends_at_ms is None else alert.ends_at_ms)
            self._hear_resolved(alert.source, run)
            is_not_here = live is None or live.incident.is_forgotten
            ended = self._arrival.overflowing.end(code, now_ms) if is_not_here else None
            if ended is not None:
                return self._decision(alert, *ended, None, is_late=is_late)
        change = _NEW if is_unknown and status is _FIRING else change_of(alert, live)
        if change is _NEW:
            reason, incident, entered = self._arrival.place(alert, code, live, now_ms)
            if entered is not None and self._state.ended and self._is_over(alert, code, now_ms):
                self._departure.end(entered, now_ms)
            return self._decision(alert, reason, incident, entered, is_late=is_late, is_placed=True)
        if live is None:
            self._remember_end(alert, code, now_ms)
            return decided(alert, Reason.NEVER_FIRED, None, self._version, is_late=is_late)
        if change is _DUPLICATE and self._arrival.recurs(alert, live, now_ms):
            self._arrival.score(live, alert, now_ms)
        if self._seeking.strays(alert, live, change, now_ms) or (
            self._seeking.is_left_over(alert, live, change, now_ms) and not self._comes_back(run, live.incident)
        ):
            reason, live = self._seeking.seek(alert, live, now_ms)
            return self._decision(alert, reason, live.incident, live, is_late=is_late, is_placed=True)
        reason = self._known(alert, live, change, now_ms)
        return self._decision(alert, reason, live.incident, live, is_late=is_late)

    def _comes_back(self, run: Run, incident: Open) -> bool:
        """Whether an alert as bad as the outage was begins again in the same record: then it is that again."""
        for index in range(run.index + 1, run.end):
            alert = run.alerts[index]
            if alert.status is _FIRING and alert.severity.rank >= incident.lead_rank:
                live = self._alerts.find(run.codes[index])
                if live is not None and live.incident is incident:
                    return True
        return False

    def _hear_resolved(self, source: str, run: Run) -> None:
        states = self._state.states
        if source not in states and len(states) < MOST_SOURCES:
            states[source] = True
            run.hear_resolved(states)

    def _is_renewed(self, alert: Alert, code: int) -> bool:
        """Whether what looks like an end is the lease of what fires, by a clock behind ours: it moves on.

        Prometheus repeats an end as it was. The same firing may end for each of a pair of them at a time of its own, so
        one that comes later proves nothing; and an end lies before the lease that it cuts short.
        """
        leases, starts_ms, ends_ms = self._state.leases, alert.starts_at_ms, alert.ends_at_ms or 0
        known_starts_ms, latest_ms, moved = leases.pop(code, (starts_ms, ends_ms, 0))
        if known_starts_ms != starts_ms or ends_ms < latest_ms:
            moved = 0
        elif ends_ms > latest_ms:
            moved = min(moved + 1, _PROOF)
        if len(leases) >= MOST_ENDED:
            del leases[next(iter(leases))]
        leases[code] = (starts_ms, ends_ms, moved)
        return moved == _PROOF

    def _remember_end(self, alert: Alert, code: int, now_ms: int) -> None:
        """The end of an alert came that was never seen firing: its firing may come yet."""
        ended = self._state.ended
        if len(ended) >= MOST_ENDED:
            del ended[next(iter(ended))]
        ended[code] = (alert.at_ms if alert.ends_at_ms is None else alert.ends_at_ms, now_ms)

    def _is_over(self, alert: Alert, code: int, now_ms: int) -> bool:
        """Whether the end of this firing came before it, a short while ago: who is paged for it learns of that."""
        ended_at_ms, heard_at_ms = self._state.ended.pop(code, (NEVER_MS, NEVER_MS))
        return alert.starts_at_ms < ended_at_ms and now_ms - heard_at_ms <= ENDED_MS

    def _known(self, alert: Alert, live: Live, change: Change, now_ms: int) -> Reason:
        """Apply an event about an alert that has been seen before."""
        live.events += 1
        live.last_at_ms = now_ms
        if live.incident.is_forgotten:
            return Reason.ALREADY_RESOLVED
        live.incident.hear()
        if change is Change.ALREADY_RESOLVED:
            return Reason.ALREADY_RESOLVED
        if change is Change.RESOLVED:
            self._arrival.scoring.end(live.code, live.fired_at_ms, now_ms - live.fired_at_ms)
            return self._departure.end(live, now_ms, alert.ends_at_ms)
        return self._arrival.again(alert, live, change, now_ms)

    def _decision(  # noqa: PLR0913  # what there is to say of an event
        self, alert: Alert, reason: Reason, incident: Open, live: Live | None, *, is_late: bool, is_placed: bool = False
    ) -> Decided:
        next_at_ms = None
        if reason.pages:  # this page puts off the repeat that was to come
            next_at_ms = self._teller.repeats_at_ms(incident)
        elif not incident.is_forgotten and (due_ms := incident.due_ms) is not None:
            next_at_ms = due_ms if due_ms > (self._state.watermark_ms or 0) else None
        if live is not None and (live.is_firing or live.is_flapping):
            next_ms = live.next_ms()
            next_at_ms = next_ms if next_at_ms is None else min(next_ms, next_at_ms)
        return decided(
            alert,
            reason,
            incident.incident_id,
            self._version,
            is_late=is_late,
            next_at_ms=next_at_ms,
            score=None if live is None else live.score,
            scored=self._arrival.scored,
            guard=self._arrival.guard,
            held=self._arrival.held if reason is Reason.HELD else None,
            why=self._arrival.placement.why if is_placed else None,
        )
