"""The busiest scope of a partition is known, and what is long ago counts less."""

from prometheus_client import REGISTRY

from pipeline.codec import encode
from pipeline.core.policy import Policy
from pipeline.log import Entry
from pipeline.stream.engine import Engine
from pipeline.stream.heat import RECENT, Heat
from schemas import Decision, Decisions, Reason
from tests.scene import alert, at

ONE = Decision(
    fingerprint="fp1:0000000000000000",
    reason=Reason.DUPLICATE,
    paged=False,
    at_ms=0,
    policy_version="p",
    fingerprint_version="f",
)


def test_an_engine_tells_the_share_of_its_busiest_scope() -> None:
    policy = Policy(scope=("cluster",))
    told = [alert("disk", cluster=cluster) for cluster in ("eu", "eu", "eu", "us")]
    log = [record for n, one in enumerate(told) for record in at(n, one, policy=policy)]
    entries = [Entry("alerts", 7, n, "", encode(record), {}, 0) for n, record in enumerate(log)]
    Engine(7, policy).step(entries)
    assert REGISTRY.get_sample_value("pagesieve_triage_hottest_scope_share", {"partition": "7"}) == 0.75


def decided(scope: str, events: int) -> Decisions:
    return Decisions(scope=scope, raw_partition=0, raw_offset=0, decisions=(ONE,) * events)


def test_the_share_of_the_busiest_scope_is_of_all_events() -> None:
    heat = Heat()
    assert heat.hottest == ("", 0.0)
    heat.count([decided("a", 1), decided("b", 2), decided("a", 5)])
    assert heat.hottest == ("a", 0.75)


def test_a_scope_that_was_busy_long_ago_is_not_the_hottest_for_ever() -> None:
    heat = Heat()
    heat.count([decided("old", RECENT - 1)])
    for _ in range(4):
        heat.count([decided("new", RECENT // 2)])
    assert heat.hottest[0] == "new"


def test_endless_scopes_are_not_all_remembered() -> None:
    heat = Heat()
    for n in range(5 * RECENT):
        heat.count([decided(f"s{n}", 1)])
    assert len(heat._events) <= RECENT
