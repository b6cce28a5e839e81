"""The one sentence that a tired person reads of an incident: what, how many, where, since when.

`NodeDown: node-7 does not answer (cluster eu-1), since 03:12 UTC`
`NodeDown on node-7 and 399 more alerts in cluster eu-1 (mostly PodNotReady), since 03:12 UTC`
`PodNotReady on shop-1 again (400 alerts before), since 03:40 UTC`
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from pipeline.core.cause import why
from pipeline.core.columns import FOREVER_MS
from pipeline.core.evidence import LONGEST as LONGEST_NAME
from pipeline.core.evidence import Evidence, Suspect
from pipeline.core.fingerprint import fingerprint_of
from pipeline.core.incidents import Open
from pipeline.core.overflow import Overflow
from pipeline.core.shown import cut, shown
from pipeline.core.subject import LONGEST as LONGEST_VALUE
from pipeline.core.subject import places, subject_of, where
from schemas import Alert, Cause
from schemas.record import fields_of

LONGEST = 200  # characters of the sentence: PagerDuty takes 1024, and a lock screen shows these
SHOWN_CAUSES = 3
_LONGEST_NAME = 70
_DAY_MS = 86_400_000
_RANKS = ("info", "warning", "error", "critical")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Heading(NamedTuple):
    """What is said of an incident until something else is known of it than how many alerts it has."""

    group: dict[str, str]  # the labels by which its alerts are grouped
    name: str  # of its likely cause
    what: str  # the same, and what it is about
    where: str  # what its alerts have in common
    worst: str  # another of its alerts, where one is worse than the cause
    causes: tuple[Cause, ...]
    cause: int  # its code
    lead: int  # code of the first of its worst alerts, of which people are to hear if there is one
    version: int  # of the evidence
    of: dict[str, str]  # the group that this tells, which shrinks where its alerts were correlated


def heading_of(incident: Open, say: Callable[[int], Alert], before: Heading | None = None) -> Heading:
    """What is said while the first of its worst alerts stays the same. `say` gives what the alert with a code says.

    What was said `before` of a cause stays the same record, if it is said again: one less to make, to free, and for
    Python to look for cycles in. What is silenced names no page, however bad it is, where something is not.
    """
    evidence, group = incident.evidence, shown(incident.group)
    suspects = evidence.suspects if evidence is not None else []
    worst_rank, lead = incident.worst
    if evidence is None or not suspects:
        code = lead if evidence is not None else incident.members[0]
        alert = say(code)
        name, what = fields_of(alert)["name"], alone(alert, incident.group)
        return Heading(group, name, what, "", "", (), code, lead, _version(evidence), incident.group)
    hushed = evidence.hushed
    if hushed:
        suspects = sorted(suspects, key=lambda one: one.code in hushed)  # stable: of each the likeliest first
    first, shared = suspects[0], evidence.shared()
    found = places(shared, incident.group)
    at = where(shared, found)
    if at:
        at = f" in {at}" if evidence.strays.keys().isdisjoint(found) else f" mostly in {at}"
    known = {cut(shared[label], LONGEST_VALUE) for label in found}
    known_causes = before.causes if before is not None else ()
    causes = tuple([_cause(suspect, evidence, known_causes) for suspect in suspects[:SHOWN_CAUSES]])
    if first.code in hushed and incident.loud_rank >= 0:  # what people heard of may be no suspect, in a crowd
        loud = say(lead)
        name, what, code, worst = loud.name[:LONGEST_NAME], _on(loud.name, subject_of(loud.labels), known), lead, ""
    else:
        name, what, code = first.name, _on(first.name, first.subject, known), first.code
        worst = _worst(say(lead), worst_rank, known) if worst_rank > first.rank and lead not in hushed else ""
    return Heading(group, name, what, at, worst, causes, code, lead, evidence.version, incident.group)


def _worst(alert: Alert, rank: int, known: set[str]) -> str:
    return f", now {_RANKS[rank]}: {_on(cut(alert.name, LONGEST_VALUE), subject_of(alert.labels), known)}"


def is_current(heading: Heading, incident: Open) -> bool:
    """Whether nothing else is known than when it was made."""
    evidence = incident.evidence
    if heading.of is not incident.group:
        return False
    return heading.lead == incident.worst[1] and (evidence is None or heading.version == evidence.version)


def summary_of(incident: Open, heading: Heading) -> str:
    """The sentence."""
    tail = heading.worst + since(incident)
    more = len(incident.members) - 1
    if incident.overflow is not None:
        return _beyond(incident, heading, incident.overflow)
    if incident.reopened and incident.evidence is not None:
        return cut(_again(incident, heading, incident.evidence) + tail, LONGEST)
    body = heading.what + (_more(more, heading, incident.evidence) if more else "")
    text = cut(body, LONGEST - len(tail)) + tail
    if incident.changes:
        text += f"; just before: {incident.changes[0].summary}"
        return cut(text, LONGEST)
    return text


def _beyond(incident: Open, heading: Heading, overflow: Overflow) -> str:
    """Of more alerts than can be remembered: the one that paged last, how many others, and which came last."""
    head, more = overflow.head or heading.what, incident.alerts - 1
    others = f"{'at least ' if overflow.beyond else ''}{more} more alert{'' if more == 1 else 's'}"
    last = f" (last: {overflow.last})" if overflow.last not in {"", head} else ""
    tail = f" and {others} than can be remembered{last}{since(incident)}"
    return cut(head, LONGEST - len(tail)) + tail


def _again(incident: Open, heading: Heading, evidence: Evidence) -> str:
    """Of an incident that had resolved only what fires again is told, and what it was before as a number."""
    more = min(sum([burst.alerts for burst in evidence.bursts]), len(incident.members)) - 1
    others = f" and {more} more" if more > 0 else ""
    return f"{heading.what}{others} again ({len(incident.members)} alerts before)"


def alone(alert: Alert, group: dict[str, str]) -> str:
    """What one alert says, and where it is, as far as it does not say that itself."""
    fields = fields_of(alert)
    name, labels, annotations = cut(fields["name"], _LONGEST_NAME), fields["labels"], fields["annotations"]
    text = " ".join((annotations.get("summary") or annotations.get("description") or "").split())
    found = places(labels, group)
    if text:
        at = where(labels, [label for label in found if labels[label] not in text])
        place = f" ({at})" if at else ""
        return f"{name}: {cut(text, LONGEST - _LONGEST_NAME - len(place))}{place}"
    subject = subject_of(labels)
    at = where(labels, [label for label in found if cut(labels[label], LONGEST_VALUE) != subject])
    return _on(name, subject, ()) + (f" in {at}" if at else "")


def since(incident: Open) -> str:
    """`, since 03:12 UTC`; with the day, once that is over."""
    began_ms = incident.began_ms if incident.began_ms < FOREVER_MS else incident.opened_at_ms
    return _since(began_ms // 60_000, began_ms // _DAY_MS == incident.updated_at_ms // _DAY_MS)


@lru_cache(maxsize=1024)  # incidents of one minute come together
def _since(minute: int, is_today: bool) -> str:
    at = datetime.fromtimestamp(min(max(minute * 60, -62_135_596_800), 253_402_300_799), UTC)
    day = "" if is_today else f"{at.day} {_MONTHS[at.month - 1]} "
    return f", since {day}{at.hour:02d}:{at.minute:02d} UTC"


def _more(more: int, heading: Heading, evidence: Evidence | None) -> str:
    """How many other alerts, where, and what most of them are."""
    if evidence is None:  # of those that cannot be remembered
        return f" and {more} more alert{'s' if more > 1 else ''}"
    counts = evidence.names.counts
    name, most = evidence.top, counts.get(evidence.top, 0)
    if name == heading.name and len(counts) == 1:
        return f" and {more} more of the same{heading.where}"
    if more == 1 and heading.worst:
        return heading.where  # it is named behind it
    if more == 1:
        others = [name for name in counts if name != heading.name]
        return f" and {cut(others[0], _LONGEST_NAME) if len(others) == 1 else '1 more alert'}{heading.where}"
    if name == heading.name:
        name, most = "the same", most - 1
    mostly = "all" if most == more else "mostly" if 2 * most > more else ""
    return f" and {more} more alerts{heading.where}" + (f" ({mostly} {cut(name, LONGEST_VALUE)})" if mostly else "")


def _on(name: str, subject: str, known: "set[str] | tuple[()]") -> str:
    name = cut(name, _LONGEST_NAME)
    return f"{name} on {subject}" if subject and subject not in known else name


def _cause(suspect: Suspect, evidence: Evidence, known: Sequence[Cause]) -> Cause:
    said = why(suspect, evidence)
    if evidence.hushed and (quiet := evidence.hushed.get(suspect.code)) is not None:
        said += f"; {quiet.value}"
    fields = {
        "fingerprint": fingerprint_of(suspect.code),
        "name": suspect.name,
        "subject": suspect.subject,
        "began_at_ms": suspect.began_ms,
        "why": said,
    }
    for cause in known:
        if fields_of(cause) == fields:
            return cause
    return Cause.owning(fields)


def _version(evidence: Evidence | None) -> int:
    return 0 if evidence is None else evidence.version
