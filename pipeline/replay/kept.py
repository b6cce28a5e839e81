"""What was kept quiet for its score, or would be with `suppress: on`: remembered as it ended, without its alerts."""

from collections.abc import Iterable

from schemas import Incident, IncidentState, Reason


class Kept:
    """Hears of incidents, and remembers those. What pages after all is forgotten again."""

    def __init__(self) -> None:
        self.by_id: dict[str, Incident] = {}
        self.into: dict[str, str] = {}  # of what merged, which incident goes on for it

    def hear(self, incidents: Iterable[Incident]) -> None:
        """Incidents were told; of each, its revisions come in order."""
        for incident in incidents:
            if incident.merged_into is not None:
                self.into[incident.incident_id] = incident.merged_into
            if incident.state is not IncidentState.MERGED and _is_kept(incident):
                self.by_id[incident.incident_id] = incident.altered(members=incident.members[:1], causes=(), changes=())
            else:
                self.by_id.pop(incident.incident_id, None)

    @property
    def quieted(self) -> int:
        """How many nobody was told of, for their scores."""
        return sum(not incident.is_paged for incident in self.by_id.values())


def _is_kept(incident: Incident) -> bool:
    return incident.is_suppressible if incident.is_paged else incident.quiet is Reason.SUPPRESSED
