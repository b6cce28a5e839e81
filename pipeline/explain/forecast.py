"""What the core decides about one alert that is alone in the world: it is asked, never imitated."""

from typing import NamedTuple

from pipeline.core.facets import facets
from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from schemas import Alert, Alerts, Decision, IncidentState, Reason, Tick

HORIZON_MS = 366 * 86_400_000  # how far ahead a page is looked for
_LEASE_MS = 4 * HORIZON_MS  # keeps an alert firing for longer than that


class Course(NamedTuple):
    """What happens to the alert. Times are None where it does not happen within HORIZON_MS."""

    decision: Decision
    pages_at_ms: int | None  # if it goes on firing
    page_reason: Reason | None
    crowded_at_ms: int | None  # likewise, and as many of its route fire with it as `at_least` asks for
    repeats_at_ms: int | None  # if it goes on firing and nobody acknowledges
    over_at_ms: int | None  # if nothing more is heard of it
    resolves_at_ms: int | None  # its incident, likewise


class Waiting(NamedTuple):
    """One thing that keeps the alert quiet now, and until when; None: until something happens, or without an end."""

    reason: Reason
    until_ms: int | None


def course_of(alert: Alert, scope: str, policy: Policy) -> Course:
    """Play the alert through a triage that knows nothing else: as sent, and as if it went on firing."""
    heard_once = _Play(alert, scope, policy)
    over_at_ms = resolves_at_ms = None
    while resolves_at_ms is None and heard_once.goes_on():
        for incident in heard_once.facts.incidents:
            if over_at_ms is None and incident.firing == 0:
                over_at_ms = incident.updated_at_ms
            if incident.state is IncidentState.RESOLVED:
                resolves_at_ms = incident.updated_at_ms
    repeats = policy.rules[policy.rule_of(facets(alert))].repeat_after_ms is not None
    pages = _pages(_Play(_lasting(alert), scope, policy), 2 if repeats else 1)
    crowded = pages or _pages(_Play(_lasting(alert), scope, _without(policy, Reason.TOO_FEW)), 1)
    return Course(
        decision=heard_once.decision,
        pages_at_ms=pages[0].at_ms if pages else None,
        page_reason=pages[0].reason if pages else None,
        crowded_at_ms=crowded[0].at_ms if crowded else None,
        repeats_at_ms=pages[1].at_ms if len(pages) > 1 else None,
        over_at_ms=over_at_ms,
        resolves_at_ms=resolves_at_ms,
    )


def waitings_of(alert: Alert, scope: str, policy: Policy) -> list[Waiting]:
    """Everything that keeps it quiet: what the core names, then what it names without that, until it would page."""
    found: list[Waiting] = []
    while True:
        decision = _Play(_lasting(alert), scope, policy).decision
        if decision.reason not in _LIFTED:
            return found
        until_ms = _until_ms(decision.reason, alert, scope, policy)
        is_endless = until_ms is None or until_ms > alert.at_ms + HORIZON_MS
        found.append(Waiting(decision.reason, None if is_endless else until_ms))
        policy = _without(policy, decision.reason)


def _until_ms(reason: Reason, alert: Alert, scope: str, policy: Policy) -> int | None:
    """When this alone would let it page. The next thing that happens to it may be that another reason begins."""
    if reason is Reason.TOO_FEW:
        return None
    for stronger in (Reason.SILENCED, Reason.MUTED):
        if reason is stronger:
            break
        policy = _without(policy, stronger)
    return _Play(_lasting(alert), scope, policy).decision.next_at_ms


_LIFTED: dict[Reason, dict[str, object]] = {
    Reason.SILENCED: {"silences": ()},
    Reason.MUTED: {"maintenance": (), "mute_during": (), "page_during": ()},
    Reason.HELD: {"hold_ms": 0},
    Reason.TOO_FEW: {"at_least": 1},
}


def _without(policy: Policy, reason: Reason) -> Policy:
    """The policy in which nothing is kept quiet for this reason."""
    lifted = _LIFTED[reason]
    routes = tuple(
        route.model_copy(update={name: value for name, value in lifted.items() if name in type(route).model_fields})
        for route in policy.routes
    )
    # Not a copy: that would keep the rules that the policy has worked out already.
    return Policy.model_construct(
        **{**{name: getattr(policy, name) for name in Policy.model_fields}, **lifted, "routes": routes}
    )


def _lasting(alert: Alert) -> Alert:
    return alert.model_copy(update={"expires_at_ms": alert.at_ms + _LEASE_MS})


class _Paged(NamedTuple):
    at_ms: int
    reason: Reason


def _pages(play: "_Play", most: int) -> list[_Paged]:
    """The first pages of `play`, if there are any within the horizon."""
    found: list[_Paged] = []
    while True:
        found += [_Paged(play.at_ms, page.payload.custom_details.reason) for page in play.facts.pages]
        if len(found) >= most or not play.goes_on():
            return found


class _Play:
    """A triage that has seen one alert, and what its latest step concluded."""

    def __init__(self, alert: Alert, scope: str, policy: Policy) -> None:
        self._triage = Triage(policy)
        self._end_ms = alert.at_ms + HORIZON_MS
        self.at_ms = alert.at_ms
        self.facts: Facts = self._triage.step([Alerts(scope=scope, raw_partition=0, raw_offset=0, alerts=(alert,))])
        if not self.facts.decisions:  # it waits for what comes with it, and is decided as of its own time
            self.facts = self._triage.step([Tick(at_ms=self._triage.next_deadline_ms() or self.at_ms)])
        self.decision = self.facts.decisions[0].decisions[0]

    def goes_on(self) -> bool:
        """Let the next thing happen; whether there is one within the horizon."""
        due_ms = self._triage.next_deadline_ms()
        if due_ms is None or due_ms > self._end_ms:
            return False
        self.at_ms = max(due_ms, self.at_ms + 1)  # what is due now already happens with the next tick
        self.facts = self._triage.step([Tick(at_ms=self.at_ms)])
        return True
