"""A low score keeps an alert quiet only where the policy says so, and never what a guardrail names."""

from collections import Counter
from typing import Any

import pytest

from pipeline.core.policy import Policy
from pipeline.core.triage import Facts
from pipeline.policy_file import load_policy
from schemas import Alerts, Guard, IncidentState, PageKind, Reason, Tick
from tests.scene import alert, at, decided, play, resolved

DAY_S = 86_400
NOW_S = 5 * DAY_S  # by then the disk alert is known well
RULES: dict[str, Any] = {"group_by": ("service",), "resolve_after": "1m", "reopen_within": "1m", "expire_after": "2h"}


def policy(suppress: str = "on", **more: Any) -> Policy:
    return Policy(suppress=suppress, **RULES | more)


def everyday(**labels: Any) -> list[list[Alerts | Tick]]:
    """For five days the disk alert fires each hour, for two minutes. Its first page was ages ago."""
    told = []
    for hour in range(24 * 5):
        told.append(at(hour * 3600, alert("disk", **labels)))
        told.append(at(hour * 3600 + 120, resolved("disk", **{k: v for k, v in labels.items() if k != "severity"})))
    return told


def then(days: list[list[Alerts | Tick]], *records: list[Alerts | Tick], by: Policy | None = None) -> Facts:
    """What happens after such days, which have to be made before the records are."""
    return play(*days, *records, policy=by or policy())


DISK = alert("disk", service="shop")


def told_of(facts: Facts, since_s: float = NOW_S) -> list[tuple[PageKind, Reason]]:
    since_ms = 1_700_000_000_000 + round(since_s * 1000)
    told = []
    for page in facts.pages:
        details = page.payload.custom_details
        [incident] = [
            one for one in facts.incidents if (one.incident_id, one.revision) == (details.incident_id, details.revision)
        ]
        if incident.opened_at_ms >= since_ms:
            told.append((details.kind, details.reason))
    return told


def test_what_nobody_has_to_act_on_is_kept_quiet_and_is_not_gone() -> None:
    facts = then(
        everyday(service="shop"), at(NOW_S, DISK), at(NOW_S + 120, resolved("disk", service="shop")), at(NOW_S + 3600)
    )
    first, last = decided(facts)[-2:]
    assert (first.reason, first.guard, last.reason) == (Reason.SUPPRESSED, None, Reason.TRANSIENT)
    assert told_of(facts) == []
    incident = facts.incidents[-1]
    assert (incident.state, incident.quiet, incident.is_paged) == (IncidentState.RESOLVED, Reason.SUPPRESSED, False)
    assert first.next_at_ms == first.at_ms + 1_800_000


def test_shadow_writes_down_what_it_would_have_kept_quiet_and_pages() -> None:
    facts = then(
        everyday(service="shop"),
        at(NOW_S, DISK),
        at(NOW_S + 120, resolved("disk", service="shop")),
        at(NOW_S + 3600),
        by=policy("shadow"),
    )
    first = decided(facts)[-2]
    assert (first.reason, first.guard) == (Reason.OPENED, Guard.SHADOW)
    assert told_of(facts) == [(PageKind.TRIGGER, Reason.OPENED), (PageKind.RESOLVE, Reason.RESOLVED)]
    assert facts.incidents[-1].is_suppressible


def test_off_says_nothing_of_it() -> None:
    facts = then(everyday(service="shop"), at(NOW_S, DISK), by=policy("off"))
    assert (decided(facts)[-1].reason, decided(facts)[-1].guard) == (Reason.OPENED, None)
    assert not facts.incidents[-1].is_suppressible


def test_what_lasts_pages() -> None:
    facts = then(everyday(service="shop"), at(NOW_S, DISK), at(NOW_S + 1799), at(NOW_S + 1801))
    assert told_of(facts) == [(PageKind.TRIGGER, Reason.LASTED)]


@pytest.mark.parametrize(("lasts_s", "is_suppressible"), [(1700, True), (1900, False)])
def test_shadow_knows_that_what_lasts_would_have_paged(lasts_s: int, is_suppressible: bool) -> None:
    end = resolved("disk", service="shop")
    days = everyday(service="shop")
    facts = then(days, at(NOW_S, DISK), at(NOW_S + lasts_s, end), at(NOW_S + 3600), by=policy("shadow"))
    assert facts.incidents[-1].is_suppressible == is_suppressible


def test_what_grows_pages() -> None:
    by = policy(page_above=0.5, guardrails={"grows_to": 3, "tiers": ()})
    hosts = [alert("disk", service="shop", host=f"h{n}") for n in range(4)]
    before = [one for n in range(4) for one in everyday(service="shop", host=f"h{n}")[:2]]
    facts = play(
        *before, *everyday(service="shop", host="h0")[2:], *(at(NOW_S + n, hosts[n]) for n in range(4)), policy=by
    )
    assert [one.reason for one in decided(facts)[-4:]] == [
        Reason.SUPPRESSED,
        Reason.SUPPRESSED,
        Reason.GROWN,
        Reason.JOINED,
    ]
    assert told_of(facts) == [(PageKind.TRIGGER, Reason.GROWN)]


def test_what_grows_by_what_is_silenced_pages_for_the_rest() -> None:
    silenced = [{"match": ["host=h2"], "starts_at": "2023-11-19T22:13:20Z"}]  # as of NOW_S
    by = policy(page_above=0.5, guardrails={"grows_to": 3, "tiers": ()}, silences=silenced)
    hosts = [alert("disk", service="shop", host=f"h{n}") for n in range(3)]
    before = [one for n in range(3) for one in everyday(service="shop", host=f"h{n}")[:2]]
    days = [*before, *everyday(service="shop", host="h0")[2:]]
    facts = play(*days, *(at(NOW_S + n, hosts[n]) for n in range(3)), policy=by)
    assert [one.reason for one in decided(facts)[-3:]] == [Reason.SUPPRESSED, Reason.SUPPRESSED, Reason.SILENCED]
    assert told_of(facts) == [(PageKind.TRIGGER, Reason.GROWN)]


def test_what_gets_worse_pages() -> None:
    worse = alert("disk", service="shop", severity="error")
    facts = then(everyday(service="shop"), at(NOW_S, DISK), at(NOW_S + 60, worse))
    first, second = decided(facts)[-2:]
    assert (first.reason, second.reason, second.guard) == (Reason.SUPPRESSED, Reason.SURFACED, Guard.RAISED)


def test_a_critical_alert_pages_whatever_its_score() -> None:
    days = everyday(service="shop", severity="critical")
    facts = then(days, at(NOW_S, alert("disk", service="shop", severity="critical")))
    last = decided(facts)[-1]
    assert last.score is not None
    assert last.score < 0.01
    assert (last.reason, last.guard) == (Reason.OPENED, Guard.CRITICAL)


@pytest.mark.parametrize(
    ("more", "labels", "guard"),
    [
        ({"page_now": ('service="shop"',)}, {}, Guard.NAMED),
        ({"guardrails": {"always": ('alertname="disk"',)}}, {}, Guard.NAMED),
        ({}, {"tier": "0"}, Guard.TIER),
        ({"guardrails": {"watched": "6d"}}, {}, Guard.UNWATCHED),
        ({"guardrails": {"budget": 0}}, {}, Guard.BUDGET),
    ],
)
def test_what_a_guardrail_names_pages(more: dict[str, Any], labels: dict[str, Any], guard: Guard) -> None:
    days = everyday(service="shop", **labels)
    facts = then(days, at(NOW_S, alert("disk", service="shop", **labels)), by=policy(**more))
    last = decided(facts)[-1]
    assert (last.reason, last.guard) == (Reason.OPENED, guard)


def test_a_budget_is_of_a_day() -> None:
    by = policy(guardrails={"budget": 10})
    facts = play(*everyday(service="shop"), policy=by)
    fired = [one for one in decided(facts) if one.reason in {Reason.SUPPRESSED, Reason.OPENED}]
    days = [fired[24 * day : 24 * (day + 1)] for day in range(5)]
    kept = [sum(one.reason is Reason.SUPPRESSED for one in day) for day in days]
    assert kept[0] == 0  # not watched for a day
    assert all(0 < count <= 20 for count in kept[2:])  # a day of scenes begins within one of the calendar


def test_a_budget_is_of_a_scope() -> None:
    by = policy(scope=("env",), guardrails={"budget": 10})
    told = [
        at(hour * 3600 + after_s, make("disk", service="shop", env=env), policy=by)
        for hour in range(24 * 4)
        for after_s, make in ((0, alert), (120, resolved))
        for env in ("a", "b")
    ]
    kept = Counter[str]()
    for record in play(*told, policy=by).decisions:
        kept[record.scope] += sum(one.reason is Reason.SUPPRESSED for one in record.decisions)
    assert len(kept) == 2
    assert len(set(kept.values())) == 1  # each as many as if there were no other
    assert 20 <= min(kept.values()) <= 40


def test_a_new_kind_of_alert_pages_until_somebody_was_paged_for_it() -> None:
    new = alert("raid", service="shop")
    by = policy(page_above=1.0)
    facts = then(
        everyday(service="shop"),
        at(NOW_S, new),
        at(NOW_S + 60, resolved("raid", service="shop")),
        at(NOW_S + 3600, new),
        at(NOW_S + 3660, resolved("raid", service="shop")),
        by=by,
    )
    first, _, second, _ = decided(facts)[-4:]
    assert (first.reason, first.guard) == (Reason.OPENED, Guard.NEW_TEMPLATE)
    assert (second.reason, second.guard) == (Reason.SUPPRESSED, None)


def test_a_bare_on_is_on(tmp_path: Any) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("suppress: on\nroutes:\n- name: a\n  match: a=b\n  suppress: off\n")
    loaded = load_policy(path)
    assert [rule.suppress for rule in loaded.rules] == ["off", "on"]
