"""The page's copy of the log is bounded, says what it cut, and is the same however the log reaches it."""

import random
from collections.abc import Sequence

import pytest

from pipeline.edge.web.live import FOLLOWED, Live
from pipeline.edge.web.query import AT_ONCE, Show, Wanted, find
from pipeline.edge.web.row import Place, next_of, why_of
from pipeline.log.entry import Entry
from schemas import Decision, Decisions, Outcome, Reason, Verdict
from schemas.topics import DECISIONS, OUTCOMES
from tests.unit.answer.recorded import event, recorded
from tests.unit.edge.web.scene import NOW_MS, POLICY, entry, incident, silence

SECOND_MS = 1000


def live_of(entries: Sequence[Entry], **limits: int) -> Live:
    live = Live(**limits)  # type: ignore[arg-type]  # limits are numbers
    for one in entries:
        live.take(one)
    return live


def said(key: str, verdict: Verdict, at_ms: int, *, is_person: bool = True) -> Entry:
    outcome = Outcome(
        id=f"out1:{verdict}{at_ms}", incident_id=key, verdict=verdict, by="ada", via="api", at_ms=at_ms,
        is_person=is_person,
    )  # fmt: skip
    return entry(outcome, topic=OUTCOMES.name)


def decided(key: str, offset: int, reason: Reason, next_at_ms: int | None) -> Entry:
    one = Decision(
        fingerprint="fp1:0", incident_id=key, reason=reason, paged=False, at_ms=offset, next_at_ms=next_at_ms,
        policy_version="p", fingerprint_version="fp1",
    )  # fmt: skip
    record = Decisions(scope="default", raw_partition=0, raw_offset=offset, decisions=(one,))
    return entry(record, offset, DECISIONS.name, log_partition="0", log_offset=str(offset))


def shape(live: Live) -> list[object]:
    return [
        (row, live.mark_of(row), live.latest.step(row.line.incident_id), live.silences.over(row, NOW_MS))
        for row in live.listed().rows
    ]


def test_the_highest_revision_stands_whatever_comes_behind_it() -> None:
    new, old = entry(incident(1, 7, summary="new")), entry(incident(1, 3, summary="old", state="resolved"))
    for entries in ([old, new], [new, old], [new, new, old]):
        [row] = live_of(entries).listed().rows
        assert (row.line.summary, row.place) == ("new", Place.BURNING)


def test_the_same_log_gives_the_same_list_in_whatever_order_its_topics_come_and_after_a_restart() -> None:
    log = recorded(
        (0, [event("NodeDown", cluster="a", severity="critical")]),
        (5, [event("DiskFull", cluster="b")]),
        (9, [event("PodDown", cluster="a"), event("DiskFull", cluster="b", status="resolved")]),
        (200, []),
        policy=POLICY,
    )
    key = (
        str(next(iter(log.read("incidents"))).key)
        or live_of(list(log.read("incidents"))).listed().rows[0].line.incident_id
    )
    topics = [list(log.read(topic)) for topic in FOLLOWED if topic in log.topics and topic != OUTCOMES.name]
    topics.append([said(key, Verdict.DUPLICATE, 5), said(key, Verdict.ACTIONABLE, 9)])
    topics.append([silence('cluster="a"'), silence('cluster="a"', until_ms=NOW_MS + 5, updated_at_ms=NOW_MS)])
    whole = live_of([one for entries in topics for one in entries])
    expected = shape(whole)
    assert len(expected) == 2
    [hushed] = [one for row in whole.listed().rows if (one := whole.silences.over(row, NOW_MS)) is not None]
    assert hushed.until_ms == NOW_MS + 5
    chance = random.Random(7)  # noqa: S311 - an order, no secret
    for _ in range(20):
        left = [list(entries) for entries in topics]
        mixed = []
        while any(left):
            mixed.append(chance.choice([entries for entries in left if entries]).pop(0))
        assert shape(live_of(mixed)) == expected
        assert shape(live_of([*mixed, *mixed])) == expected  # what is read again changes nothing


def test_what_burns_and_nobody_has_taken_comes_first_then_the_worst_then_the_newest() -> None:
    rows = [
        incident(1, severity="warning"),
        incident(2, severity="critical"),
        incident(3, severity="critical"),
        incident(4, severity="critical", state="acknowledged"),
        incident(5, severity="critical", is_paged=False, quiet="held"),
        incident(6, severity="critical", firing=0),
        incident(7, severity="critical", state="resolved", firing=0, resolved_at_ms=9),
    ]
    live = live_of([entry(one) for one in rows])
    assert [row.line.summary for row in live.listed().rows] == [f"incident {n}" for n in (3, 2, 1, 4, 5, 6, 7)]
    assert find(live, Wanted()).total == 6
    assert find(live, Wanted(show=Show.BURNING)).total == 3
    assert find(live, Wanted(show=Show.QUIET)).total == find(live, Wanted(show=Show.ENDED)).total == 1


def summaries(live: Live) -> list[str]:
    return [row.line.summary for row in live.listed().rows]


def test_beyond_the_limit_the_mildest_live_ones_give_way_to_what_burns() -> None:
    quiet = [entry(incident(n, is_paged=False, quiet="held", severity="critical")) for n in range(3)]
    live = live_of([*quiet, entry(incident(3, severity="warning"))], most_live=3)
    assert summaries(live) == ["incident 3", "incident 2", "incident 1"]
    live.take(entry(incident(4, severity="critical")))
    live.take(entry(incident(5, firing=0)))  # milder than all that are here
    assert (summaries(live), live.absent) == (["incident 4", "incident 3", "incident 2"], 3)


def test_live_ones_that_are_not_here_are_said_until_each_is_here_or_over() -> None:
    live = live_of([entry(incident(n)) for n in range(4)], most_live=2)
    for n in (2, 3):
        live.take(entry(incident(n, state="resolved", firing=0)))
    assert (summaries(live), live.absent) == (["incident 3", "incident 2"], 2)  # both over; two others burn somewhere
    live.take(entry(incident(0, revision=0)))  # a revision from before it was turned away is no news
    assert live.absent == 2
    live.take(entry(incident(0)))
    assert (summaries(live), live.absent) == (["incident 0", "incident 3", "incident 2"], 1)
    live.take(entry(incident(1, state="resolved", firing=0)))
    assert live.absent == 0
    assert not live.is_short


def test_of_more_than_can_be_remembered_it_is_said_for_good_that_there_may_be_others() -> None:
    live = live_of([entry(incident(n)) for n in range(9)], most_live=1, most_absent=3)
    assert (live.absent, live.is_short) == (3, True)
    for n in range(9):
        live.take(entry(incident(n, state="resolved", firing=0)))
    assert (live.absent, live.is_short) == (0, True)  # which of the forgotten ended is not known


def test_the_order_is_kept_as_if_it_were_sorted_anew_whatever_comes() -> None:
    chance = random.Random(11)  # noqa: S311 - an order, no secret
    asked, fresh = Live(most_live=20, most_ended=10), Live(most_live=20, most_ended=10)
    for _ in range(400):
        state = chance.choice(["open", "open", "acknowledged", "resolved", "merged"])
        severity, is_paged = chance.choice(["critical", "error", "info"]), chance.random() < 0.7
        number, firing = chance.randrange(60), 0 if state in {"resolved", "merged"} else chance.randrange(2)
        one = entry(incident(number, state=state, severity=severity, is_paged=is_paged, firing=firing))
        asked.take(one)
        fresh.take(one)
        rows, counts = asked.listed()
        assert rows == sorted(rows, key=lambda row: row.order)
        assert counts == {place: sum(row.place is place for row in rows) for place in Place}
    assert shape(asked) == shape(fresh)
    assert (asked.absent, asked.forgotten) == (fresh.absent, fresh.forgotten)


def test_beyond_the_limit_ended_ones_are_forgotten_and_counted() -> None:
    ended = [entry(incident(n, state="resolved", firing=0)) for n in range(5)]
    live = live_of(ended, most_ended=3)
    assert (live.forgotten, [row.line.summary for row in live.listed().rows]) == (
        2,
        ["incident 4", "incident 3", "incident 2"],
    )


def test_a_person_is_believed_before_a_program_then_the_latest_and_a_deed_is_no_mark() -> None:
    key = incident(1).incident_id
    entries = [
        entry(incident(1)),
        said(key, Verdict.ACTIONABLE, 10),
        said(key, Verdict.DUPLICATE, 20),
        said(key, Verdict.FALSE_POSITIVE, 30, is_person=False),
        said(key, Verdict.ACKNOWLEDGED, 40),
    ]
    live = live_of(entries)
    mark = live.mark_of(live.listed().rows[0])
    assert mark is not None
    assert mark.verdict is Verdict.DUPLICATE
    assert len(live.said.of(key)) == 4


def test_what_comes_next_is_said_with_its_time_until_that_is_past() -> None:
    held = incident(1, is_paged=False, quiet="held")
    live = live_of([entry(held), decided(held.incident_id, 5, Reason.HELD, 60_000)])
    [row] = live.listed().rows
    step = live.latest.step(held.incident_id)
    coming, past = (next_of(row, step, now_ms, repeats=False) for now_ms in (10_000, 70_000))
    assert coming is not None
    assert past is not None
    assert (coming.text, coming.at_ms) == ("pages {} unless it resolves before", 60_000)
    assert past.at_ms is None
    assert why_of(row, step, None) == ("not paged: held", Reason.HELD.sentence)


@pytest.mark.parametrize("quiet", [Reason.SILENCED, Reason.MUTED, Reason.SUPPRESSED])
def test_what_is_kept_quiet_is_not_said_to_page_where_it_may_be_over_by_then(quiet: Reason) -> None:
    kept = incident(1, is_paged=False, quiet=quiet)
    live = live_of([entry(kept), decided(kept.incident_id, 5, quiet, 60_000)])
    [row] = live.listed().rows
    coming = next_of(row, live.latest.step(kept.incident_id), 10_000, repeats=False)
    assert coming is not None
    assert coming.text.endswith(", or counts as over if nothing more is heard of it")


def test_what_pages_again_until_somebody_acknowledges_is_said_to_also_after_it_did() -> None:
    burns = incident(1)
    live = live_of([entry(burns), decided(burns.incident_id, 5, Reason.OPENED, 60_000)])
    [row] = live.listed().rows
    once, again = (
        next_of(row, live.latest.step(burns.incident_id), 70_000, repeats=repeats) for repeats in (False, True)
    )
    assert once is not None
    assert again is not None
    assert once.text == "ends when its alerts resolve"
    assert again.text == "may page again until somebody acknowledges; ends when its alerts resolve"


def test_a_decision_written_again_from_before_changes_nothing() -> None:
    key = incident(1).incident_id
    live = live_of([decided(key, 9, Reason.JOINED, 99), decided(key, 4, Reason.OPENED, 44)])
    step = live.latest.step(key)
    assert step is not None
    assert (step.reason, step.next_at_ms) == (Reason.JOINED, 99)


def test_words_find_names_labels_ids_and_teams_and_all_of_them_must_fit() -> None:
    member = {
        "fingerprint": "fp1:0", "name": "DiskFull", "template": "disk", "labels": {"host": "db-3"},
        "severity": "error", "status": "firing", "starts_at_ms": 0, "first_at_ms": 0,
    }  # fmt: skip
    live = live_of([entry(incident(1, members=(member,), team="data")), entry(incident(2))])
    for text in ("host=db-3", "DISKFULL db-3", "data", incident(1).incident_id):
        assert [row.line.summary for row in find(live, Wanted(text=text)).rows] == ["incident 1"]
    assert find(live, Wanted(text="diskfull nowhere")).total == 0


def test_a_page_holds_so_many_and_one_too_far_is_the_last() -> None:
    live = live_of([entry(incident(n)) for n in range(AT_ONCE + 1)])
    first, beyond = find(live, Wanted()), find(live, Wanted(page=99))
    assert (len(first.rows), first.pages, len(beyond.rows), beyond.page) == (AT_ONCE, 2, 1, 2)


def test_an_address_that_means_nothing_asks_for_the_live_ones() -> None:
    strange = {"show": "x", "page": "-1", "severity": "bad", "judged": "?", "q": "x" * 500}
    assert Wanted.of(strange) == Wanted(text="x" * 200)
    assert Wanted.of({"page": "9" * 50}).page == 1
    wanted = Wanted(Show.ALL, "a b&c", "error", "no", 3)
    assert Wanted.of(dict(part.split("=") for part in wanted.address(page=3)[1:].split("&"))).page == 3
    assert wanted.address() == "?show=all&q=a+b%26c&severity=error&judged=no"


def test_what_comes_is_put_in_its_place_and_the_rest_is_not_sorted_again() -> None:
    live = live_of([entry(incident(n)) for n in range(9)])
    rows = live.listed().rows
    live.take(entry(incident(4, severity="critical")))
    assert live.listed().rows is rows  # sorting 49,000 took 0.1 s, in the loop that takes alerts
    assert rows[0].line.summary == "incident 4"
