"""Which incident an alert belongs to, by the policy's labels or by correlation; opened if there is none."""

from typing import NamedTuple

from pipeline.core.columns import REPEAT_MS
from pipeline.core.correlation.correlation import Fit, Newcomer
from pipeline.core.correlation.tuning import BACKGROUND_GAP_MS, EVENT_UNIT_MS, STATE_UNIT_MS
from pipeline.core.group import fitting, group_of, key_of
from pipeline.core.incident import Opening, open_incident
from pipeline.core.incidents import Incidents, Open
from pipeline.core.live import Live
from pipeline.core.policy import Policy, Rule
from pipeline.core.state import ScopeState
from schemas import Alert

_NO_PLACES = frozenset({"alertname", "severity"})  # labels that say what, not where


class Arriving(NamedTuple):
    """An alert that is to be placed, and what is known of it."""

    alert: Alert
    code: int
    last_at_ms: int | None  # when it came before, if it did
    now_ms: int
    home: Open | None = None  # where it fires still, alone: what is a silence for a group is none for one alert


class Placement:
    """Places the alerts of one scope."""

    def __init__(self, state: ScopeState, policy: Policy, book: Incidents) -> None:
        self._state, self._policy, self._book = state, policy, book
        self.planned: dict[int, Open] = {}  # by code: where those go that were placed together

    def says_resolved(self, alert: Alert) -> bool:
        """Whether its source tells when it ends: it sends states, not events."""
        return alert.is_state or alert.source in self._state.states

    def place(self, arriving: Arriving, rule: Rule) -> Open:
        """The incident that takes it: one that was open, or a new one."""
        if rule.group_by is None:
            planned = self.planned.pop(arriving.code, None)
            if planned is not None and planned.resolved_at_ms is None:
                return planned
            return self._correlate(arriving, rule)
        alert, now_ms = arriving.alert, arriving.now_ms
        key = key_of(alert, rule)
        found = fitting(self._state, key, now_ms, rule)
        return found or self.open(Opening(alert, group_of(alert, rule), key, now_ms))

    @staticmethod
    def home_of(live: Live) -> Open | None:
        """The incident in which an alert that looks for one fires alone: unless it fits another, it stays there."""
        incident = live.incident
        is_alone = len(incident.members) == 1 and live.is_firing and incident.resolved_at_ms is None
        return incident if is_alone and incident.stray_ms == REPEAT_MS else None

    def count(self, live: Live) -> None:
        """The alert goes on elsewhere: what it was heard of so far counts for how well it is known."""
        self._state.correlation.known[live.code].heard += live.events - 1

    def open(self, opening: Opening) -> Open:
        """A new incident."""
        return open_incident(self._state, self._book, opening, self._policy)

    def _correlate(self, arriving: Arriving, rule: Rule) -> Open:
        alert, code, last_at_ms, now_ms, home = arriving
        correlation = self._state.correlation
        known = correlation.meet(alert, code, now_ms)
        is_onset = known.hear(now_ms, last_at_ms)
        unit_ms = STATE_UNIT_MS if self.says_resolved(alert) else EVENT_UNIT_MS
        if known.is_background:
            incident = self._open_correlated(alert, now_ms)
            incident.keep_rhythm(BACKGROUND_GAP_MS, now_ms, 1)
            return incident
        newcomer = Newcomer(code, known, now_ms, unit_ms, rule.max_age_ms)
        fit = correlation.best(newcomer)
        if fit is None:
            if home is not None:
                correlation.close(home)
            incident = home or self._open_correlated(alert, now_ms)
            incident.keep_rhythm(REPEAT_MS, now_ms)
            correlation.open(newcomer, incident)
        else:
            incident = self._join(fit, newcomer, alert)
        if is_onset:
            correlation.vocabulary.hear_onset(known.tokens, now_ms)
        return incident

    def _join(self, fit: Fit, newcomer: Newcomer, alert: Alert) -> Open:
        incident = fit.profile.incident
        self._state.correlation.join(newcomer, fit.profile)
        if not fit.is_home and any(alert.labels.get(key) != value for key, value in incident.group.items()):
            incident.group = {k: v for k, v in incident.group.items() if alert.labels.get(k) == v}
        return incident

    def _open_correlated(self, alert: Alert, now_ms: int) -> Open:
        incident = self.open(Opening(alert, places_of(alert), "", now_ms))
        incident.is_correlated = True
        return incident


def places_of(alert: Alert) -> dict[str, str]:
    """What a correlated incident is told by as long as all its alerts agree in it."""
    places = {key: value for key, value in alert.labels.items() if key not in _NO_PLACES}
    return places or {"name": alert.name}


def group_at_first(alert: Alert, rule: Rule) -> dict[str, str]:
    """The group of an incident that the alert opens."""
    return places_of(alert) if rule.group_by is None else group_of(alert, rule)
