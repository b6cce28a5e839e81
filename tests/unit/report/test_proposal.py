"""What is proposed for a template follows from its counts; names from outside cannot leave their quotes."""

import pytest
import yaml

from pipeline.core.matcher import all_match
from pipeline.core.policy import Policy
from pipeline.report.companion import Companion
from pipeline.report.effect import Effect, effect, told_of
from pipeline.report.facts import Case, Period
from pipeline.report.kpi import Ratio
from pipeline.report.proposal import Kind, applied, proposal_for, route
from pipeline.report.template import Noisy
from schemas import Alerts
from tests.scene import POLICY, alert, at, ms, resolved

QUIET = Noisy("t1:Disk", "Disk", 4, 4, Ratio(4, 4), Ratio(0, 4), Ratio(0, 4), "warning", "db", "r", "Disk on a", "i", 0)
HOUR_S = 3600


@pytest.mark.parametrize(
    ("changed", "title"),
    [
        ({}, None),
        ({"flap": Ratio(2, 4)}, "Let it end only when it is really over"),
        ({"transient": Ratio(3, 4), "quick_ms": 200_000}, "Wait 4 min before it pages"),
        ({"actionable": Ratio(0, 4)}, "Make it a ticket: nobody has to get up for it"),
        ({"actionable": Ratio(0, 4), "severity": "critical"}, None),  # too few to speak of
        ({"actionable": Ratio(1, 20), "severity": "critical"}, None),  # once was enough
        (
            {"actionable": Ratio(0, 5), "severity": "critical"},
            "It calls itself critical, and nobody ever had to act: call it a warning, and let it wait for the morning",
        ),
        ({"actionable": Ratio(0, 1)}, None),  # one is no habit
        ({"runbook": None}, "Write down what to do"),
        ({"owner": None}, "Say whose it is"),
        ({"owner": None, "runbook": None}, "Say whose it is, and what to do"),
    ],
)
def test_a_proposal_has_its_reason_in_the_counts(changed: dict[str, object], title: str | None) -> None:
    found = proposal_for(QUIET._replace(**changed))  # type: ignore[arg-type]  # a test names the fields
    assert (found.title if found else None) == title


COMPANION = Companion("NodeDown", ("cluster", "host"), Ratio(4, 4))
NASTY = 'x"\n  hold: 9h # \u00fc \U0001f600 \x7f \ufeff'
EVERY_KIND: list[tuple[Kind, Noisy, Companion | None]] = [
    (Kind.INHIBIT, QUIET, COMPANION),
    (Kind.KEEP_FIRING_FOR, QUIET._replace(flap=Ratio(4, 4)), None),
    (Kind.FOR, QUIET._replace(transient=Ratio(4, 4), quick_ms=1), None),
    (Kind.ROUTE, QUIET._replace(actionable=Ratio(0, 4)), None),
    (Kind.DEMOTE, QUIET._replace(actionable=Ratio(0, 9), severity="critical"), None),
]


@pytest.mark.parametrize(("kind", "noisy", "companion"), EVERY_KIND)
@pytest.mark.parametrize("name", ["Disk", NASTY], ids=["plain", "nasty"])
def test_what_is_to_be_pasted_is_what_was_tried_and_a_name_from_outside_stays_a_name(
    kind: Kind, noisy: Noisy, companion: Companion | None, name: str
) -> None:
    noisy = noisy._replace(name=name)
    proposal = proposal_for(noisy, companion and companion._replace(name=name + "!"))
    assert proposal
    assert proposal.kind is kind
    assert proposal.change
    rule, ours = proposal.paste.split("\n\n")
    assert yaml.safe_load(rule)
    pasted = Policy.model_validate(yaml.safe_load(ours))
    assert pasted == applied(Policy(), proposal.change)
    if kind is Kind.INHIBIT:
        [inhibition] = pasted.inhibit
        assert all_match(inhibition.target, {"alertname": name})
        assert all_match(inhibition.source, {"alertname": name + "!"})
    else:
        assert pasted.rule_of({"alertname": name}) == 0
        assert pasted.rule_of({"alertname": "another"}) == 1


def test_a_change_stands_before_what_the_policy_has_already() -> None:
    policy = Policy.model_validate({"routes": [{"name": "all", "match": 'alertname=~".*"', "hold": "1m"}]})
    changed = applied(policy, route(QUIET, hold="4m"))
    assert [one.name for one in changed.routes] == ["Disk", "all"]
    assert changed.rules[changed.rule_of({"alertname": "Disk"})].hold_ms == 240_000


def events() -> list[Alerts]:
    """Two short firings, and one of an hour that somebody acted upon."""
    told = [
        *(one for hour in (0, 1) for one in at(hour * HOUR_S, alert("Disk", cluster="a"))),
        *at(2 * HOUR_S, alert("Disk", cluster="b")),
    ]
    ends = [
        *(one for hour in (0, 1) for one in at(hour * HOUR_S + 90, resolved("Disk", cluster="a"))),
        *at(3 * HOUR_S, resolved("Disk", cluster="b")),
    ]
    records = [one for one in (*told, *ends) if isinstance(one, Alerts)]
    in_order = sorted(records, key=lambda one: one.alerts[0].at_ms)
    return [one.model_copy(update={"raw_offset": number}) for number, one in enumerate(in_order)]


def acted(records: list[Alerts], ends_s: float) -> Case:
    long = next(one.alerts[0] for one in records if one.alerts[0].labels["cluster"] == "b")
    return Case(
        "inc1:b", long.at_ms, long.at_ms, ms(ends_s), "t1:Disk", "Disk", "warning", "", long.fingerprint, acted_ms=1
    )


def test_the_effect_counts_what_falls_away_what_is_later_and_what_is_missed() -> None:
    records, period = events(), Period(ms(0), ms(7 * 24 * HOUR_S))
    before = told_of(records, POLICY, period)
    case = acted(records, 3 * HOUR_S)
    held = told_of(records, applied(POLICY, route(QUIET, hold="4m")), period)
    assert effect(before, held, [case]) == Effect(pages=-2, of=3, missed=0, acted=1, later=1, later_ms=240_000)
    longer = told_of(records, applied(POLICY, route(QUIET, hold="2h")), period)
    assert effect(before, longer, [case]) == Effect(pages=-3, of=3, missed=1, acted=1, later=0, later_ms=0)


def test_what_is_before_the_period_is_learned_from_and_not_counted() -> None:
    records = events()
    assert told_of(records, POLICY, Period(ms(1.5 * HOUR_S), ms(9 * HOUR_S))).pages == 1
