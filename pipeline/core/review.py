"""Whether an alert that fires is kept quiet is asked again when something else changed, and what follows is told."""

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.core.alerts import LiveAlerts
from pipeline.core.deadlines import Deadlines
from pipeline.core.facets import facets
from pipeline.core.incident import account, standing
from pipeline.core.incidents import Incidents, Open
from pipeline.core.live import Live
from pipeline.core.policy import Policy
from pipeline.core.quiet import Quiet
from pipeline.core.state import ScopeState
from pipeline.core.tell import Teller
from schemas import Reason

_SURFACES = {Reason.HELD: Reason.HOLD_ENDED, Reason.TOO_FEW: Reason.ENOUGH}


class Scope(NamedTuple):
    """What there is of one scope: what it remembers, what is to come, and who judges and tells."""

    state: ScopeState
    policy: Policy
    book: Incidents
    alerts: LiveAlerts
    deadlines: Deadlines
    quiet: Quiet
    teller: Teller


class Review:
    """Looks again at alerts of one scope that are there."""

    def __init__(self, scope: Scope) -> None:
        self._state, policy, _, self._alerts, self._deadlines, self._quiet, self._teller = scope
        self._policy, self._flapping = policy, policy.flapping

    def review(self, live: Live, now_ms: int) -> None:
        """Ask again whether the alert, which is alive, is kept quiet."""
        incident = live.incident
        was, before = standing(live), live.quiet
        live.quiet, live.review_at_ms = self._quiet.judge(live, now_ms)
        self._deadlines.alert(live)
        if live.quiet is before:
            return
        account(incident, live, was)
        self._teller.change(incident, self._surfaces(live, before) if live.is_loud and before is not None else None)

    def rejudge(self, incident: Open, now_ms: int) -> None:
        """Ask again of everything in it that is loud: it may have been silenced since it was paged."""
        for code in incident.members:
            live = self._alerts.at(code)
            if live.is_loud:
                self.review(live, now_ms)

    def freed(self, codes: Iterable[int], now_ms: int) -> None:
        """Ask again of those of these alerts that wait: what kept them quiet may be over."""
        for code in sorted(codes):
            live = self._alerts.find(code)  # one that is foreseen is not there yet
            if live is not None and live.is_alive and live.quiet is not None:
                self.review(live, now_ms)

    def flap(self, live: Live, now_ms: int) -> None:
        """Count a change; the one that makes the alert flap is told once to whoever was paged.

        Only of a state: an event that is over because its window has passed has not changed.
        """
        if live.alert.is_state or live.alert.source in self._state.states:
            self.change(live, now_ms)

    def change(self, live: Live, now_ms: int) -> None:
        """As `flap`, of an alert that is known to be a state."""
        if live.change(now_ms, self._flapping):
            self._teller.change(live.incident, Reason.FLAPPING)

    def _surfaces(self, live: Live, before: Reason) -> Reason:
        """Why an alert pages now that was quiet because of `before`."""
        why = _SURFACES.get(before)
        # By another policy it may have to page now: then neither is its hold over, nor need there be enough.
        return Reason.QUIET_ENDED if why is None or self._policy.pages_now(facets(live.alert)) else why
