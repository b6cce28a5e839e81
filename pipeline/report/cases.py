"""Cases are made of records, too: of a log or a replay that nobody has archived."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from pipeline.report.facts import DEEDS, Case
from schemas import Incident, Outcome, Verdict


def cases_of(latest: Iterable[Incident], outcomes: Iterable[Outcome], into: Mapping[str, str]) -> list[Case]:
    """Of incidents as they ended, with what was done about them or, before it merged, about what is theirs now."""
    deeds = defaultdict[str, list[Outcome]](list)
    for outcome in outcomes:
        deeds[final(outcome.incident_id, into)].append(outcome)
    cases = [_case(incident, deeds[incident.incident_id]) for incident in latest]
    return sorted(cases, key=lambda case: (case.opened_ms, case.incident_id))


def final(incident_id: str, into: Mapping[str, str | None]) -> str:
    """The incident that goes on for it."""
    seen = set()
    while (further := into.get(incident_id)) is not None and incident_id not in seen:
        seen.add(incident_id)
        incident_id = further
    return incident_id


def _case(incident: Incident, deeds: list[Outcome]) -> Case:
    marks = sorted((one for one in deeds if one.verdict.is_mark), key=lambda one: (one.is_person, one.at_ms))
    acted = sorted((one for one in deeds if one.verdict in DEEDS and one.is_person), key=lambda one: one.at_ms)
    acknowledged = next((one for one in acted if one.verdict is Verdict.ACKNOWLEDGED), None)
    first = incident.members[0] if incident.members else None
    return Case(
        incident_id=incident.incident_id,
        opened_ms=incident.opened_at_ms,
        began_ms=incident.opened_at_ms if first is None else min(first.starts_at_ms, incident.opened_at_ms),
        resolved_ms=incident.resolved_at_ms,
        template=(first.template or first.name) if first else "?",
        name=first.name if first else "?",
        severity=incident.severity.value,
        summary=incident.summary,
        fingerprint=first.fingerprint if first else "",
        alerts=incident.alerts,
        events=incident.events,
        labels=tuple(sorted(first.labels.items())) if first else (),
        team=incident.team,
        is_paged=incident.is_paged,
        quiet=incident.quiet,
        score=incident.score,
        acknowledged_ms=acknowledged.at_ms if acknowledged else None,
        acknowledged_by=acknowledged.by if acknowledged else None,
        mark=marks[-1].verdict if marks else None,
        acted_ms=acted[0].at_ms if acted else None,
        scored=incident.scored,
        is_suppressible=incident.is_suppressible,
    )
