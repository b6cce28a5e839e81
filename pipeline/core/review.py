"""Whether an alert that fires is kept quiet is asked again when something else changed, and what follows is told."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.core.alerts import LiveAlerts
from pipeline.core.deadlines import Deadlines
from pipeline.core.facets import facets
from pipeline.core.incident import account, standing
from pipeline.core.incidents import Incidents, Open
from pipeline.core.live import ASKED_FOR, Live
from pipeline.core.policy import Policy
from pipeline.core.quiet import Quiet
from pipeline.core.state import ScopeState
from pipeline.core.tell import Teller
from schemas import Reason

_SURFACES = {
    Reason.HELD: Reason.HOLD_ENDED,
    Reason.TOO_FEW: Reason.ENOUGH,
    Reason.SUPPRESSED: Reason.LASTED,
}


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
        others = self.judge(live, now_ms)
        self._deadlines.alert(live)
        if live.quiet is before:
            return
        account(incident, live, was)
        self._teller.change(incident, self._surfaces(live, before) if live.is_loud and before is not None else None)
        self.freed(others, now_ms)

    def judge(self, live: Live, now_ms: int) -> Sequence[int]:
        """Keep why the alert, which is alive, is quiet. The codes of others that may page because it is not."""
        self._judge(live, now_ms)
        if not self._quiet.has_joined:
            return ()
        self._quiet.has_joined = False
        # Of the others those count that may page; some may have been silenced since they were counted.
        others, missing = self._quiet.crowd_of(live)
        for code in others:
            missing -= 1
            if not missing:
                break
            other = self._alerts.at(code)
            if self._quiet.is_asked_for(other, now_ms):
                self.review(other, now_ms)
                missing += 1
        self._judge(live, now_ms)
        return [code for code in others if code != live.code] if self._quiet.is_just_enough(live) else ()

    def _judge(self, live: Live, now_ms: int) -> None:
        live.quiet, live.review_at_ms = self._quiet.judge(live, now_ms)
        evidence = live.incident.evidence
        if evidence is not None and (evidence.hushed or live.quiet is not None):
            evidence.hush(live.code, live.quiet if live.quiet in ASKED_FOR else None)

    def rejudge(self, incident: Open, now_ms: int) -> None:
        """Ask again of everything in it that is loud: it may have been silenced since it was paged."""
        for code in incident.members:
            live = self._alerts.at(code)
            if live.is_loud:
                self.review(live, now_ms)

    def grown(self, incident: Open, now_ms: int) -> None:
        """It has so many alerts that no score and no learned hold keeps it quiet: ask again of those that wait."""
        for code in incident.members:
            live = self._alerts.at(code)
            if live.incident is incident and live.is_alive and live.quiet in _SURFACES:
                self.review(live, now_ms)

    def freed(self, codes: Iterable[int], now_ms: int) -> None:
        """Ask again of those of these alerts that wait: what kept them quiet may be over."""
        for code in sorted(codes):
            live = self._alerts.find(code)  # one that is foreseen is not there yet
            if live is not None and live.is_alive and live.quiet is not None:
                self.review(live, now_ms)

    def flaps(self, live: Live, now_ms: int) -> bool:
        """Count a change. Whether it makes the alert flap, which is to be told.

        Only of a state: an event that is over because its window has passed has not changed.
        """
        is_state = live.alert.is_state or live.alert.source in self._state.states
        return is_state and live.change(now_ms, self._flapping)

    def tell_flapping(self, live: Live, now_ms: int) -> None:
        """It flaps by now: that is told once to whoever was paged, unless nobody is to hear of it."""
        self.review(live, now_ms)
        if live.is_loud:
            self._teller.change(live.incident, Reason.FLAPPING)

    def is_heard(self, incident: Open, now_ms: int) -> bool:
        """Whether anything of it is to be told: something in it is loud still, or all is over."""
        for code in incident.members:
            if not incident.loud:
                break
            live = self._alerts.at(code)
            if live.is_loud:
                self.review(live, now_ms)
            if live.is_loud:
                return True
        return not incident.alive

    def _surfaces(self, live: Live, before: Reason) -> Reason:
        """Why an alert pages now that was quiet because of `before`."""
        why = _SURFACES.get(before)
        # By another policy it may have to page now: then neither is its hold over, nor need there be enough.
        if why is None or self._policy.pages_now(facets(live.alert)):
            return Reason.QUIET_ENDED
        return self._quiet.loud_since(live) if why is Reason.LASTED else why
