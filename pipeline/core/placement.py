"""Which incident an alert belongs to, by the policy's labels or by correlation; opened if there is none."""

from collections.abc import Callable
from typing import NamedTuple

from pipeline.core.cause import NO_DIRECTIONS, Directions
from pipeline.core.columns import FOREVER_MS, REPEAT_MS
from pipeline.core.correlation.correlation import Fit, Newcomer
from pipeline.core.correlation.explanation import explained, surged
from pipeline.core.correlation.tuning import BACKGROUND_GAP_MS, EVENT_UNIT_MS, STATE_UNIT_MS
from pipeline.core.facets import facets
from pipeline.core.group import fitting, group_of, key_of
from pipeline.core.incident import Opening, open_incident
from pipeline.core.incidents import Open
from pipeline.core.live import Live
from pipeline.core.merging import Merging
from pipeline.core.policy import Rule
from pipeline.core.review import Scope
from pipeline.core.surging import Surging
from schemas import Alert, Why
from schemas.record import fields_of

_NO_PLACES = ("alertname", "severity")  # labels that say what, not where


Ask = Callable[[], bool]  # asking may count the alert, so it is asked only of what would open an incident


def no() -> bool:
    """What is asked is not so."""
    return False


class Arriving(NamedTuple):
    """An alert that is to be placed, and what is known of it."""

    alert: Alert
    code: int
    last_at_ms: int | None  # when it came before, if it did
    now_ms: int
    home: Open | None = None  # where it stays unless it fits another: it opened that incident, and fires there still


class Placed(NamedTuple):
    """Where an alert goes, and why, if it was correlated."""

    incident: Open
    why: Why | None = None


class Placement:
    """Places the alerts of one scope."""

    def __init__(self, scope: Scope, directions: Directions = NO_DIRECTIONS) -> None:
        self._state, self._policy, self._book = scope.state, scope.policy, scope.book
        self.merging = Merging(scope, directions)
        self._surging = Surging(scope, self.merging)
        self._everyday_surging = Surging(scope, self.merging, is_everyday=True)
        self._graph, self._names_some = scope.policy.graph, bool(scope.policy.page_now)
        self.planned: dict[int, Placed] = {}  # by code: where those go that were placed together
        self.why: Why | None = None  # of the last alert that was placed

    def says_resolved(self, alert: Alert) -> bool:
        """Whether its source tells when it ends: it sends states, not events."""
        fields = fields_of(alert)
        return fields["is_state"] or fields["source"] in self._state.states

    def place(self, arriving: Arriving, rule: Rule, is_stormy: Ask = no) -> Open | None:
        """The incident that takes it: one that was open, or a new one.

        None: none does, and in a storm it opens none of its own. Whether there is one is asked only then.
        """
        self.why = None
        if rule.group_by is not None:
            return self.group(arriving.alert, rule, arriving.now_ms)
        planned = self.planned.get(arriving.code)
        if planned is None or planned.incident.resolved_at_ms is not None:
            planned = self.correlate(arriving, rule, is_stormy)
        elif not planned.incident.members and is_stormy():
            return None  # what was opened for it stays among what was planned, and is forgotten with that
        self.planned.pop(arriving.code, None)
        if planned is None:
            return None
        self.why = planned.why
        return planned.incident

    def group(self, alert: Alert, rule: Rule, now_ms: int) -> Open:
        """The incident of its labels that are grouped by."""
        key = key_of(alert, rule)
        return fitting(self._state, key, now_ms, rule) or self.open(Opening(alert, group_of(alert, rule), key, now_ms))

    @staticmethod
    def home_of(live: Live) -> Open | None:
        """The incident in which an alert stays that fits no other: it fires there, and has opened it.

        Otherwise a group that comes back each minute would be a new incident, and page, each minute.
        """
        incident = live.incident
        is_its_own = live.is_firing and incident.resolved_at_ms is None and incident.members[0] == live.code
        return incident if is_its_own and incident.stray_ms == REPEAT_MS else None

    def count(self, live: Live) -> None:
        """The alert goes on elsewhere: what it was heard of so far counts for how well it is known."""
        known = self._state.correlation.known.get(live.code)
        if known is not None:
            known.heard += live.events - 1

    def is_guest(self, live: Live) -> bool:
        """Whether the alert, an everyday one, is in an incident of what is not."""
        known = self._state.correlation.known.get(live.code)
        return known is not None and known.is_guest

    def reopened(self, live: Live, now_ms: int) -> None:
        """The incident of a state has reopened: if it was correlated, it takes newcomers again."""
        incident, correlation = live.incident, self._state.correlation
        known = correlation.known.get(live.code)
        if known is None or not incident.is_correlated or incident.stray_ms != FOREVER_MS:
            return
        incident.keep_rhythm(FOREVER_MS, now_ms)
        max_age_ms, is_everyday = self._policy.rules[live.rule].max_age_ms, self._is_everyday(live.code, now_ms)
        correlation.reopen(Newcomer(live.code, known, now_ms, STATE_UNIT_MS, max_age_ms, is_everyday), incident)

    def open(self, opening: Opening) -> Open:
        """A new incident."""
        return open_incident(self._state, self._book, opening, self._policy)

    def correlate(self, arriving: Arriving, rule: Rule, is_stormy: Ask = no) -> Placed | None:
        """The incident that it fits best, and why; one that it opens if it fits none, but not in a storm."""
        alert, code, last_at_ms, now_ms, home = arriving
        correlation = self._state.correlation
        known = correlation.meet(alert, code, now_ms, self._graph)
        is_onset, is_state = known.hear(now_ms, last_at_ms), self.says_resolved(alert)
        if not is_state and known.is_background:
            return self._place_background(alert, now_ms, is_stormy)
        known.is_guest = False
        newcomer = Newcomer(
            code,
            known,
            now_ms,
            STATE_UNIT_MS if is_state else EVENT_UNIT_MS,
            rule.max_age_ms,
            is_everyday=is_state and known.heard > 1 and self._is_everyday(code, now_ms),
        )
        may_surge = is_state and not (self._names_some and self._policy.pages_now(facets(alert)))
        surging = self._everyday_surging if newcomer.is_everyday else self._surging
        found_surge = self._surge_of(newcomer, surging) if may_surge else None
        if found_surge is not None:
            incident, token = found_surge
            self._agree(incident, alert)
            return Placed(incident, surged(max(0, now_ms - incident.grew_at_ms), token, alert))
        found = correlation.best(newcomer)
        if found is not None:
            placed = self._join(found, newcomer, alert)
        elif home is not None:
            home.keep_rhythm(REPEAT_MS, now_ms)
            correlation.reopen(newcomer, home)
            placed = Placed(home)
        elif is_stormy():
            placed = None
        else:
            incident = self._open_correlated(alert, now_ms)
            incident.keep_rhythm(FOREVER_MS if is_state else REPEAT_MS, now_ms)
            correlation.open(newcomer, incident)
            if may_surge:
                surging.opened(incident)
            placed = Placed(incident)
        if is_onset:
            rates = correlation.vocabulary.rates_of(is_everyday=newcomer.is_everyday)
            rates.hear((*known.tokens, known.pairs[-1]), now_ms)
        return placed

    def _surge_of(self, newcomer: Newcomer, surging: Surging) -> tuple[Open, str] | None:
        """The incident of the surge that takes it, and what surges: for an everyday state first one of what is not."""
        if newcomer.is_everyday:
            found = self._surging.guest_of(newcomer)
            if found is not None:
                newcomer.known.is_guest = True
                return found
        return surging.incident_of(newcomer)

    def _is_everyday(self, code: int, now_ms: int) -> bool:
        """Whether a state keeps coming back, so that it would have come now anyway, whatever else begins."""
        return self._state.usual.recurs(code, now_ms, BACKGROUND_GAP_MS)

    def _place_background(self, alert: Alert, now_ms: int, is_stormy: Ask) -> Placed | None:
        """An event that is background says nothing of what comes with it: it is grouped with itself."""
        if is_stormy():
            return None
        incident = self._open_correlated(alert, now_ms)
        incident.keep_rhythm(BACKGROUND_GAP_MS, now_ms, 1)
        return Placed(incident)

    def _join(self, found: Fit, newcomer: Newcomer, alert: Alert) -> Placed:
        """An everyday state goes where it fits, but draws nobody there."""
        profile, incident, correlation = found.profile, found.profile.incident, self._state.correlation
        why = explained(correlation, found, newcomer, alert)
        newcomer.known.is_guest = newcomer.is_everyday and not (found.is_home or profile.is_everyday)
        if not newcomer.known.is_guest:
            correlation.join(newcomer, profile)
        if not found.is_home:
            self._agree(incident, alert)
        return Placed(incident, why)

    @staticmethod
    def _agree(incident: Open, alert: Alert) -> None:
        """The incident is told by what all of its alerts have."""
        if any(alert.labels.get(key) != value for key, value in incident.group.items()):
            incident.group = {key: value for key, value in incident.group.items() if alert.labels.get(key) == value}

    def _open_correlated(self, alert: Alert, now_ms: int) -> Open:
        incident = self.open(Opening(alert, places_of(alert), "", now_ms))
        incident.is_correlated = True
        return incident


def places_of(alert: Alert) -> dict[str, str]:
    """What a correlated incident is told by as long as all its alerts agree in it."""
    places: dict[str, str] = fields_of(alert)["labels"].copy()
    for label in _NO_PLACES:
        places.pop(label, None)
    return places or {"name": alert.name}


def group_at_first(alert: Alert, rule: Rule) -> dict[str, str]:
    """The group of an incident that the alert opens."""
    return places_of(alert) if rule.group_by is None else group_of(alert, rule)
