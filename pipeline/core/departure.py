"""What happens to an alert when it ends, or when its time has come without news: it leaves, or is looked at again."""

from pipeline.core.columns import FOREVER_MS
from pipeline.core.incident import account, forget, quieten, standing
from pipeline.core.incidents import Open
from pipeline.core.live import Live
from pipeline.core.review import Review, Scope
from schemas import Reason

_WAITED = (Reason.HELD, Reason.SUPPRESSED)


class Departure:
    """Applies ends and deadlines of alerts to one scope."""

    def __init__(self, scope: Scope, review: Review) -> None:
        self._state, self._policy, _, self._alerts, self._deadlines, self._quiet, self._teller = scope
        self._review = review

    def end(self, live: Live, now_ms: int, ended_at_ms: int | None = None) -> Reason:
        """The alert says, or its time says, that it is over. `ended_at_ms`: since when, by its source's clock."""
        incident = live.incident
        was = standing(live)
        was_held = incident.paged_rank is None and live.quiet in _WAITED
        incident.ended_by = Reason.RESOLVED
        live.is_firing, live.fired_at_ms = False, now_ms if ended_at_ms is None else ended_at_ms
        live.due_ms = now_ms + self._policy.rules[live.rule].expire_after_ms
        flaps_now = not live.is_echo and self._review.flaps(live, now_ms)
        self._leave(live, was, now_ms)
        if flaps_now:
            self._review.tell_flapping(live, now_ms)
        if live.is_flapping:
            return Reason.FLAPPING
        return Reason.TRANSIENT if was_held else Reason.RESOLVED

    def expire(self, live: Live, now_ms: int) -> None:
        """It is over without its source saying so."""
        self.end(live, now_ms)
        live.incident.ended_by = Reason.EXPIRED

    def alert_due(self, code: int, due_ms: int) -> None:
        """A deadline of an alert has come, or was put off."""
        live = self._alerts.find(code)
        if live is None or live.queued_ms != due_ms:
            return  # an entry that a later one replaced
        live.queued_ms = FOREVER_MS
        if live.incident.is_forgotten:  # long over
            if live.due_ms <= due_ms:
                self._alerts.remove(live)
                return
        elif live.flap_ends_ms <= due_ms:
            self._review.review(live, due_ms)
            is_heard = live.is_loud
            self.calm(live, due_ms)
            self._teller.change(live.incident, Reason.FLAP_ENDED if is_heard else None)
        elif live.is_firing and live.due_ms <= due_ms:
            if live.quiet is not None and self._quiet.held_until_ms(live) >= due_ms:
                # Nobody said that it is over: a silent source must not unpage it.
                live.due_ms = self._quiet.held_until_ms(live) + 1
            else:
                self.expire(live, due_ms)
        elif live.review_at_ms <= due_ms and live.is_alive:
            self._review.review(live, due_ms)
        elif live.due_ms <= due_ms:  # over, but its incident still tells of it
            live.due_ms = due_ms + self._policy.rules[live.rule].expire_after_ms
        self._deadlines.alert(live)

    def forget(self, incident: Open) -> None:
        """It may not reopen any more. Where memory is short, its alerts that are over go with it."""
        members = forget(self._state, incident)
        is_short = len(self._alerts) > self._policy.max_live_alerts
        if not is_short and not incident.is_correlated:
            return
        for code in members:
            live = self._alerts.find(code)
            if live is not None and live.incident is incident and (is_short or live.is_parted):
                self._alerts.remove(live)

    def _leave(self, live: Live, was: tuple[bool, bool, bool], now_ms: int) -> None:
        incident = live.incident
        if not live.is_alive:
            live.quiet, live.review_at_ms = None, FOREVER_MS
        account(incident, live, was)
        self._teller.listings.renew(incident, live)
        self._deadlines.alert(live)
        self._teller.change(incident, None)
        if live.is_alive:
            if not live.is_firing:
                self._review.freed(self._quiet.rest(live.code), now_ms)
            return
        resolves_at_ms = quieten(incident, now_ms, self._teller.rule_of(incident))
        if resolves_at_ms is not None:
            self._deadlines.incident(incident.incident_id, resolves_at_ms)
        self._review.freed(self._quiet.end(live), now_ms)

    def calm(self, live: Live, now_ms: int) -> None:
        """It flaps no longer, in this incident."""
        was = standing(live)
        live.is_flapping = False
        live.flap_ends_ms = FOREVER_MS
        self._leave(live, was, now_ms)
