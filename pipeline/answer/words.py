"""An answer in the words of somebody who is asked at night why the pager rang, or did not. Times are UTC.

Names come from outside: every line passes `printable`, so that none of them is obeyed by a terminal.
"""

from collections.abc import Iterable, Iterator, Mapping

from pipeline.answer.events import AlertStory, EventStory, Run
from pipeline.answer.gather import Call, IncidentStory
from pipeline.answer.named import Named
from pipeline.answer.past import Decided, Looked
from pipeline.answer.phrases import accused, called, labelled, score_in_words, section, short, why_in_words, with_id
from pipeline.core.actionability.words import held_said
from pipeline.core.shown import printable
from pipeline.explain.words import in_full, when
from schemas import Change, Incident, PageKind, Reason

_QUIET = (
    Reason.SILENCED,
    Reason.MUTED,
    Reason.INHIBITED,
    Reason.HELD,
    Reason.TOO_FEW,
    Reason.SUPPRESSED,
    Reason.TRANSIENT,
)
_LONGEST_NAME = 48


def lines(story: IncidentStory | AlertStory | EventStory) -> Iterator[str]:
    """What a person reads, a line each."""
    if isinstance(story, IncidentStory):
        found = _incident(story)
    elif isinstance(story, AlertStory):
        found = _alert(story)
    else:
        found = _event(story)
    return map(printable, found)


def absence(what: str, looked: Looked, beyond: str = "") -> str:
    """That it is not there, and what was looked through."""
    said = f"{what} is not there"
    if beyond:
        said += f": {beyond}"
    said += f"; looked through {looked.decisions:,} decisions"
    if looked.from_ms is not None and looked.to_ms is not None:
        said += f" from {in_full(looked.from_ms)} to {in_full(looked.to_ms)}"
    if looked.is_cut:
        said += ", and retention has removed what was before"
    return printable(said)


def _incident(story: IncidentStory) -> Iterator[str]:
    record = story.record
    if record is None:
        yield f"{story.incident_id}: only decisions name it; what it was is not recorded here"
    else:
        yield f"{story.incident_id}, {record.state.value}, {record.severity.value}, scope {record.scope}"
        yield record.summary
    yield from section("since", _since(record) if record is not None else ())
    yield from section("paged", _calls(story))
    yield from section("score", _scores(record) if record is not None else ())
    yield from section("cause", _causes(record, story) if record is not None else ())
    if record is not None:
        yield from section("changes", (_change(change, record.opened_at_ms) for change in record.changes))
        yield from section("said", _said(record))
    yield from section("merged", _merged(story))
    yield from _members(story)


def _since(record: Incident) -> Iterator[str]:
    since = in_full(record.opened_at_ms)
    if record.resolved_at_ms is not None:
        since += f" until {when(record.resolved_at_ms, record.opened_at_ms)}"
    if record.reopened:
        since += f", reopened {record.reopened} times"
    if record.acknowledged_by is not None:
        since += f", acknowledged by {record.acknowledged_by}"
    yield since + (", flapping" if record.is_flapping else "")


def _said(record: Incident) -> Iterator[str]:
    for outcome in (record.outcome, record.mark):
        if outcome is not None:
            who = outcome.by if outcome.is_person else f"{outcome.by}, a program"
            said = f"{when(outcome.at_ms, record.opened_at_ms)}  {outcome.verdict.value.replace('_', ' ')} by {who}"
            yield f"{said}: {outcome.note}" if outcome.note else said


def _calls(story: IncidentStory) -> Iterator[str]:
    record = story.record
    now_ms = record.opened_at_ms if record is not None else story.calls[0].at_ms if story.calls else 0
    for call in story.calls:
        yield f"{when(call.at_ms, now_ms)}  {_call(call, story)}"
    if story.further_calls:
        yield f"… and {story.further_calls} more times (--all)"
    if record is None or story.calls:
        return
    if record.is_paged:
        yield "by no event that is recorded here: by a deadline (its hold was over, or what kept it quiet), or earlier"
        return
    # The incident itself says only what kept the worst of its alerts quiet last.
    quieted = [(reason, story.reasons[reason]) for reason in _QUIET if story.reasons[reason]]
    if not quieted and record.quiet is not None:
        quieted = [(record.quiet, 0)]
    yield "nobody" + (", because of what kept its alerts quiet:" if quieted else "")
    for reason, events in quieted:
        yield f"{reason.value}{f' ({events} of its events)' if events else ''}: {reason.sentence}"


def _call(call: Call, story: IncidentStory) -> str:
    page, decided = call.page, call.decided
    reason = page.reason if page is not None else decided.reason if decided is not None else None
    said = reason.value if reason is not None else ""
    if decided is not None:
        said += f" by {called(decided.fingerprint, story.names)} ({decided.place})"
        if decided.incident_id != story.incident_id and decided.incident_id is not None:
            said += f", then {short(decided.incident_id)}"
    elif page is not None:
        said += f": {page.why}"
    if page is None:
        return said
    if page.kind is PageKind.RESOLVE:
        said = f"the page was resolved: {said}"
    elif not page.reason.pages:
        said = f"told, without ringing: {said}"
    if call.refusal is not None:
        return f"{said} REFUSED by the pager's service: {call.refusal}"
    return said + (", NOT DELIVERED YET" if call.is_delivered is False else "")


def _scores(record: Incident) -> Iterator[str]:
    if record.score is not None:
        yield score_in_words(record.score, record.scored).removeprefix("score ")
    if record.is_suppressible and record.is_paged:
        yield "with `suppress: on` nobody would have been paged so far"


def _causes(record: Incident, story: IncidentStory) -> Iterator[str]:
    for cause in record.causes:
        yield f"{accused(cause, story.names)}: {cause.why}"


def _change(change: Change, opened_at_ms: int) -> str:
    by = ", ".join(part for part in (change.kind, change.source) if part)
    links = "".join(f" {link.href}" for link in change.links)
    return f"{when(change.at_ms, opened_at_ms)}  {change.summary}{f' ({by})' if by else ''}{links}"


def _merged(story: IncidentStory) -> Iterator[str]:
    record = story.record
    if record is not None and record.merged_into is not None:
        said = f"into {record.merged_into}, which goes on for it"
        yield said + (f": {story.into.summary}" if story.into is not None else "")
    for other in story.came_from:
        yield f"from {other}"


def _members(story: IncidentStory) -> Iterator[str]:
    record = story.record
    if record is not None:
        yield from section("alerts", [f"{record.alerts}, {record.firing} firing"])
    names = [called(one.fingerprint, story.names) for one in story.alerts]
    width = min(_LONGEST_NAME, max(map(len, names), default=0))
    now_ms = story.alerts[0].at_ms if story.alerts else 0
    for one, name in zip(story.alerts, names, strict=True):
        clock = when(one.at_ms, now_ms)
        yield f"  {clock:<12}  {name:<{width}}  {one.reason.value:<8}  {_because(one)}"
    if story.further:
        yield f"  … and {story.further} more alerts (--all)"
    repeats = story.others[Reason.DUPLICATE]
    rest = [f"{count} {reason.value}" for reason, count in story.others.items() if reason is not Reason.DUPLICATE]
    if story.others:
        said = [f"{repeats} repeats"] if repeats else []
        yield f"  … and {', '.join(said + rest)} until {when(story.others_to_ms, now_ms)}"


def _alert(story: AlertStory) -> Iterator[str]:
    theirs = "".join(f", at its source {one}" for one in story.source_fingerprints[:3])
    if story.alert is None:
        yield f"{', '.join(story.fingerprints)}{theirs}: its name and labels are not recorded here"
    else:
        source = f", from {story.alert.source}" if story.alert.source else ""
        yield f"{labelled(story.alert)}, {story.alert.severity.value}{source}"
        yield f"{', '.join(story.fingerprints)}{theirs}"
    if story.left_out:
        yield f"  … {story.left_out} earlier decisions (--all)"
    yield from _runs(story.runs, None)
    yield from _named_incidents(story.incidents)


def _event(story: EventStory) -> Iterator[str]:
    where = story.place if story.place.startswith("line:") else f"{story.place} on alerts.raw"
    yield f"{where}: {sum(run.count for run in story.runs) + story.left_out} decided"
    for record in story.rejected:
        at = f"{record.where}: " if record.where else ""
        yield f"  rejected, since it is no alert: {at}{record.reason} ({record.items} items)"
        yield from (f"    and {other}" for other in record.others)
    yield from _runs(story.runs, story.names)
    if story.left_out:
        yield f"  … and {story.left_out} more decisions (--all)"
    yield from _named_incidents(story.incidents)


def _runs(runs: Iterable[Run], names: Mapping[str, Named] | None) -> Iterator[str]:
    """Each decision, in two lines or more: when and what; why. What stays as it was is not said again."""
    before: Decided | None = None
    explained = set[Reason]()
    for run in runs:
        one = run.first
        versions = one.policy_version, one.model_version
        if versions != ((before.policy_version, before.model_version) if before else (None, None)):
            yield f"by policy {one.policy_version}, " + (
                f"model {one.model_version}" if one.model_version else "no model"
            )
        # The day whenever it is another than before.
        clock = in_full(one.at_ms) if before is None else when(one.at_ms, before.at_ms)
        who = "" if names is None else f"{with_id(one.fingerprint, names)}  "
        times = f", {run.count} times until {when(run.to_ms, one.at_ms)}" if run.count > 1 else ""
        into = f" in {one.incident_id}" if one.incident_id is not None else ""
        if before is not None and before.incident_id == one.incident_id:
            into = ""
        paged = ", PAGED" if one.paged else ""
        yield f"  {clock}  {who}{one.reason.value}{paged}{times}{into}  ({one.place})"
        if one.reason not in explained:
            yield f"      {one.reason.sentence}"
        if one.is_late:
            yield "      It came late: older than what had come before it."
        if one.why is not None:
            yield f"      {why_in_words(one.why)}"
        if one.scored is not None:
            yield f"      {score_in_words(one.scored.probability, one.scored)}"
        if one.guard is not None:
            yield f"      {one.guard.sentence}"
        if one.held is not None:
            yield f"      {held_said(one.held)}"
        if one.next_at_ms is not None and one.reason is not Reason.DUPLICATE:
            yield f"      next at {when(one.next_at_ms, one.at_ms)}, if nothing comes before"
        before = one
        explained.add(one.reason)


def _named_incidents(incidents: Mapping[str, Incident | None]) -> Iterator[str]:
    for incident_id, record in incidents.items():
        if record is None:
            yield f"{incident_id}: what it was is not recorded here"
            continue
        into = f" into {record.merged_into}" if record.merged_into is not None else ""
        quiet = ""
        if not record.is_paged:
            quiet = ", nobody paged" + (f" ({record.quiet.value})" if record.quiet is not None else "")
        yield f"{incident_id}, {record.state.value}{into}{quiet}: {record.summary}"


def _because(decided: Decided) -> str:
    paged = "PAGED. " if decided.paged else ""
    if decided.why is not None:
        return paged + why_in_words(decided.why)
    return paged + decided.reason.sentence
