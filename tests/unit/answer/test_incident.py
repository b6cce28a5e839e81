"""An incident is answered for: who is in it and why, who was paged and when, and what it was merged with."""

import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

from pipeline.answer import IncidentStory
from pipeline.answer.phrases import why_in_words
from pipeline.answer.records import told
from pipeline.codec import decode, encode
from pipeline.core.policy import Policy
from pipeline.log import Draft, Entry
from schemas import Decisions, Incident, IncidentState, Outcome, Reason, Rejected, Shared, Verdict, Why
from schemas.topics import ALERTS, DECISIONS, DELIVERIES, INCIDENTS, PAGES, REJECTED
from tests.laws.books import EPOCH_MS, Log, beside, without
from tests.unit.answer.recorded import ask, decisions, event, incident_ids, recorded, said

TOGETHER = Policy(group_by=("cluster",), resolve_after=60)
NODE, DISK = event("NodeDown", cluster="eu", node="n7"), event("DiskFull", cluster="eu", node="n7", severity="critical")


def story_of(log: Log, what: str, most: int | None = 50) -> IncidentStory:
    story = ask(log, what, most)
    assert isinstance(story, IncidentStory)
    return story


def test_it_says_who_is_in_it_in_the_order_in_which_they_came_and_counts_repeats() -> None:
    log = recorded((0, [NODE]), (1, [NODE]), (2, [DISK]), (3, [NODE, DISK]), (60, [NODE]), policy=TOGETHER)
    [incident_id] = incident_ids(log)
    assert said(log, incident_id) == [
        f"{incident_id}, open, critical, scope default",
        "DiskFull and NodeDown in cluster eu, node n7, since 22:13 UTC",
        "since     2023-11-14 22:13:20 UTC",
        "paged     22:13:20  opened by NodeDown on n7 (0:0)",
        "          22:13:22  raised by DiskFull on n7 (0:2)",
        "score     0.139: its source sends events, few of which anybody has to act on (-3.00); its source claims"
        " that it is serious (+0.50); something else that is unusual began where it is of late (+0.34)",
        "cause     DiskFull on n7: 2 s after the first; the most severe",
        "          NodeDown on n7: first, 2 s before the next",
        "alerts    2, 2 firing",
        "  22:13:20      NodeDown on n7  opened    PAGED. No open incident fits it, so it opens one and pages.",
        "  22:13:22      DiskFull on n7  raised    PAGED. It is more severe than anything paged of its incident so far,"
        " so it pages again.",
        "  … and 4 repeats until 22:14:20",
    ]


def test_the_beginning_of_its_id_is_enough() -> None:
    log = recorded((0, [NODE]), policy=TOGETHER)
    [incident_id] = incident_ids(log)
    assert said(log, incident_id[: len("inc1:") + 8]) == said(log, incident_id)


def test_why_an_alert_joined_is_said_in_words() -> None:
    log = recorded((0, [NODE]), (2, [event("KubeletDown", cluster="eu", node="n7")]), policy=Policy())
    [incident_id] = incident_ids(log)
    [joined] = [line for line in said(log, incident_id) if "joined" in line]
    assert joined.startswith("  22:13:22      KubeletDown on n7  joined    2 s after it last grew; ")
    assert " % alike: " in joined
    assert "node=n7 (" in joined


def test_every_part_of_why_has_its_words() -> None:
    shared = tuple(Shared(token=word, weight=weight) for word, weight in (("node=n7", 0.314), ("pod", 0.12)))
    why = Why(since_ms=2000, likeness=0.71, shared=shared, runner_up="inc1:ab12cd34ef560789abcd", runner_up_share=0.4)
    assert why_in_words(why) == (
        "2 s after it last grew; 71 % alike: node=n7 (31 %), pod (12 %); next likeliest inc1:ab12cd34… (40 % as good)"
    )
    home = Why(since_ms=180_000, likeness=1.0, shared=(), is_home=True)
    assert why_in_words(home) == "it was in it before; 3 min after it last grew"
    surging = Why(since_ms=2000, likeness=0.0, shared=(), surge="cluster=eu-1")
    assert why_in_words(surging) == "2 s after it last grew; far more than usual of cluster=eu-1 begin"


def test_who_was_not_paged_learns_why() -> None:
    policy = Policy.model_validate({"silences": [{"match": 'node="n7"'}], "group_by": ["cluster"]})
    log = recorded((0, [NODE]), policy=policy)
    lines = said(log, incident_ids(log)[0])
    begin = lines.index("paged     nobody, because of what kept its alerts quiet:")
    assert lines[begin + 1] == f"          silenced (1 of its events): {Reason.SILENCED.sentence}"


def test_who_was_not_paged_learns_why_also_when_all_is_over() -> None:
    over = event("NodeDown", cluster="eu", node="n7", status="resolved")
    log = recorded((0, [NODE]), (10, [over]), (999, []), policy=Policy(group_by=("cluster",), hold=120))
    lines = said(log, incident_ids(log)[0])
    begin = lines.index("paged     nobody, because of what kept its alerts quiet:")
    assert lines[begin + 1 : begin + 3] == [
        f"          held (1 of its events): {Reason.HELD.sentence}",
        f"          transient (1 of its events): {Reason.TRANSIENT.sentence}",
    ]


def test_a_page_of_a_deadline_is_told_though_no_event_caused_it() -> None:
    log = recorded((0, [NODE]), (200, []), policy=Policy(group_by=("cluster",), hold=120))
    lines = said(log, incident_ids(log)[0])
    assert f"paged     22:16:40  hold_ended: {Reason.HOLD_ENDED.sentence}" in lines


def test_a_resolve_is_told_and_a_page_that_waits_for_the_pager_is_named() -> None:
    over = event("NodeDown", cluster="eu", node="n7", status="resolved")
    log = recorded((0, [NODE]), (10, [over]), (200, []), policy=TOGETHER, delivers=False)
    lines = said(log, incident_ids(log)[0])
    assert "paged     22:13:20  opened by NodeDown on n7 (0:0), NOT DELIVERED YET" in lines
    assert (
        f"          22:16:40  the page was resolved: resolved: {Reason.RESOLVED.sentence}, NOT DELIVERED YET" in lines
    )


def test_a_page_that_was_refused_is_named() -> None:
    log = recorded((0, [NODE]), policy=TOGETHER, delivers=False)
    [page] = log.read(PAGES.name)
    refused = Rejected.of(page.value, source="pager", reason="400 bad key", where="", at_ms=EPOCH_MS)
    refused = refused.model_copy(update={"topic": PAGES.name, "partition": page.partition, "offset": page.offset})
    log.append(Draft(REJECTED.name, "pager", encode(refused)), EPOCH_MS)
    [line] = [line for line in said(log, incident_ids(log)[0]) if line.startswith("paged")]
    assert line.endswith("REFUSED by the pager's service: 400 bad key")


def merged(log: Log, incident_id: str, into: str) -> Log:
    """A later revision says that it goes on in another."""
    entry = [one for one in log.read(INCIDENTS.name) if decode(Incident, one.value).incident_id == incident_id][-1]
    record = decode(Incident, entry.value)
    update = {"revision": record.revision + 1, "state": IncidentState.MERGED, "merged_into": into}
    return beside(log, entry, record.model_copy(update=update))


def test_an_incident_tells_what_went_on_in_it_and_whose_alerts_it_took_over() -> None:
    bodies = [[event("NodeDown", cluster=cluster, node=cluster)] for cluster in ("eu", "us", "ap")]
    log = recorded(*enumerate(bodies), policy=TOGETHER)
    first, second, third = incident_ids(log)
    log = merged(merged(log, third, second), second, first)
    story = story_of(log, first)
    assert story.came_from == sorted([second, third])
    assert [one.incident_id for one in story.alerts] == [first, second, third]
    assert any(line.startswith("merged    from inc1:") for line in said(log, first))
    lines = said(log, second)
    assert lines[0].startswith(f"{second}, merged")
    assert any(line.startswith(f"merged    into {first}, which goes on for it: NodeDown") for line in lines)


def test_it_says_what_people_did_about_it_and_judged_it_to_be() -> None:
    log = recorded((0, [NODE]), policy=TOGETHER)
    [entry] = log.read(INCIDENTS.name)
    record = decode(Incident, entry.value)
    done = Outcome(
        incident_id=record.incident_id,
        verdict=Verdict.REASSIGNED,
        by="remedy",
        via="pagerduty",
        at_ms=EPOCH_MS + 7000,
        note="to Bob",
        is_person=False,
    )
    judged = {"verdict": Verdict.NOT_ACTIONABLE, "by": "ada", "note": "", "is_person": True}
    update = {"revision": record.revision + 1, "outcome": done, "mark": done.model_copy(update=judged)}
    lines = said(beside(log, entry, record.model_copy(update=update)), record.incident_id)
    [first] = [number for number, line in enumerate(lines) if line.startswith("said ")]
    assert lines[first].endswith("  reassigned by remedy, a program: to Bob")
    assert lines[first + 1].endswith("  not actionable by ada")


def test_a_long_incident_is_cut_and_counted() -> None:
    log = recorded((0, [event("NodeDown", cluster="eu", node=f"n{n}") for n in range(40)]), policy=TOGETHER)
    [incident_id] = incident_ids(log)
    lines = said(log, incident_id, 30)
    assert sum("NodeDown on n" in line and line.startswith("  22:") for line in lines) == 30
    assert lines[-1] == "  … and 10 more alerts (--all)"
    assert sum(line.startswith("  22:") for line in said(log, incident_id, None)) == 40
    # The record lists 25: the names of the others stand on `alerts`, as long as that keeps them.
    assert not any("fp1:" in line for line in lines)
    assert sum("fp1:" in line for line in said(without(log, ALERTS.name, lambda _: True), incident_id, 30)) == 5


def test_what_a_crash_wrote_twice_counts_once() -> None:
    log = recorded((0, [NODE]), (1, [NODE]), (2, [DISK]), (3, [NODE, DISK]), policy=TOGETHER)
    [incident_id] = incident_ids(log)
    again = log
    for topic in (DECISIONS, INCIDENTS, PAGES):
        for entry in list(log.read(topic.name))[1:]:
            again = beside(again, entry)
    assert said(again, incident_id) == said(log, incident_id)
    one = decisions(log)[0]
    assert said(again, one.fingerprint) == said(log, one.fingerprint)
    assert said(again, "0:3") == said(log, "0:3")


def test_decisions_on_topics_that_began_anew_are_no_repeats() -> None:
    log = recorded((0, [NODE]), (1, [DISK]), policy=TOGETHER)
    *_, last = log.read(DECISIONS.name)
    record = decode(Decisions, last.value).model_copy(update={"raw_offset": 2})
    log = beside(log, last, record, at=0)  # `alerts` was deleted, and its first record is of a later raw one
    assert ask(log, "0:2") is not None


def test_an_incident_that_only_decisions_name_is_told_as_far_as_it_is_known() -> None:
    log = recorded((0, [NODE]), policy=TOGETHER)
    [incident_id] = incident_ids(log)
    lines = said(without(log, INCIDENTS.name, lambda _: True), incident_id)
    assert lines[0] == f"{incident_id}: only decisions name it; what it was is not recorded here"
    assert lines[-1].startswith("  22:13:20      NodeDown on n7  opened")


def test_what_nobody_knows_is_not_there() -> None:
    assert ask(recorded((0, [NODE]), policy=TOGETHER), "inc1:" + 20 * "0") is None


def test_a_name_from_outside_is_not_obeyed_by_the_terminal() -> None:
    evil = event("Disk\x1b[2JFull\u202e\nx", cluster="\x1b]0;title\x07", severity="critical")
    log = recorded((0, [evil]), policy=TOGETHER)
    for what in (*incident_ids(log), decisions(log)[0].fingerprint, "0:0"):
        lines = said(log, what)
        assert all(line.isprintable() for line in lines)
        assert any("Disk·[2JFull··x" in line for line in lines)


def test_a_program_reads_the_same() -> None:
    log = recorded((0, [NODE]), (1, [NODE]), (2, [DISK]), policy=TOGETHER)
    [incident_id] = incident_ids(log)
    found = json.loads(json.dumps(told(story_of(log, incident_id))))
    assert (found["found"], found["kind"], found["incident_id"]) == (True, "incident", incident_id)
    assert [one["alert"]["name"] for one in found["alerts"]] == ["NodeDown", "DiskFull"]
    assert [(one["reason"], one["decision"]["place"]) for one in found["paged"]] == [
        ("opened", "0:0"),
        ("raised", "0:2"),
    ]
    assert found["other_events"] == {"duplicate": 1}
    assert found["other_events_until"] == "2023-11-14T22:13:21.000Z"


def test_a_record_that_cannot_be_read_hides_no_other() -> None:
    log = recorded((0, [NODE]), (1, [DISK]), policy=TOGETHER)
    [incident_id] = incident_ids(log)
    first = next(iter(log.read(DECISIONS.name)))
    log = log.changed(DECISIONS.name, lambda all_: [first._replace(value=first.value[:-2]), *all_[1:]])
    assert [one.reason for one in story_of(log, incident_id).alerts] == [Reason.RAISED]


def test_memory_is_bound_by_what_is_said_and_not_by_what_was_recorded() -> None:
    log = recorded((0, [NODE]), (1, [NODE]), policy=TOGETHER)
    [incident_id] = incident_ids(log)
    opened, duplicate = log.read(DECISIONS.name)

    class Endless(Log):
        def read(self, topic: str) -> Iterator[Entry]:
            if topic != DECISIONS.name:
                yield from super().read(topic)
                return
            yield opened
            for number in range(1, 5000):
                headers = {**duplicate.headers, "log_offset": str(number)}
                yield duplicate._replace(offset=number, headers=headers)

    long = Endless(**vars(replace(log)))
    story_of(long, incident_id)  # whatever is made once
    tracemalloc.start()
    story = story_of(long, incident_id)
    assert tracemalloc.get_traced_memory()[1] < 200_000
    tracemalloc.stop()
    assert story.others == {Reason.DUPLICATE: 4999}


def test_deliveries_are_asked_by_incident() -> None:
    log = recorded((0, [NODE]), policy=TOGETHER)
    [delivery] = log.read(DELIVERIES.name)
    assert [call.is_delivered for call in story_of(log, incident_ids(log)[0]).calls] == [True]
    assert delivery.key == incident_ids(log)[0]
