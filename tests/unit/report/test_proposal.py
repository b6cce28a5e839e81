"""What is proposed for a template follows from its counts; names from outside cannot leave their quotes."""

import pytest
import yaml

from pipeline.core.policy import Policy
from pipeline.report.effect import Effect, effect, told_of
from pipeline.report.facts import Case, Period
from pipeline.report.kpi import Ratio
from pipeline.report.proposal import applied, proposal_for
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
        ({"actionable": Ratio(0, 4), "severity": "critical"}, None),
        ({"actionable": Ratio(0, 1)}, None),  # one is no habit
        ({"runbook": None}, "Write down what to do"),
    ],
)
def test_a_proposal_has_its_reason_in_the_counts(changed: dict[str, object], title: str | None) -> None:
    found = proposal_for(QUIET._replace(**changed))  # type: ignore[arg-type]
    assert (found.title if found else None) == title


def test_a_name_from_outside_stays_a_name() -> None:
    noisy = QUIET._replace(name='x"\n  hold: 9h #', actionable=Ratio(0, 4))
    proposal = proposal_for(noisy)
    assert proposal
    assert proposal.route
    rule, ours = proposal.paste.split("\n\n")
    assert list(yaml.safe_load(rule)[0]) == ["matchers", "receiver"]
    policy = Policy.model_validate(yaml.safe_load(ours))
    assert policy == applied(Policy(), noisy, proposal.route).model_copy(
        update={"routes": policy.routes}
    )  # the same but for the route's name
    assert policy.rules[policy.rule_of({"alertname": noisy.name})].page_during == ("office-hours",)


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
    held = told_of(records, applied(POLICY, QUIET, {"hold": "4m"}), period)
    assert effect(before, held, [case]) == Effect(pages=-2, of=3, missed=0, acted=1, later=1, later_ms=240_000)
    longer = told_of(records, applied(POLICY, QUIET, {"hold": "2h"}), period)
    assert effect(before, longer, [case]) == Effect(pages=-3, of=3, missed=1, acted=1, later=0, later_ms=0)


def test_what_is_before_the_period_is_learned_from_and_not_counted() -> None:
    records = events()
    assert told_of(records, POLICY, Period(ms(1.5 * HOUR_S), ms(9 * HOUR_S))).pages == 1
