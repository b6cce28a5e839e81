"""What a fingerprint stands for: the alert's name and labels, as its incident or the topic `alerts` tells them."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from pipeline.answer.past import Past, mentions_any
from pipeline.core.subject import subject_of
from schemas import Incident, Severity


class Named(NamedTuple):
    """An alert as a person knows it."""

    name: str
    labels: dict[str, str]
    severity: Severity
    source: str | None = None  # the monitor; None: only its incident told of it
    apart: str = ""  # what tells it from others that would read alike

    def __str__(self) -> str:
        subject = subject_of(self.labels)
        said = f"{self.name} on {subject}" if subject else self.name
        return f"{said} ({self.apart})" if self.apart else said


def names_of(past: Past, fingerprints: Collection[str], incidents: Iterable[Incident]) -> dict[str, Named]:
    """What these stand for; who is named nowhere, because retention removed it, is left out."""
    named = {
        member.fingerprint: Named(member.name, member.labels, member.severity)
        for incident in incidents
        for member in incident.members
        if member.fingerprint in fingerprints
    }
    unnamed = set(fingerprints) - named.keys()
    if not unnamed:
        return named
    for alert in past.alerts(mentions_any(unnamed)):
        if alert.fingerprint in unnamed:
            named[alert.fingerprint] = Named(alert.name, alert.labels, alert.severity, alert.source)
            unnamed.discard(alert.fingerprint)
            if not unnamed:
                break
    return named


def latest(past: Past, incident_ids: Collection[str]) -> dict[str, Incident]:
    """These incidents as they were told last: the highest revision wins."""
    known: dict[str, Incident] = {}
    for incident in past.incidents(mentions_any(incident_ids)):
        if incident.incident_id in incident_ids:
            before = known.get(incident.incident_id)
            if before is None or incident.revision > before.revision:
                known[incident.incident_id] = incident
    return known
