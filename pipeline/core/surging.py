"""Which incident takes an alert that is part of a surge: one for all of it, into which those that came before merge."""

from collections import Counter

from pipeline.core.columns import FOREVER_MS
from pipeline.core.correlation.correlation import Newcomer
from pipeline.core.correlation.surge import Surge
from pipeline.core.incidents import Open
from pipeline.core.merging import Merging
from pipeline.core.review import Scope


class Surging:
    """Watches the states of one scope for surges."""

    def __init__(self, scope: Scope, merging: Merging, *, is_everyday: bool = False) -> None:
        self._state, self._alerts, self._merging = scope.state, scope.alerts, merging
        self._is_everyday = is_everyday  # whether it watches those that keep coming back, which surge by themselves
        self._is_homeless = False  # whether the last alert is part of a surge of which no incident is open

    def incident_of(self, newcomer: Newcomer) -> tuple[Open, str] | None:
        """The surge's incident, if the alert belongs there, and what surges.

        It may be an older one that turns out to be its begin.
        """
        correlation, surge = self._state.correlation, self._surge
        known, now_ms = newcomer.known, newcomer.at_ms
        self._is_homeless = False
        vocabulary = correlation.vocabulary
        token = surge.hear(known, now_ms, vocabulary.usual_of(is_everyday=self._is_everyday))
        if token is None:
            surge.remember(newcomer.code, known, now_ms)
            return None
        found = self._of_surge()
        if token not in surge.tokens:
            begun = surge.begins(token, now_ms)
            for onset in begun:
                vocabulary.rates_of(is_everyday=self._is_everyday).take_back(onset.pairs, now_ms)
            claimed = self._claimed([onset.code for onset in begun], token)
            several = claimed if found is None or found in claimed else [found, *claimed]
            if several:
                found = self._merging.merge(several, now_ms)
                correlation.close(found)  # what belongs to it is told by what surges, not by likeness
        surge.incident_id = None if found is None else found.incident_id
        self._is_homeless = found is None
        return None if found is None else (found, vocabulary.texts[token])

    def guest_of(self, newcomer: Newcomer) -> tuple[Open, str] | None:
        """The surge's incident, if an everyday alert belongs there all the same, and what surges."""
        token, found = self._surge.takes(newcomer.known, newcomer.at_ms), self._of_surge()
        return None if token is None or found is None else (found, self._state.correlation.vocabulary.texts[token])

    def opened(self, incident: Open) -> None:
        """The last alert opened an incident; it is the surge's from now on, if there is a surge that has none."""
        if self._is_homeless:
            self._surge.incident_id = incident.incident_id

    @property
    def _surge(self) -> Surge:
        correlation = self._state.correlation
        return correlation.everyday_surge if self._is_everyday else correlation.surge

    def _of_surge(self) -> Open | None:
        incident = self._state.incidents.get(self._surge.incident_id or "")
        return incident if incident is not None and incident.resolved_at_ms is None else None

    def _claimed(self, codes: list[int], token: int) -> list[Open]:
        """The open incidents that are made of these alerts for the most part; at least half of one carry the token.

        An older one, of which one alert happened to begin again with the surge, is none of its begin.
        """
        found: dict[str, Open] = {}
        begun = Counter[str]()
        for code in dict.fromkeys(codes):  # one may have begun twice
            live = self._alerts.find(code)
            if live is not None and self._is_of(live.incident, token):
                found[live.incident.incident_id] = live.incident
                begun[live.incident.incident_id] += 1
        return [one for one in found.values() if 2 * begun[one.incident_id] > len(one.members) - one.parted]

    def _is_of(self, incident: Open, token: int) -> bool:
        state = self._state
        if incident.is_forgotten or incident.resolved_at_ms is not None or incident.stray_ms != FOREVER_MS:
            return False
        if incident.incident_id in {state.storm_id, state.overflow_id}:
            return False
        profile = state.correlation.profiles.get(-1 if incident.profile is None else incident.profile)
        if profile is None or profile.is_everyday is not self._is_everyday:
            return False
        return 2 * profile.counts.get(token, 0) >= len(profile.members)
