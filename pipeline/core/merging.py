"""An incident goes on in an older one: its alerts move there, its page resolves and says where, nothing pages twice."""

from pipeline.core.cause import Causes, Directions
from pipeline.core.changes import show
from pipeline.core.incident import absorb, account, add, revive, weigh
from pipeline.core.incidents import Open
from pipeline.core.review import Scope
from pipeline.core.trace import come_back
from schemas import Reason

_WAITING = frozenset({Reason.SUPPRESSED, Reason.HELD})
_NOBODY = (False, False, False)


class Merging:
    """Merges incidents of one scope."""

    def __init__(self, scope: Scope, directions: Directions) -> None:
        self._state, self._alerts = scope.state, scope.alerts
        self._grows_to = scope.policy.guardrails.grows_to
        self._deadlines, self._teller = scope.deadlines, scope.teller
        self._causes = Causes(self._alerts, directions)

    def merge(self, several: list[Open], now_ms: int) -> Open:
        """Merge open incidents. The one that goes on: the oldest that was paged.

        If none was: the oldest. So whoever was told of one still has it, and is told nothing more.
        """
        into = min(several, key=lambda one: (one.paged_rank is None, one.opened_at_ms, one.incident_id))
        was_over = not into.alive
        for incident in sorted(several, key=lambda one: (one.opened_at_ms, one.incident_id)):
            if incident is not into:
                would_page = self._teller.is_calling(incident)
                self._move(incident, into)
                self._end(incident, into, now_ms)
                if would_page:
                    self._page_instead(into)
        if was_over and into.alive:
            due_ms = revive(into, self._teller.rule_of(into))
            if due_ms is not None:
                self._deadlines.incident(into.incident_id, due_ms)
        if into.alerts >= self._grows_to:
            self._ask_again(into, now_ms)
        self._teller.change(into, None)
        return into

    def _ask_again(self, into: Open, now_ms: int) -> None:
        """It has more alerts by now than a score or a learned hold keeps quiet: what waits in it is asked again."""
        for code in into.members:
            live = self._alerts.find(code)
            if live is not None and live.incident is into and live.is_alive and live.quiet in _WAITING:
                live.review_at_ms = now_ms
                self._deadlines.alert(live)

    def _page_instead(self, into: Open) -> None:
        """Another incident was to page by this very record: what goes on for it does, unless people know as much."""
        if into.paged_rank is None:
            self._teller.change(into, Reason.SURFACED)
        elif into.loud_rank > into.paged_rank:
            self._teller.change(into, Reason.RAISED)

    def _move(self, incident: Open, into: Open) -> None:
        theirs = incident.evidence or self._causes.of_first(incident)
        ours = into.evidence = into.evidence or self._causes.of_first(into)
        into.began_ms = min(into.began_ms, incident.began_ms)
        for change in reversed(incident.changes):
            show(into, change)
        if incident.paged_rank is not None:
            into.paged_rank = max(incident.paged_rank, -1 if into.paged_rank is None else into.paged_rank)
            into.paged_at_ms = max(incident.paged_at_ms or 0, into.paged_at_ms or 0)
        into.is_spared |= incident.is_spared
        into.is_quieted |= incident.is_quieted
        if incident.score is not None:
            weigh(into, incident.score, incident.scored)
        into.events += incident.events
        into.grew_at_ms = max(into.grew_at_ms, incident.grew_at_ms)
        elsewhere, known = [], []
        for code in incident.members:
            live = self._alerts.find(code)
            if live is None or live.incident is not incident:
                continue
            if live.is_parted:  # what is parted is over here, and counts where it is
                elsewhere.append(live)
                continue
            self._alerts.move(live, into)
            if come_back(self._alerts, into, live):
                known.append(live)
            else:
                add(into, live, max(incident.grew_at_ms, into.grew_at_ms))
            account(into, live, _NOBODY)
            self._teller.listings.renew(into, live)
        self._causes.merged(ours, theirs, elsewhere, known)

    def _end(self, incident: Open, into: Open, now_ms: int) -> None:
        if any(incident.group.get(key) != value for key, value in into.group.items()):
            into.group = {key: value for key, value in into.group.items() if incident.group.get(key) == value}
        rule = self._teller.rule_of(incident)
        self._deadlines.incident(incident.incident_id, absorb(self._state, incident, into, now_ms, rule))
        self._state.correlation.close(incident)
        self._teller.change(incident, Reason.MERGED)
        if not incident.revision:
            self._teller.untold.append(incident)
