"""The beginning of an id stands for the one thing that has it; where several have it, they are named."""

from pipeline.answer.asked import Asked, Kind
from pipeline.answer.past import Decided, Past, mentions_text
from pipeline.errors import Misuse

_MOST_NAMED = 5
_ENOUGH = 1000  # ids that are told apart; who is asked for one of more should be given more digits


def resolve(past: Past, asked: Asked) -> frozenset[str]:
    """The whole id that is asked about; none if nothing has it. Raises Misuse where several do.

    Of an alert: our fingerprints, of which there are several only where the policy or the name changed meanwhile.
    """
    if asked.is_whole and asked.kind is not Kind.SOURCE_ALERT:
        return frozenset([asked.text])
    found: dict[str, set[str]] = {}  # what has it → what it is to us
    mentions = mentions_text(asked.text)
    for decided in past.decisions(mentions):
        identity = _identity(decided, asked.kind)
        if identity is not None and identity.startswith(asked.text) and len(found) < _ENOUGH:
            ours = decided.fingerprint if asked.kind is Kind.SOURCE_ALERT else identity
            found.setdefault(identity, set()).add(ours)
    if asked.kind is Kind.INCIDENT:
        for incident in past.incidents(mentions):  # it may outlive the decisions that name it
            if incident.incident_id.startswith(asked.text) and len(found) < _ENOUGH:
                found[incident.incident_id] = {incident.incident_id}
    if len(found) > 1:
        several = sorted(found)
        named = ", ".join(several[:_MOST_NAMED]) + (", …" if len(several) > _MOST_NAMED else "")
        raise Misuse(f"{asked.text} is the beginning of {len(several)} ids, give more of it: {named}")
    return frozenset().union(*found.values())


def _identity(decided: Decided, kind: Kind) -> str | None:
    if kind is Kind.INCIDENT:
        return decided.incident_id
    return decided.fingerprint if kind is Kind.ALERT else decided.source_fingerprint
