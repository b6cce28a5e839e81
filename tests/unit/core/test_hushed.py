"""What somebody silenced is told to nobody, and does not count where only so many together are worth a page."""

from collections.abc import Sequence

from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from schemas import Alerts, Control, Reason, Status, Tick
from tests.scene import Told, alert, at, pages, reasons, resolved
from tests.unit.test_quiet import policy, silence

LINK, LINK_OVER = alert("link", cluster="eu"), resolved("link", cluster="eu")
Record = Alerts | Tick | Control
SLEPT = [{"name": "night", "time_intervals": [{"times": [{"start_time": "22:15", "end_time": "24:00"}]}]}]
WEB: dict[str, object] = {"group_by": ["host"], "at_least": 2}


def play(*several: Sequence[Record], policy: Policy) -> Facts:
    return Triage(policy).step([record for records in several for record in records])


def down(host: str, job: str = "") -> Told:
    return alert("down", host=host, job=job)


def flapping(start: float) -> list[Alerts | Tick]:
    """Four quick changes and a half minute each."""
    story = [LINK_OVER, LINK, LINK_OVER]
    return [record for nth, told in enumerate(story) for record in at(start + 30 * nth, told)]


def test_that_what_is_silenced_flaps_is_told_to_nobody() -> None:
    told = play(at(0, LINK), silence(10, 'cluster="eu"', 9000), flapping(20), at(9000), policy=policy())
    assert reasons(told)[-1] is Reason.FLAPPING
    assert pages(told) == [("trigger", "link"), ("resolve", "link")]


def test_that_what_is_inhibited_flaps_is_told_to_nobody() -> None:
    rules = policy(group_by=["host"], inhibit=[{"source": ['host="a"'], "target": ['host="b"']}])
    link, over = alert("link", host="b"), resolved("link", host="b")
    story = [at(1, link), at(2, alert("node", host="a")), at(3, over), at(4, link), at(5, over), at(6, link)]
    told = play(*story, at(3600), policy=rules)
    assert Reason.FLAPPING in reasons(told)
    assert [page for page in pages(told) if page[1] == "link"] == [("trigger", "link")]


def test_that_it_flaps_no_longer_is_told_to_nobody_while_it_is_muted() -> None:
    # 22:13:20 is the scene's begin: the night begins 100 s later.
    rules = policy(mute_during=["night"], time_intervals=SLEPT)
    told = play(at(0, LINK), flapping(10), at(3600), policy=rules)
    assert pages(told) == [("trigger", "link"), ("update", "link"), ("resolve", "link")]


def test_the_end_of_a_storm_is_told_to_nobody_while_all_of_it_is_silenced() -> None:
    rules = policy(storm={"floor": 3, "window": 10, "quiet_windows": 1})
    wave = [at(n / 10, alert("down", cluster=f"c{n}")) for n in range(6)]
    told = play(*wave, silence(5, 'alertname="down"', 9000), at(100), policy=rules)
    assert pages(told) == [("trigger", "down"), ("trigger", "down"), ("trigger", "Storm")]


def test_what_is_silenced_does_not_count_among_so_many_that_must_fire() -> None:
    quiet = silence(0, 'host="a"', 500)
    told = play(quiet, at(1, down("a")), at(2, down("b")), at(3, down("b")), policy=policy(**WEB))
    assert reasons(told) == [Reason.SILENCED, Reason.TOO_FEW, Reason.DUPLICATE]
    told = play(quiet, at(1, down("a")), at(2, down("b")), at(500), policy=policy(**WEB))
    assert sorted(page.payload.custom_details.reason for page in told.pages) == [Reason.ENOUGH, Reason.QUIET_ENDED]


def test_what_was_silenced_while_it_waited_counts_no_more() -> None:
    story: list[Sequence[Record]] = [at(1, down("a")), silence(2, 'host="a"', 500), at(3, down("b")), at(4, down("c"))]
    told = play(*story, policy=policy(**WEB))
    assert reasons(told) == [Reason.TOO_FEW, Reason.TOO_FEW, Reason.OPENED]
    assert [page.payload.custom_details.reason for page in told.pages] == [Reason.OPENED, Reason.ENOUGH]


def test_what_is_inhibited_while_it_waits_counts_no_more() -> None:
    routes = [{"name": "web", "match": ["job=web"], "at_least": 2}]
    rules = policy(group_by=["host"], routes=routes, inhibit=[{"source": ["job=node"], "target": ['host="a"']}])
    story = [at(1, down("a", job="web")), at(2, down("n", job="node")), at(3, down("b", job="web"))]
    assert reasons(play(*story, policy=rules)) == [Reason.TOO_FEW, Reason.OPENED, Reason.TOO_FEW]
    told = play(*story, at(4, resolved("down", host="n", job="node")), policy=rules)
    assert [page.payload.custom_details.reason for page in told.pages] == [
        Reason.OPENED,
        Reason.QUIET_ENDED,
        Reason.ENOUGH,
    ]


INHIBIT = policy(group_by=["host"], inhibit=[{"source": ["alertname=node"], "target": ["alertname=pod"]}])
NODE, NODE_OVER, POD = alert("node", host="a"), resolved("node", host="a"), alert("pod", host="b")


def restless() -> list[Record]:
    """A node that flaps, and says at last that it is over."""
    story = [NODE, NODE_OVER, NODE, NODE_OVER, NODE, NODE_OVER]
    return [record for nth, told in enumerate(story) for record in at(10 * nth, told)]


def test_what_flaps_explains_others_only_while_it_fires() -> None:
    story: list[Sequence[Record]] = [restless(), at(60, POD), at(70, NODE), at(80, alert("pod", host="c"))]
    told = play(*story, at(90, NODE_OVER), policy=INHIBIT)
    assert reasons(told)[6:] == [Reason.OPENED, Reason.FLAPPING, Reason.INHIBITED, Reason.FLAPPING]
    assert told.pages[-1].payload.custom_details.reason is Reason.QUIET_ENDED


def test_what_fires_again_explains_what_comes_before_it_in_its_record() -> None:
    assert reasons(play(restless(), at(60, POD, NODE), policy=INHIBIT))[6:] == [Reason.INHIBITED, Reason.FLAPPING]


def test_that_what_flaps_explains_nothing_is_known_behind_a_snapshot() -> None:
    first = Triage(INHIBIT)
    first.step(restless())
    after = Triage.restore(INHIBIT, first.snapshot())
    assert reasons(after.step(at(60, POD))) == [Reason.OPENED]


def test_what_is_silenced_makes_no_page_more_urgent() -> None:
    fire = alert("fire", severity="critical", cluster="eu")
    told = play(silence(0, 'alertname="fire"', 500), at(1, fire), at(2, LINK), at(500), policy=policy())
    assert [page.payload.severity for page in told.pages] == ["warning", "critical"]


def test_who_counts_is_the_same_behind_a_snapshot() -> None:
    rules = policy(**WEB)
    log: list[Record] = [
        *silence(0, 'host="a"', 500),
        *at(1, down("a")),
        *at(2, down("b")),
        *at(3, resolved("down", host="b")),
        *at(4, down("c")),
        *at(5, down("d")),
    ]
    whole = Triage(rules).step(log)
    for cut in range(len(log)):
        first = Triage(rules)
        before = first.step(log[:cut])
        after = Triage.restore(rules, first.snapshot()).step(log[cut:])
        assert [*before.pages, *after.pages] == whole.pages


def test_what_is_silenced_names_no_page_of_a_crowd() -> None:
    quiet = silence(0, 'job="web"', 9000)
    crowd = [
        at(1 + n / 100, alert("down", severity="critical", cluster="eu", host=f"h{n}", job="web")) for n in range(300)
    ]
    told = play(quiet, *crowd, at(10, alert("slow", cluster="eu", host="db")), policy=policy())
    [page] = told.pages
    assert page.payload.summary == "slow on db and 300 more alerts in cluster eu (all down), since 22:13 UTC"
    assert page.payload.severity == "warning"
    assert all(cause.why.endswith("; silenced") for cause in page.payload.custom_details.causes)


def test_what_was_silenced_after_its_page_names_no_other() -> None:
    first, second = alert("down", cluster="eu", host="a"), alert("slow", cluster="eu", host="b")
    story: list[Sequence[Record]] = [at(0, first), at(1, second), silence(2, 'alertname="down"', 9000)]
    told = play(*story, at(600), policy=policy(repeat_after="10m", gap="1h"))
    assert [page.payload.summary.split()[0] for page in told.pages] == ["down", "slow"]
    ended = play(*story, at(700), silence(800, 'alertname="down"', 800), at(1200), policy=policy(repeat_after="10m"))
    assert [page.payload.summary.split()[0] for page in ended.pages] == ["down", "slow", "down"]


def test_the_end_of_what_was_paged_and_then_silenced_names_nothing_that_nobody_heard_of() -> None:
    worse = alert("fire", severity="critical", cluster="eu")
    over = worse._replace(status=Status.RESOLVED)
    quiet = silence(100, 'cluster="eu"', 9000)
    story: list[Sequence[Record]] = [
        at(0, LINK),
        quiet,
        at(110, LINK),
        at(120, worse),
        at(400, LINK_OVER),
        at(401, over),
        at(900),
    ]
    assert pages(play(*story, policy=policy())) == [("trigger", "link"), ("resolve", "link")]
    story = [at(0, LINK), at(1, worse), quiet, at(400, LINK_OVER), at(401, over), at(900)]
    assert pages(play(*story, policy=policy())) == [("trigger", "link"), ("update", "fire"), ("resolve", "fire")]
