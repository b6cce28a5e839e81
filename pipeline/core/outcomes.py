"""What follows from an outcome: whether a page repeats, what the incident says was done, and how the next is scored."""

from pipeline.core.actionability.judged import needed_of
from pipeline.core.deadlines import Deadlines
from pipeline.core.incident import acknowledge, unacknowledge
from pipeline.core.incidents import Open
from pipeline.core.outcome import is_heard, is_past, keep
from pipeline.core.state import ScopeState
from pipeline.core.tell import Teller
from schemas import Outcome, Verdict

_GIVE_UP = frozenset({Verdict.UNACKNOWLEDGED, Verdict.REOPENED, Verdict.RESOLVED})


class Outcomes:
    """Hears the outcomes of one scope."""

    def __init__(self, state: ScopeState, deadlines: Deadlines, teller: Teller) -> None:
        self._state, self._deadlines, self._teller = state, deadlines, teller

    def hear(self, outcome: Outcome) -> bool:
        """Whether an incident has changed by it; not if it is not of this scope, or forgotten.

        A mark counts for the template that opened the incident, also later, and the mark that stood no longer does.
        """
        incident = self._state.incidents.get(outcome.incident_id)
        if incident is None:
            self._state.judged.hear_late(outcome, self._state.watermark_ms or 0)
            return False
        if is_heard(incident, outcome):
            return False
        before = incident.mark
        is_changed, is_kept = self._obey(incident, outcome), keep(incident, outcome)
        if incident.mark is not before and incident.template:
            now_ms = self._state.watermark_ms or 0
            self._state.judged.hear(incident.template, needed_of(incident.mark), needed_of(before), now_ms)
        if is_changed or is_kept:
            self._teller.change(incident, None)
        return is_changed or is_kept

    def _obey(self, incident: Open, outcome: Outcome) -> bool:
        """Whether somebody is on it decides whether its page repeats. Whether that has changed."""
        if is_past(incident, outcome):
            return False
        if outcome.verdict is Verdict.ACKNOWLEDGED:
            return acknowledge(incident, outcome.by)
        if outcome.verdict not in _GIVE_UP:  # who resolves what still fires believes that it is over
            return False
        now_ms, rule = self._state.watermark_ms or 0, self._teller.rule_of(incident)
        is_changed = unacknowledge(incident, now_ms, rule)
        if is_changed and incident.due_ms is not None:
            self._deadlines.incident(incident.incident_id, incident.due_ms)
        return is_changed
