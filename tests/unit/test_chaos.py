"""`make chaos` sees what goes wrong: whatever is lost, doubled, altered or paged again in a good log, it names."""

import json
from collections.abc import Callable

import pytest

from pipeline.log import Entry
from schemas.topics import DECISIONS, INCIDENTS, PAGES, RAW, REJECTED
from tests.chaos.plan import What, plan
from tests.chaos.producer import Attempt, Ledger
from tests.chaos.story import TOGETHER, Alert, Post, Story
from tests.chaos.verdict import Verdict, judge, kept
from tests.integration.pagerduty import ROUTING_KEY, PagerDutyEndpoint
from tests.laws.books import POLICY, Log, beside, decisions_of, page_of, write

DISK, NODE = Alert("DiskFull", "a"), Alert("NodeDown", "b")
POSTS = (
    Post("c0-1", ((DISK, True), (NODE, True))),
    Post("c0-3", ((DISK, True),), is_spoilt=True),
    Post("c0-1", ((DISK, True),)),
    Post("c0-3", ((DISK, False),)),
    Post("c0-1", ((DISK, False), (NODE, False))),
)
PARTS = ("worker-0", "worker-1", "gateway-0", "pager")


def mark(number: int) -> str:
    return f"mark-0-{number}-0."


def body(post: Post, mark: str) -> list[object]:
    """Its body, in the scopes of the policy of tests/laws."""
    events = json.loads(post.body(mark, "2026-01-01T00:00:00Z"))
    return [{**event, "labels": {**event.get("labels", {}), "env": post.cluster}} for event in events]


def a_good_log(died: tuple[tuple[int, int, int], ...] = ()) -> Log:
    told = [(number, 0, body(post, mark(number))) for number, post in enumerate(POSTS)]
    return write(told, died, ends_all=True).finished()


def a_ledger() -> Ledger:
    return Ledger({mark(number): Attempt(post, is_acknowledged=True) for number, post in enumerate(POSTS)})


def paged(log: Log) -> PagerDutyEndpoint:
    pagerduty = PagerDutyEndpoint()
    for entry in log.read(PAGES.name):
        send(pagerduty, entry)
    return pagerduty


def send(pagerduty: PagerDutyEndpoint, entry: Entry) -> None:
    pagerduty.take(json.dumps({**json.loads(entry.value), "routing_key": ROUTING_KEY}).encode())


def judged(log: Log, ledger: Ledger | None = None, pagerduty: PagerDutyEndpoint | None = None) -> Verdict:
    return judge(kept(log), POLICY, ledger or a_ledger(), pagerduty or paged(log))


def without_one(log: Log, topic: str, number: int) -> Log:
    return log.changed(topic, lambda entries: entries[:number] + entries[number + 1 :])


def test_of_a_good_log_nothing_is_wrong_also_when_everything_was_written_twice() -> None:
    for died in ((), ((1, 3, 3), (3, 3, 3))):
        verdict = judged(a_good_log(died))
        assert verdict.is_good, verdict
        count = verdict.count
        assert (count.sent, count.decided, count.rejected, count.lost, count.doubled) == (8, 7, 1, 0, 0)
        assert (verdict.incidents, verdict.second_pages) == (2, 0)
        assert verdict.sentence().startswith("sent 8 events acknowledged and 0 more that arrived unacknowledged: ")


@pytest.mark.parametrize("topic", [DECISIONS.name, REJECTED.name])
def test_what_is_neither_decided_nor_rejected_is_lost(topic: str) -> None:
    log = a_good_log()
    for number in range(len(log.topics[topic])):
        verdict = judged(without_one(log, topic, number))
        assert verdict.count.lost > 0
        assert not verdict.is_good


def test_what_was_acknowledged_and_is_not_on_the_log_is_lost_and_what_was_not_may_be_there_or_not() -> None:
    ledger = a_ledger()
    ledger.attempts["mark-0-99-0."] = Attempt(POSTS[0])
    ledger.attempts[mark(2)].is_acknowledged = False
    verdict = judged(a_good_log(), ledger)
    assert verdict.is_good
    assert (verdict.count.sent, verdict.count.unasked) == (7, 1)
    ledger.attempts["mark-0-99-0."].is_acknowledged = True
    assert judged(a_good_log(), ledger).count.lost == 2


def test_what_was_sent_once_and_stands_twice_is_doubled() -> None:
    log = a_good_log()
    again = beside(log, log.topics[RAW.name][0])
    verdict = judged(again)
    assert (verdict.count.doubled, verdict.count.lost) == (2, 2)  # and the second was never decided
    first = log.topics[DECISIONS.name][0]
    decided_again = beside(log, first, at=log.extents["alerts"][first.partition].end - 1)
    assert judged(decided_again).count.doubled == len(decisions_of(first).decisions)


def test_what_a_replay_decides_otherwise_is_wrong() -> None:
    log = a_good_log()
    first = log.topics[DECISIONS.name][0]
    record = decisions_of(first)
    altered = record.decisions[0].model_copy(update={"paged": not record.decisions[0].paged})
    changed = record.model_copy(update={"decisions": (altered, *record.decisions[1:])})
    verdict = judged(beside(log, first, changed))
    assert len(verdict.wrong) == 1
    assert "what no replay makes" in verdict.wrong[0]


@pytest.mark.parametrize("topic", [PAGES.name, INCIDENTS.name])
def test_a_page_or_the_last_of_an_incident_that_is_missing_is_wrong(topic: str) -> None:
    log = a_good_log()
    assert judged(without_one(log, topic, len(log.topics[topic]) - 1)).wrong


def test_a_page_after_its_resolve_is_a_second_page_and_leaves_it_open() -> None:
    log = a_good_log()
    pagerduty = paged(log)
    first = next(entry for entry in log.read(PAGES.name) if page_of(entry).event_action == "trigger")
    send(pagerduty, first)
    verdict = judged(log, pagerduty=pagerduty)
    assert verdict.second_pages == 1
    assert f"PagerDuty still has {page_of(first).dedup_key} open, and everything was resolved" in verdict.wrong


def test_pages_that_never_reached_pagerduty_and_clusters_without_a_page_are_wrong() -> None:
    log = a_good_log()
    assert judged(log, pagerduty=PagerDutyEndpoint()).wrong
    ledger = a_ledger()
    ledger.attempts[mark(0)].post = POSTS[0]._replace(cluster="c0-5")
    assert "c0-5 fired and nobody was paged" in judged(log, ledger).wrong


def test_a_seed_makes_one_plan_and_one_story_and_another_seed_others() -> None:
    def told(seed: int) -> list[Post]:
        story = Story(seed, 0)
        return [*story.beginning(), *(story.next() for _ in range(200)), *story.ending()]

    makes: tuple[Callable[[int], object], ...] = (told, lambda seed: plan(seed, 40, PARTS))
    for make in makes:
        assert make(1) == make(1)
        assert make(1) != make(2)


def test_a_plan_has_all_that_was_asked_for() -> None:
    deeds = plan(3, 40, PARTS)
    whats = [deed.what for deed in deeds]
    assert {what: whats.count(what) for what in What} == {
        What.KILL: 30,
        What.STALL: 10,
        What.BROKER_KILL: 1,
        What.BROKER_STOP: 1,
        What.OUTAGE: 1,
    }
    assert {deed.whom for deed in deeds} == {*PARTS, "broker", "PagerDuty"}


def test_a_story_ends_with_a_resolve_of_all_that_ever_fired() -> None:
    story = Story(5, 1)
    posts = [*story.beginning(), *(story.next() for _ in range(300))]
    fired = {(post.cluster, alert) for post in posts for alert, is_firing in post.alerts if is_firing}
    ending = story.ending()
    assert {(post.cluster, alert) for post in ending for alert, is_firing in post.alerts if not is_firing} == fired
    assert max(len(post.alerts) for post in ending) <= TOGETHER
