"""Which incidents there are, as the log has it: so that a mark of an id that none has does not look like success."""

MOST = 500_000  # ids; beyond them the oldest is forgotten, and nothing is called unknown any more


class Known:
    """Ids of incidents, those that are over too."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._has_forgotten = False

    def hear(self, incident_id: str) -> None:
        """There is one."""
        self._ids[incident_id] = None
        if len(self._ids) > MOST:
            del self._ids[next(iter(self._ids))]
            self._has_forgotten = True

    def has(self, incident_id: str) -> bool | None:
        """Whether there is one with this id; None: it cannot be told."""
        if incident_id in self._ids:
            return True
        return None if self._has_forgotten else False
