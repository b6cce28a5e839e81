"""What is kept beside the alerts, so that nothing has to be counted, is what counting them gives; and all is told."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.incidents import Open
from pipeline.core.live import Live
from pipeline.core.policy import Policy
from pipeline.core.quiet import Quiet
from pipeline.core.scoped import ScopeTriage
from pipeline.core.triage import Triage
from tests.laws.events import Record, logs, policies


def scopes(policy: Policy, log: list[Record]) -> list[ScopeTriage]:
    triage = Triage(policy)
    triage.step(log)
    return list(triage._scopes.values())


def alive(scope: ScopeTriage) -> list[Live]:
    """Its alerts that are alive, by code."""
    codes = {code for incident in scope.state.incidents.values() for code in incident.members}
    found = [live for code in sorted(codes) if (live := scope.alerts.find(code)) is not None and live.is_alive]
    scope.alerts.put_back()
    return found


def members(scope: ScopeTriage, incident: Open) -> list[Live]:
    """The alerts that are alive in one incident."""
    return [live for live in alive(scope) if live.incident is incident]


@given(policies, logs())
def test_an_incident_counts_what_its_alerts_are(policy: Policy, log: list[Record]) -> None:
    for scope in scopes(policy, log):
        assert scope.quiet.alive == len(alive(scope))
        for incident in scope.state.incidents.values():
            found = members(scope, incident)
            assert incident.alive == len(found)
            assert incident.loud == len([live for live in found if live.is_loud])
            assert incident.flapping == len([live for live in found if live.is_flapping])
            assert len(set(incident.members)) == len(incident.members)
            if incident.merged_into is None:
                places = [(live.place, live.code) for live in found]
                assert all(incident.members[place] == code for place, code in places)


@given(policies, logs())
def test_what_is_said_of_an_incident_is_of_its_alerts_each_once(policy: Policy, log: list[Record]) -> None:
    for scope in scopes(policy, log):
        for incident in scope.state.incidents.values():
            evidence = incident.evidence
            if evidence is None:
                assert len(incident.members) == 1
                continue
            assert evidence.alerts == sum(evidence.names.counts.values()) == len(incident.members)
            suspects = [suspect.code for suspect in evidence.suspects]
            assert len(set(suspects)) == len(suspects)
            assert set(evidence.hushed) <= set(suspects)
            fingerprints = [scope.alerts.at(code).fingerprint for code in incident.members]
            assert len(set(fingerprints)) == len(fingerprints)
        scope.alerts.put_back()


@given(policies, logs())
def test_who_is_told_of_an_incident_knows_of_the_worst_in_it_that_is_not_kept_quiet(
    policy: Policy, log: list[Record]
) -> None:
    for scope in scopes(policy, log):
        for incident in scope.state.incidents.values():
            loud = [live.severity.rank for live in members(scope, incident) if live.is_loud]
            assert not loud or (incident.paged_rank is not None and incident.paged_rank >= max(loud))


@given(policies, logs())
def test_what_fires_unpaged_is_quiet_for_a_reason_that_holds_still(policy: Policy, log: list[Record]) -> None:
    for scope in scopes(policy, log):
        now_ms = scope.state.watermark_ms or 0
        for live in [one for one in alive(scope) if one.is_firing and one.quiet is not None]:
            is_told = live.severity.rank <= (-1 if live.incident.paged_rank is None else live.incident.paged_rank)
            assert is_told or scope.quiet.judge(live, now_ms)[0] is not None


@given(policies, logs(), st.integers(0, 40))
def test_what_keeps_alerts_quiet_is_the_same_behind_a_snapshot(policy: Policy, log: list[Record], cut: int) -> None:
    triage = Triage(policy)
    triage.step(log[:cut])
    again = Triage.restore(None, triage.snapshot())
    for name, scope in triage._scopes.items():
        assert derived(scope.quiet) == derived(again._scopes[name].quiet)


def derived(quiet: Quiet) -> tuple[object, ...]:
    inhibitor = quiet._inhibitor
    crowds = {rule: crowd for rule, crowd in quiet._crowds.items() if crowd}
    targets = {key: sorted(codes) for key, codes in inhibitor._targets.items()}
    return quiet.alive, crowds, inhibitor._alive, inhibitor._resting, inhibitor._pure, inhibitor._both, targets
