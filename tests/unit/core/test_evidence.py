"""What is known of all alerts of an incident: which labels nearly all share, their names, the worst, the first."""

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pipeline.core.evidence import Evidence
from schemas import Alert
from tests.unit.core.kinds import kind

labels = st.fixed_dictionaries({}, optional={"cluster": st.sampled_from("ab"), "zone": st.sampled_from("xy")})
several = st.lists(labels.map(lambda one: kind("disk", **one)), min_size=1, max_size=60)


def heard(*alerts: Alert) -> Evidence:
    evidence = Evidence()
    for alert in alerts:
        evidence.hear(alert)
    return evidence


def said(evidence: Evidence) -> list[tuple[str, bool]]:
    return [(label, label in evidence.strays) for label in evidence.shared()]


def pods(count: int, **more: str) -> list[Alert]:
    return [kind("PodNotReady", pod=f"p{n}", **more) for n in range(count)]


def test_what_all_have_is_shared() -> None:
    assert heard(*pods(30, cluster="eu", severity="warning", alertname="PodNotReady")).shared() == {"cluster": "eu"}


def test_one_stranger_in_ten_takes_nothing_away() -> None:
    evidence = heard(*pods(9, cluster="eu"), kind("Cert", host="www"))
    assert (evidence.shared(), evidence.strays["cluster"]) == ({"cluster": "eu"}, 1)
    assert heard(*pods(8, cluster="eu"), kind("Cert", host="www")).shared() == {}


def test_a_stranger_among_the_first_does_not_count_for_ever() -> None:
    first, *others = pods(40, cluster="eu")
    assert heard(first, kind("Cert", host="www"), *others).shared() == {"cluster": "eu"}


def test_what_few_share_is_forgotten() -> None:
    evidence = heard(*pods(20, cluster="eu"))
    assert (evidence.labels, evidence.strays) == ({"cluster": "eu"}, {})


def test_what_few_share_once_some_are_counted_out_is_forgotten() -> None:
    evidence = heard(*pods(36, cluster="eu"), *pods(4))
    assert evidence.shared() == {"cluster": "eu"}
    for alert in pods(6, cluster="eu"):
        evidence.uncount(alert)
    evidence.drop_strays()
    assert (evidence.labels, evidence.strays) == ({}, {})


def test_the_most_common_name_is_known() -> None:
    assert heard(kind("NodeDown"), *pods(3), *[kind("Http5xx")] * 2).top == "PodNotReady"


def test_long_values_and_very_many_labels_are_not_kept() -> None:
    evidence = heard(kind("n" * 1000, **{f"label{n}": "x" for n in range(100)}, story="y" * 1000))
    assert len(evidence.labels) == 64
    assert "story" not in evidence.labels
    assert len(evidence.top) == 200


@given(several)
def test_what_it_says_is_shared_is(alerts: list[Alert]) -> None:
    evidence = heard(*alerts)
    for label, value in evidence.shared().items():
        assert 10 * sum(alert.labels.get(label) != value for alert in alerts) <= len(alerts)
    assert all(label in evidence.labels for label in evidence.strays)


@given(several)
def test_whenever_what_is_shared_changes_so_does_the_version(alerts: list[Alert]) -> None:
    evidence = heard(alerts[0])
    for alert in alerts[1:]:
        before, version = said(evidence), evidence.version
        evidence.hear(alert)
        assert said(evidence) == before or evidence.version > version


@given(several, several)
def test_two_that_merge_share_no_more_than_all_do(first: list[Alert], second: list[Alert]) -> None:
    evidence = heard(*first)
    evidence.absorb(heard(*second))
    both = [*first, *second]
    assert evidence.alerts == len(both)
    assert evidence.names.counts == {"disk": len(both)}
    for label, value in evidence.shared().items():
        assert 10 * sum(alert.labels.get(label) != value for alert in both) <= len(both)


def test_the_two_earliest_times_are_known_in_whatever_order_they_come() -> None:
    evidence = Evidence()
    for began_ms in (50, 30, 90, 30, 40):
        evidence.date(began_ms)
    assert (evidence.first_ms, evidence.next_ms) == (30, 30)


def test_how_many_are_as_bad_as_the_worst_is_known() -> None:
    evidence = Evidence()
    for rank in (1, 3, 1, 3, 0):
        evidence.weigh(rank)
    assert (evidence.worst, evidence.worst_alerts, evidence.mildest) == (3, 2, 0)


@given(several)
def test_a_snapshot_gives_the_very_evidence(alerts: list[Alert]) -> None:
    evidence = heard(*alerts)
    adapter = TypeAdapter(Evidence)
    assert adapter.validate_json(adapter.dump_json(evidence)) == evidence
