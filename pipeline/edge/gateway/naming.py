"""What PagerDuty calls our incidents, learned from its webhooks: its notes name an incident by that alone.

Every outcome from PagerDuty says both names, so a gateway that starts, or another one, learns them from `outcomes`.
"""

from schemas import Outcome

MOST = 50_000  # beyond them the one that was heard of longest ago is forgotten


class Naming:
    """PagerDuty's names, and our ids."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def learn(self, known_as: str, incident_id: str) -> None:
        """Both are the same incident."""
        self._ids.pop(known_as, None)
        self._ids[known_as] = incident_id
        if len(self._ids) > MOST:
            del self._ids[next(iter(self._ids))]

    def hear(self, outcome: Outcome) -> None:
        """Learn from an outcome that stands in the log."""
        if outcome.known_as is not None:
            self.learn(outcome.known_as, outcome.incident_id)

    def find(self, known_as: str | None) -> str | None:
        """Our id of what PagerDuty calls so, if it is known."""
        return None if known_as is None else self._ids.get(known_as)
