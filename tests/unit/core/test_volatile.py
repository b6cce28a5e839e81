"""Which labels are proposed to be dropped, and which never."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pipeline.core.fingerprint import fingerprint
from pipeline.core.volatile import Proposal, VolatileState, observe, policy_line, proposals
from schemas import Alert
from tests.unit.core.kinds import kind

DROPPED = ("replica",)
MINUTE_MS = 60_000


def state_of(name: str, **labels: str) -> Alert:
    """An alert of a source that tells when it ends."""
    identity = fingerprint(name, labels, DROPPED)
    return kind(name, **labels).model_copy(update={"fingerprint": identity, "is_state": True})


def event_of(name: str, **labels: str) -> Alert:
    """An alert of a source that does not."""
    return state_of(name, **labels).model_copy(update={"is_state": False})


def seen(*spans: tuple[Alert, float, float], state: VolatileState | None = None) -> VolatileState:
    """What the detector knows after alerts that fired from one minute to another."""
    state = VolatileState() if state is None else state
    changes = [(begin, 1, alert) for alert, begin, _ in spans] + [(end, 0, alert) for alert, _, end in spans]
    for minute, is_begin, alert in sorted(changes, key=lambda change: change[:2]):
        observe(state, alert, bool(is_begin), round(minute * MINUTE_MS), DROPPED)
    return state


def labels(state: VolatileState) -> list[str]:
    return [proposal.label for proposal in proposals(state)]


def one_after_another(alerts: Iterable[Alert], lasts: float = 5) -> list[tuple[Alert, float, float]]:
    return [(alert, n * lasts, (n + 1) * lasts) for n, alert in enumerate(alerts)]


VALUES = [state_of("HighLatency", service="shop", cluster="eu-1", value=f"{n * 7919 % 97}.3") for n in range(37)]


def test_a_measured_value_in_a_label_is_proposed_with_its_evidence() -> None:
    found = proposals(seen(*one_after_another(VALUES)))
    sentence = "label `value` took 37 values in 37 alerts of HighLatency that are otherwise equal"
    assert found == [Proposal("value", sentence)]
    assert policy_line(found, DROPPED) == "drop_labels: [replica, value]"


def test_a_resolve_may_come_minutes_after_the_next_value() -> None:
    late = [(alert, begin, end + 4.9) for alert, begin, end in one_after_another(VALUES)]
    assert labels(seen(*late)) == ["value"]


def test_a_pod_that_another_replaces_is_proposed() -> None:
    pods = [state_of("KubePodCrashLooping", namespace="shop", pod=f"web-5d8c7f9b6d-x2x{n}k") for n in range(20)]
    assert labels(seen(*one_after_another(pods, lasts=600))) == ["pod"]


def test_pods_of_one_deployment_that_fire_at_once_are_several() -> None:
    pods = [state_of("KubePodNotReady", namespace="shop", pod=f"web-5d8c7f9b6d-x2x{n}k") for n in range(40)]
    assert labels(seen(*((pod, n / 10, 30 + n / 10) for n, pod in enumerate(pods)))) == []


def test_a_rollout_of_two_pods_at_a_time_is_of_two() -> None:
    pods = [state_of("KubePodNotReady", namespace="shop", pod=f"web-{n}") for n in range(60)]
    rolling = [(pod, 10.0 * (n // 2) + n % 2, 10.0 * (n // 2 + 1) + n % 2) for n, pod in enumerate(pods)]
    assert labels(seen(*rolling)) == []


def test_a_label_that_is_volatile_here_and_tells_things_apart_there_stays() -> None:
    single = [state_of("KubePodCrashLooping", namespace="a", pod=f"x-{n}") for n in range(20)]
    several = [state_of("KubePodNotReady", namespace="b", pod=f"y-{n}") for n in range(20)]
    state = seen(*one_after_another(single))
    assert labels(state) == ["pod"]
    seen(*((pod, 1000, 1100 + n) for n, pod in enumerate(several)), state=state)
    assert labels(state) == []


def test_services_that_fail_on_different_days_are_several() -> None:
    services = [state_of("HighErrorRate", service=f"s{n}") for n in range(40)]
    assert labels(seen(*((service, n * 1440, n * 1440 + 30) for n, service in enumerate(services)))) == []


def test_two_that_fail_over_to_each_other_are_two() -> None:
    turns = [state_of("NotLeader", member=f"etcd-{n % 2}") for n in range(60)]
    assert labels(seen(*one_after_another(turns))) == []


def test_hosts_are_never_proposed() -> None:
    hosts = [state_of("InstanceDown", job="node", instance=f"10.0.0.{n}:9100") for n in range(60)]
    assert labels(seen(*one_after_another(hosts))) == []


def test_dropped_labels_are_not_proposed_again() -> None:
    twins = [state_of("HighLatency", service="shop", replica=f"r-{n}") for n in range(60)]
    assert labels(seen(*one_after_another(twins))) == []


def test_ids_in_events_are_proposed_when_they_never_come_back() -> None:
    events = [event_of("JobFailed", job="backup", run=f"{n * 7919}") for n in range(80)]
    state = seen(*((event, n, n + 5) for n, event in enumerate(events)))
    assert labels(state) == ["run"]
    assert proposals(state)[0].evidence.startswith("label `run` took 64 or more values in 80 alerts")


def test_things_in_events_come_back() -> None:
    events = [event_of("DiskFull", volume=f"{n * 37 % 90}") for n in range(400)]
    assert labels(seen(*((event, 10 * n, 10 * n + 5) for n, event in enumerate(events)))) == []


def test_people_in_events_are_several_however_many() -> None:
    events = [event_of("UserLocked", user="u" + "abcdefghij"[n % 10] * (n // 10 + 1)) for n in range(200)]
    assert labels(seen(*((event, 10 * n, 10 * n + 5) for n, event in enumerate(events)))) == []


def test_it_is_bounded_and_still_finds_what_lasts() -> None:
    state = VolatileState()
    for n, value in enumerate(VALUES):
        for other in range(1000):
            observe(state, state_of(f"Other{other % 50}", thing=f"{n}-{other}"), True, n * 1000, DROPPED)
        seen((value, 5 * n, 5 * n + 5), state=state)
    assert len(state.singles) <= 2 * 8192
    assert len(state.families) <= 2 * 1024
    assert len(state.ended) <= 2 * 8192
    assert "value" in labels(state)


alerts = st.builds(
    lambda name, pod, value, is_state: state_of(name, pod=pod, value=value).model_copy(update={"is_state": is_state}),
    st.sampled_from("ab"),
    st.sampled_from(["p-1", "p-2"]),
    st.sampled_from("12345678"),
    st.booleans(),
)


@given(st.lists(st.tuples(alerts, st.booleans(), st.integers(0, 500_000)), max_size=60), st.integers(0, 60))
def test_a_snapshot_and_the_rest_are_the_whole(changes: list[tuple[Alert, bool, int]], cut: int) -> None:
    adapter = TypeAdapter(VolatileState)
    whole, state, at_ms = VolatileState(), VolatileState(), 0
    for index, (alert, is_firing, gap_ms) in enumerate(changes):
        if index == cut:
            state = adapter.validate_json(adapter.dump_json(state))
        at_ms += gap_ms
        for several in (whole, state):
            observe(several, alert, is_firing, at_ms, DROPPED)
    assert adapter.dump_json(state) == adapter.dump_json(whole)
    assert proposals(state) == proposals(whole)
