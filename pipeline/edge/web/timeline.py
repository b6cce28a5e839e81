"""An incident's story in order of time: each alert and why it joined, who was told and why, and what was said."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipeline.answer import IncidentStory
from pipeline.answer.gather import Call
from pipeline.answer.named import Named
from pipeline.answer.past import Decided
from pipeline.answer.phrases import called, why_in_words
from pipeline.core.actionability.words import held_said
from schemas import Outcome, PageKind, Reason


class Moment(NamedTuple):
    """One thing that happened."""

    at_ms: int
    what: str  # alert, page, end or said: how it is shown
    title: str
    labels: tuple[tuple[str, str], ...]
    reason: str
    because: tuple[str, ...]
    is_paged: bool = False


def timeline(story: IncidentStory, outcomes: Sequence[Outcome]) -> list[Moment]:
    """All of it; of several at once, the alert before the page that it caused."""
    told = {id(call.decided): call for call in story.calls if call.decided is not None}
    explained = set[Reason]()  # what a reason means is said once
    found = [_alert(one, story, told.get(id(one)), explained) for one in story.alerts]
    listed = {id(one) for one in story.alerts}
    found += [_call(call, story) for call in story.calls if call.decided is None or id(call.decided) not in listed]
    found += [_said(outcome) for outcome in outcomes]
    return sorted(found, key=lambda one: (one.at_ms, _RANK[one.what]))


_RANK = {"alert": 0, "page": 1, "end": 1, "said": 2}


def _alert(decided: Decided, story: IncidentStory, call: Call | None, explained: set[Reason]) -> Moment:
    named = story.names.get(decided.fingerprint)
    because = list(_because(decided, explained))
    if call is not None:
        because += _delivery(call)
    return Moment(
        decided.at_ms,
        "alert",
        called(decided.fingerprint, story.names),
        _labels(named),
        decided.reason.value.replace("_", " "),
        tuple(because),
        decided.paged,
    )


def _because(decided: Decided, explained: set[Reason]) -> Iterator[str]:
    if decided.reason not in explained:
        explained.add(decided.reason)
        yield decided.reason.sentence
    if decided.why is not None:
        yield why_in_words(decided.why)
    if decided.guard is not None:
        yield decided.guard.sentence
    if decided.held is not None:
        yield held_said(decided.held)
    if decided.is_late:
        yield "It came late: older than what had come before it."


def _call(call: Call, story: IncidentStory) -> Moment:
    page, decided = call.page, call.decided
    reason = page.reason if page is not None else decided.reason if decided is not None else Reason.OPENED
    what, title = "page", "Paged"
    if page is not None and page.kind is PageKind.RESOLVE:
        what, title = "end", "The page was resolved"
    elif not reason.pages:
        what, title = "end", "Told, without ringing"
    if decided is not None:
        title += f": {called(decided.fingerprint, story.names)}"
    because = [page.why if page is not None else reason.sentence, *_delivery(call)]
    return Moment(call.at_ms, what, title, (), reason.value.replace("_", " "), tuple(because), what == "page")


def _delivery(call: Call) -> Iterator[str]:
    if call.refusal is not None:
        yield f"REFUSED by the pager's service: {call.refusal}"
    elif call.is_delivered is False:
        yield "Not delivered yet."


def _said(outcome: Outcome) -> Moment:
    who = outcome.by if outcome.is_person else f"{outcome.by}, a program"
    note = (outcome.note,) if outcome.note else ()
    title = f"{who}, by {outcome.via}"
    return Moment(outcome.at_ms, "said", title, (), outcome.verdict.value.replace("_", " "), note)


def _labels(named: Named | None) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(named.labels.items())) if named is not None else ()
