"""What people said and did about incidents, as `outcomes` has it: at most so many of each, each once."""

from schemas import Outcome

MOST = 60_000  # incidents; beyond them the one that was spoken of longest ago is forgotten
MOST_EACH = 20


class Said:
    """Outcomes by incident. The incident's own record has the prevailing one too, unless triage has forgotten it."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._outcomes: dict[str, tuple[Outcome, ...]] = {}

    def hear(self, outcome: Outcome) -> None:
        """Note one; told twice it is one."""
        known = self._outcomes.pop(outcome.incident_id, ())
        if not any(one.id == outcome.id and one.at_ms == outcome.at_ms for one in known):
            known = tuple(sorted((*known, outcome), key=lambda one: one.at_ms))[-MOST_EACH:]
        self._outcomes[outcome.incident_id] = known
        if len(self._outcomes) > self._most:
            del self._outcomes[next(iter(self._outcomes))]

    def of(self, incident_id: str) -> tuple[Outcome, ...]:
        """What was said of it, the latest last."""
        return self._outcomes.get(incident_id, ())

    def mark(self, incident_id: str, recorded: Outcome | None) -> Outcome | None:
        """What it is judged to be: a person's word before a program's, then the latest; `recorded` counts too."""
        marks = [one for one in self.of(incident_id) if one.verdict.is_mark]
        if recorded is not None:
            marks.insert(0, recorded)
        return max(marks, key=lambda one: (one.is_person, one.at_ms), default=None)
