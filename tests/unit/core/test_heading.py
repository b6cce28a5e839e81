"""The one sentence that a tired person reads: what, how many, where, since when; never too long for a lock screen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.heading import LONGEST
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from schemas import Alerts
from tests.scene import Told, alert, at, play, resolved

POLICY = Policy.model_validate(
    {"group_by": ["cluster"], "storm": {"floor": 10_000}, "reopen_within": "2h", "gap": "20m"}
)
SINCE = "since 22:13 UTC"  # when scenes begin, and the second 40


def says(*several: tuple[float, Told]) -> str:
    facts = play(*(at(at_s, told) for at_s, told in several), policy=POLICY)
    return facts.incidents[-1].summary.removesuffix(f", {SINCE}")


def pods(count: int, name: str = "PodNotReady") -> list[tuple[float, Told]]:
    return [(1 + n / 100, alert(name, cluster="eu-1", pod=f"p{n}")) for n in range(count)]


NODE = (0.0, alert("NodeDown", cluster="eu-1", node="n7", severity="critical"))


def test_an_alert_alone_says_what_and_where() -> None:
    assert says(NODE) == "NodeDown on n7 in cluster eu-1"
    assert says((0, alert("NodeDown", host="n7"))) == "NodeDown on n7"
    assert says((0, alert("Disk", cluster="eu-1", namespace="shop"))) == "Disk in cluster eu-1, namespace shop"
    assert says((0, alert("Watchdog"))) == "Watchdog"


def test_many_say_the_cause_how_many_more_where_and_of_what_kind_most_are() -> None:
    assert says(NODE, *pods(399)) == "NodeDown on n7 and 399 more alerts in cluster eu-1 (all PodNotReady)"
    mixed = [*pods(300), *pods(99, "Http5xx")]
    assert says(NODE, *mixed) == "NodeDown on n7 and 399 more alerts in cluster eu-1 (mostly PodNotReady)"


def test_where_no_kind_is_most_of_them_none_is_named() -> None:
    several = [one for name in "ABC" for one in pods(3, name)]
    assert says(NODE, *several) == "NodeDown on n7 and 9 more alerts in cluster eu-1"


def test_where_most_are_of_the_kind_of_the_cause_that_is_said() -> None:
    assert says(*pods(400)) == "PodNotReady on p0 and 399 more of the same in cluster eu-1"
    several = [*pods(300), *pods(99, "Http5xx")]
    assert says(*several) == "PodNotReady on p0 and 398 more alerts in cluster eu-1 (mostly the same)"


def test_two_are_both_named() -> None:
    assert says(NODE, *pods(1)) == "NodeDown on n7 and PodNotReady in cluster eu-1"


def test_what_is_worse_than_the_cause_is_named_too() -> None:
    late = (900.0, alert("DataLoss", cluster="eu-1", host="db-1", severity="critical"))
    assert says(pods(1)[0], late) == "PodNotReady on p0 in cluster eu-1, now critical: DataLoss on db-1"
    assert says(*pods(9), late).endswith("(mostly the same), now critical: DataLoss on db-1")


def test_a_place_that_all_share_is_said_once() -> None:
    several = [(0.0, alert(name, cluster="eu-1", host="db-1")) for name in ("Disk", "Cpu", "Net")]
    assert says(*several) == "Disk and 2 more alerts in cluster eu-1, host db-1"


def test_a_few_from_elsewhere_make_it_mostly() -> None:
    wide = Policy.model_validate({"group_by": ["team"], "storm": {"floor": 10_000}})
    several = [at(0, alert("Disk", team="a", cluster="eu-1", host=f"h{n}")) for n in range(30)]
    facts = play(*several, at(1, alert("Cert", team="a", host="www")), policy=wide)
    expected = f"Disk on h0 and 30 more alerts mostly in cluster eu-1, team a (mostly the same), {SINCE}"
    assert facts.incidents[-1].summary == expected


def test_since_when_has_a_day_once_the_day_is_over() -> None:
    facts = play(at(0, NODE[1]), at(3 * 3600, resolved("NodeDown", cluster="eu-1", node="n7")), policy=POLICY)
    assert facts.incidents[-1].summary == "NodeDown on n7 in cluster eu-1, since 14 Nov 22:13 UTC"


def test_after_a_reopening_it_is_since_then() -> None:
    over = resolved("NodeDown", cluster="eu-1", node="n7")
    facts = play(at(0, NODE[1]), at(60, over), at(600, NODE[1]), policy=POLICY)
    assert facts.incidents[-1].summary.endswith("since 22:23 UTC")


def test_of_many_that_were_over_only_what_fires_again_is_told() -> None:
    first = [at(at_s, told) for at_s, told in pods(20)]
    ends = [at(60 + n, resolved("PodNotReady", cluster="eu-1", pod=f"p{n}")) for n in range(20)]
    again = [at(600 + n, told) for n, (_, told) in enumerate(pods(2))]
    facts = play(*first, *ends, at(300), *again, policy=POLICY)
    told = [one.summary for one in facts.incidents if one.reopened]
    assert told[0] == "PodNotReady on p0 again (20 alerts before), since 22:23 UTC"
    assert told[-1] == "PodNotReady on p0 and 1 more again (20 alerts before), since 22:23 UTC"


@given(
    st.lists(
        st.builds(
            alert,
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300),
            severity=st.sampled_from(["info", "critical"]),
            cluster=st.just("c" * 300) | st.just("eu-1"),
            host=st.text(min_size=1, max_size=300),
            service=st.text(min_size=1, max_size=300),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_it_is_never_longer_than_a_lock_screen_shows(told: list[Told]) -> None:
    facts = play(at(0, *told), policy=POLICY)
    assert all(0 < len(one.summary) <= LONGEST for one in facts.incidents)


def test_it_is_the_same_after_a_restart() -> None:
    before, after = (
        [at(n, told) for n, (_, told) in enumerate([NODE, *pods(20)])],
        at(30, *[one for _, one in pods(25)]),
    )
    triage = Triage(POLICY)
    triage.step([record for several in before for record in several])
    expected = play(*before, after, policy=POLICY)
    found = Triage.restore(POLICY, triage.snapshot()).step(after)
    assert found.incidents[-1].summary == expected.incidents[-1].summary
    assert found.incidents[-1].causes == expected.incidents[-1].causes


@pytest.mark.parametrize("text", ["it does not answer", "it\ndoes   not\nanswer"])
def test_what_the_source_says_of_an_alert_alone_is_told_on_one_line(text: str) -> None:
    triage = Triage(POLICY)
    [record] = at(0, NODE[1])
    assert isinstance(record, Alerts)
    said = record.model_copy(
        update={"alerts": (record.alerts[0].model_copy(update={"annotations": {"summary": text}}),)}
    )
    [incident] = triage.step([said]).incidents
    assert incident.summary == f"NodeDown: it does not answer (cluster eu-1, node n7), {SINCE}"


def test_where_an_alert_is_that_says_so_itself_is_not_said_again() -> None:
    [record] = at(0, NODE[1])
    assert isinstance(record, Alerts)
    told = record.alerts[0].model_copy(update={"annotations": {"summary": "n7 cannot be reached"}})
    [incident] = Triage(POLICY).step([record.model_copy(update={"alerts": (told,)})]).incidents
    assert incident.summary == f"NodeDown: n7 cannot be reached (cluster eu-1), {SINCE}"
