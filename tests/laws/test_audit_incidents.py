"""Incidents and pages that do not add up are named, each for what it is, and for nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.audit import Flaw
from pipeline.codec import decode, encode
from schemas import Incident, IncidentState, PageKind, Reason
from schemas.topics import DECISIONS, INCIDENTS, PAGES
from tests.laws.books import (
    Log,
    beside,
    decisions_of,
    flaws,
    incident_id_of,
    logs,
    page_of,
    pick,
    position,
    without,
    write,
)

picks = st.integers(0, 1000)
BEYOND = 5000  # an offset where nothing stands


@given(logs(), picks)
def test_an_incident_that_is_missing_is_named(log: Log, number: int) -> None:
    gone = incident_id_of(pick(log.read(INCIDENTS.name), number))
    damaged = without(log, INCIDENTS.name, lambda one: incident_id_of(one) == gone)
    assert flaws(damaged) == {Flaw.ORPHANED: 1}
    assert gone in damaged.balance().flaws.named[Flaw.ORPHANED][0].what


@given(logs(), picks)
def test_an_incident_told_in_two_ways_at_one_revision_is_named(log: Log, number: int) -> None:
    last = {incident_id_of(one): one for one in log.read(INCIDENTS.name)}
    hit = pick(last.values(), number)
    otherwise = decode(Incident, hit.value).model_copy(update={"summary": "otherwise"})
    assert flaws(beside(log, hit, otherwise)) == {Flaw.RETOLD: 1}


@given(logs(), picks)
def test_an_incident_that_was_kept_quiet_for_its_score_is_counted(log: Log, number: int) -> None:
    hit = pick({incident_id_of(one): one for one in log.read(INCIDENTS.name)}.values(), number)
    quiet = {"is_paged": False, "quiet": Reason.SUPPRESSED, "state": IncidentState.RESOLVED, "revision": 10_000}
    changed = hit._replace(value=encode(decode(Incident, hit.value).model_copy(update=quiet)))
    quieted = log.changed(INCIDENTS.name, lambda entries: [changed if one == hit else one for one in entries])
    assert log.balance().incidents_quieted == 0
    assert quieted.balance().incidents_quieted == 1


@given(logs(), picks)
def test_a_decided_alert_in_no_incident_is_named(log: Log, number: int) -> None:
    whole = [one for one in log.read(DECISIONS.name) if any(d.incident_id for d in decisions_of(one).decisions)]
    hit = pick(whole, number)
    record = decisions_of(hit)
    nowhere = tuple(one.model_copy(update={"incident_id": None}) for one in record.decisions)
    changed = hit._replace(value=encode(record.model_copy(update={"decisions": nowhere})))
    damaged = log.changed(
        DECISIONS.name, lambda entries: [changed if position(one) == position(hit) else one for one in entries]
    )
    placed = sum(one.incident_id is not None for one in record.decisions)
    assert flaws(damaged) == {Flaw.UNPLACED: placed}


@given(logs(), picks)
def test_a_resolve_that_is_missing_is_named(log: Log, number: int) -> None:
    resolves = [one for one in log.read(PAGES.name) if page_of(one).event_action == "resolve"]
    gone = page_of(pick(resolves, number))
    damaged = without(log, PAGES.name, lambda one: page_of(one) == gone)
    assert flaws(damaged) == {Flaw.UNRESOLVED: 1}


@given(logs(), picks)
def test_a_trigger_after_the_resolve_of_what_never_reopened_is_named(log: Log, number: int) -> None:
    last = {page_of(one).dedup_key: one for one in log.read(PAGES.name)}
    resolves = [one for one in last.values() if page_of(one).event_action == "resolve"]
    hit = pick(resolves, number)
    page = page_of(hit)
    details = page.payload.custom_details
    later = details.model_copy(update={"revision": details.revision + 1, "kind": PageKind.TRIGGER})
    payload = page.payload.model_copy(update={"custom_details": later})
    again = page.model_copy(update={"event_action": "trigger", "payload": payload})
    assert flaws(beside(log, hit, again)) == {Flaw.REPAGED: 1}


@given(logs(), picks)
def test_a_second_page_for_one_revision_is_named(log: Log, number: int) -> None:
    hit = pick(log.read(PAGES.name), number)
    assert flaws(beside(log, hit, at=BEYOND)) == {Flaw.PAGED_TWICE: 1}


def test_the_fault_of_a_deadline_pages_without_an_incident_and_is_no_flaw() -> None:
    log = write([(0, 0, [{"name": "disk", "labels": {"env": "prod"}}])]).finished()
    [trigger] = log.read(PAGES.name)
    page = page_of(trigger)
    details = page.payload.custom_details.model_copy(update={"reason": Reason.FAULT, "revision": 1})
    payload = page.payload.model_copy(update={"custom_details": details})
    fault = page.model_copy(update={"dedup_key": "inc1:fault", "payload": payload})
    log = beside(beside(log, trigger, fault), trigger, fault, at=BEYOND)
    balance = log.balance()
    assert balance.is_even
    assert (balance.pages_triggered, balance.pages_open, balance.repeated) == (2, 2, 1)
