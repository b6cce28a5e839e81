"""What people say of a kind of alert counts for the score of the next of its kind, in one scope, and fades."""

import pytest

from pipeline.core.actionability import judged as module
from pipeline.core.actionability.judged import Judged, term_of
from pipeline.core.actionability.words import said
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from schemas import Control, Outcome, Reason, Score, Verdict
from tests.scene import alert, at, decided, ms, resolved

POLICY = Policy(group_by=("host",), resolve_after="1m", reopen_within="1m")
DAY_S = 86_400


def outcome(incident: str, verdict: Verdict, seconds: float, *, by: str = "ada", is_person: bool = True) -> Control:
    told = Outcome(incident_id=incident, verdict=verdict, by=by, via="api", at_ms=ms(seconds), is_person=is_person)
    return Control(at_ms=ms(seconds), outcome=told)


class Told:
    """A disk alert fires on one host after the other; what people say of each is heard before the next."""

    def __init__(self) -> None:
        self.triage = Triage(POLICY)
        self.hosts = 0

    def fires(self, seconds: float) -> tuple[str, Score]:
        self.hosts += 1
        host = f"h{self.hosts}"
        facts = self.triage.step([*at(seconds, alert("disk", host=host))])
        [one] = decided(facts)
        self.triage.step([*at(seconds + 30, resolved("disk", host=host))])
        assert one.incident_id is not None
        assert one.scored is not None
        return one.incident_id, one.scored

    def says(self, incident: str, verdict: Verdict, seconds: float, *, by: str = "ada", is_person: bool = True) -> None:
        self.triage.step([outcome(incident, verdict, seconds, by=by, is_person=is_person)])


@pytest.mark.parametrize(
    ("verdict", "term"),
    [
        (Verdict.NOT_ACTIONABLE, term_of(0, 1)),
        (Verdict.FALSE_POSITIVE, term_of(0, 1)),
        (Verdict.ACTIONABLE, term_of(1, 0)),
        (Verdict.POOR_DETAILS, term_of(1, 0)),
        (Verdict.DUPLICATE, None),
        (Verdict.ACKNOWLEDGED, None),
    ],
)
def test_a_mark_counts_for_the_next_of_its_kind(verdict: Verdict, term: float | None) -> None:
    told = Told()
    first, scored = told.fires(0)
    assert "judged" not in scored.terms
    told.says(first, verdict, 40)
    _, scored = told.fires(60)
    assert scored.terms.get("judged") == term
    if term is not None:
        needed = "somebody" if term > 0 else "nobody"
        assert f"people said that {needed} had to act on its kind ({term:+.2f})" in said(scored, most=9)


def test_who_changes_their_mind_counts_once() -> None:
    told = Told()
    first, _ = told.fires(0)
    told.says(first, Verdict.NOT_ACTIONABLE, 40)
    told.says(first, Verdict.NOT_ACTIONABLE, 45, by="ada")
    told.says(first, Verdict.ACTIONABLE, 50)
    assert told.fires(60)[1].terms["judged"] == term_of(1, 0)


def test_a_program_is_not_believed() -> None:
    told = Told()
    first, _ = told.fires(0)
    told.says(first, Verdict.NOT_ACTIONABLE, 40, is_person=False)
    assert "judged" not in told.fires(60)[1].terms


def test_what_was_said_fades_and_outlives_a_restart() -> None:
    told = Told()
    for n in range(3):
        incident, _ = told.fires(100 * n)
        told.says(incident, Verdict.NOT_ACTIONABLE, 100 * n + 40)
    soon = told.fires(400)[1].terms["judged"]
    told.triage = Triage.restore(POLICY, told.triage.snapshot())
    late = told.fires(90 * DAY_S)[1].terms["judged"]
    assert soon == pytest.approx(term_of(0, 3), abs=0.01)
    assert late == pytest.approx(term_of(0, 1.5), abs=0.01)


def test_a_mark_counts_when_its_incident_is_forgotten_long_since() -> None:
    told = Told()
    first, _ = told.fires(0)
    told.triage.step([*at(DAY_S)])
    told.triage = Triage.restore(POLICY, told.triage.snapshot())
    told.says(first, Verdict.NOT_ACTIONABLE, DAY_S)
    told.says(first, Verdict.NOT_ACTIONABLE, DAY_S, is_person=False)
    assert told.fires(DAY_S + 60)[1].terms["judged"] == term_of(0, 1)
    told.says(first, Verdict.ACTIONABLE, DAY_S + 100)
    told.says(first, Verdict.NOT_ACTIONABLE, DAY_S + 50)
    assert told.fires(DAY_S + 160)[1].terms["judged"] == term_of(1, 0), "who changes their mind counts once"


def test_a_mark_of_what_is_of_many_kinds_counts_for_none_of_them() -> None:
    policy = Policy.model_validate({"storm": {"floor": 5, "factor": 2, "window": "1m"}, "group_by": ["host"]})
    triage = Triage(policy)
    facts = triage.step([record for n in range(12) for record in at(n, alert(f"kind{n}", host=f"h{n}"))])
    storm = next(one for one in decided(facts) if one.reason is Reason.STORM_BEGAN)
    assert storm.incident_id is not None
    triage.step([outcome(storm.incident_id, Verdict.NOT_ACTIONABLE, 13)])
    again = triage.step(
        [*at(14, resolved(storm.fingerprint)), *at(7200, *[alert(f"kind{n}", host="x") for n in range(4)])]
    )
    assert all("judged" not in one.scored.terms for one in decided(again) if one.scored is not None)


def test_of_too_many_kinds_what_was_judged_longest_ago_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_JUDGED", 2)
    judged = Judged()
    for kind in (1, 2, 1, 3):
        judged.hear(kind, needed=True, before=None, now_ms=ms(0))
    assert list(judged.known) == [1, 3]
    judged.hear(3, needed=None, before=True, now_ms=ms(0))
    assert list(judged.known) == [1]
