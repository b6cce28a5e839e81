"""The laws of a learned hold, for whatever past: capped, never what is guarded, and what fires on is paged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.facets import facets
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from schemas import Alerts, Control, Reason, Severity, Status, Tick
from tests.laws.events import Record, logs
from tests.laws.test_laws import joined
from tests.scene import Told, alert, at

_FIELDS = {
    "scope": ["env"],
    "hold": "auto",
    "hold_at_most": 90,
    "patience": 3000,
    "suppress": "off",
    "expire_after": "1d",
    "guardrails": {"watched": 1, "always": [['host="h5"']]},
    "routes": [{"name": "critical", "match": ['cluster="us"'], "hold_critical": True}],
}
CORRELATED = Policy.model_validate(_FIELDS)
GROUPED = Policy.model_validate(_FIELDS | {"group_by": ["cluster"]})
holding = st.sampled_from([CORRELATED, GROUPED])
MOST_MS = 90_000
_HOSTS, _CLUSTERS, _ENVS = ("h1", "h2", "h5"), ("eu", "us"), ("prod", "dev")


def _everywhere(name: str, status: str) -> list[Told]:
    return [
        alert(name, status=status, cluster=cluster, host=host, env=env)
        for cluster in _CLUSTERS
        for host in _HOSTS
        for env in _ENVS
    ]


# Before the logs begin every alert of some places fired half a dozen times, for 20 s. Made before any of them.
PAST: list[Record] = [
    record
    for hour in range(6)
    for name in ("disk", "cpu")
    for after_s, status in ((0, "firing"), (20, "resolved"))
    for record in at(hour * 3600 - 30_000 + after_s, *_everywhere(name, status), policy=CORRELATED)
]


def _unasked(log: list[Record]) -> list[Record]:
    """The log without what people ask for: neither silences nor another policy."""
    return [one for one in log if not isinstance(one, Control) or not (one.silence or one.policy)]


def _learned(policy: Policy) -> Triage:
    """A triage that has that past."""
    if policy.name not in _snapshots:
        triage = Triage(policy)
        triage.step(PAST)
        _snapshots[policy.name] = triage.snapshot()
    return Triage.restore(policy, _snapshots[policy.name])


_snapshots: dict[str, bytes] = {}


@given(holding, logs())
def test_no_page_waits_longer_than_the_policy_says_nor_for_what_is_guarded(policy: Policy, log: list[Record]) -> None:
    log = _unasked(log)
    facts = _learned(policy).step(log)
    found = {(one.scope, one.raw_partition, one.raw_offset): one for one in facts.decisions}
    for record in log:
        for number, one in enumerate(record.alerts if isinstance(record, Alerts) else ()):
            assert isinstance(record, Alerts)
            decision = found[record.scope, record.raw_partition, record.raw_offset].decisions[number]
            if decision.reason is Reason.HELD:
                rule = policy.rules[policy.rule_of(facets(one))]
                assert not policy.always_pages(facets(one))
                assert one.severity is not Severity.CRITICAL or rule.hold_critical
            if decision.held is not None:
                assert decision.reason is Reason.HELD
                assert 0 < decision.held.for_ms <= MOST_MS
                assert decision.held.ended + decision.held.template_ended >= 5
                assert 0 < decision.held.gone <= 1


@given(holding, logs())
def test_what_still_fires_after_the_longest_hold_is_paged(policy: Policy, log: list[Record]) -> None:
    firing: dict[tuple[str, str], bool] = {}
    latest_ms, log = 0, _unasked(log)
    for record in log:
        latest_ms = max(latest_ms, record.alerts[0].at_ms if isinstance(record, Alerts) else record.at_ms)
        if isinstance(record, Alerts):
            for one in record.alerts:  # one with a lease may be over by itself, and an event always is
                is_state = one.expires_at_ms is None and one.is_state
                firing[record.scope, one.fingerprint] = one.status is Status.FIRING and is_state
    facts = _learned(policy).step([*log, Tick(at_ms=latest_ms + MOST_MS + 1)])
    last = {incident.incident_id: incident for incident in facts.incidents}
    homes = {
        (several.scope, one.fingerprint): one.incident_id or ""
        for several in facts.decisions
        for one in several.decisions
    }
    for place, fires in firing.items():
        if fires:
            home = last[homes[place]]
            while home.merged_into is not None:
                home = last[home.merged_into]
            assert home.is_paged, place


@given(holding, logs(), st.integers(0, 40))
def test_a_restart_and_a_cut_change_no_hold(policy: Policy, log: list[Record], cut: int) -> None:
    log, first = _unasked(log), _learned(policy)
    before = first.step(log[:cut])
    after = Triage.restore(policy, first.snapshot()).step(log[cut:])
    whole = _learned(policy).step(log)
    assert joined([before, after]) == joined([whole])


@pytest.mark.parametrize("policy", [CORRELATED, GROUPED])
def test_the_laws_are_about_something(policy: Policy) -> None:
    """The past that they begin with makes pages wait."""
    story = at(1000, alert("disk", cluster="eu", host="h1", env="prod"), policy=CORRELATED)
    [decision] = _learned(policy).step(story).decisions[0].decisions
    assert decision.reason is Reason.HELD
