"""Every decision names the model that it was made with, and a new model never rewrites what was decided."""

from models.training import train
from pipeline.core.learned import NOTHING, Learned
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from schemas import Alerts, Decision, Tick
from tests.scene import alert, at
from tests.unit.models.histories import history

POLICY = Policy(group_by=("cluster",))
LEARNED = Learned(train(history([(n * 3600, name, "x") for n in range(9) for name in ("disk", "raid")])).model)


def told(triage: Triage, *steps: list[Alerts | Tick]) -> list[Decision]:
    facts = triage.step([record for step in steps for record in step])
    return [decision for record in facts.decisions for decision in record.decisions]


def test_every_decision_names_its_model_be_it_plain_or_not() -> None:
    scene = (at(0, alert("disk", cluster="a")), at(1, alert("disk", cluster="a")), at(2, alert("raid", cluster="a")))
    assert LEARNED.version is not None
    assert [one.model_version for one in told(Triage(POLICY, LEARNED), *scene)] == [LEARNED.version] * 3
    assert [one.model_version for one in told(Triage(POLICY), *scene)] == [None] * 3


def test_another_model_decides_what_comes_and_leaves_what_was() -> None:
    before = Triage(POLICY)
    first = told(before, at(0, alert("disk", cluster="a")))
    after = Triage.restore(POLICY, before.snapshot(), LEARNED)
    second = told(after, at(5, alert("raid", cluster="a")))
    assert (first[0].model_version, second[0].model_version) == (NOTHING.version, LEARNED.version)
    assert first[0].incident_id == second[0].incident_id


def test_a_snapshot_under_the_same_model_goes_on_as_if_nothing_had_been() -> None:
    scene = [at(n, alert(name, cluster="a")) for n, name in enumerate(("disk", "raid", "disk", "cpu"))]
    whole = told(Triage(POLICY, LEARNED), *scene)
    first = Triage(POLICY, LEARNED)
    half = told(first, *scene[:2])
    again = Triage.restore(POLICY, first.snapshot(), LEARNED)
    assert half + told(again, *scene[2:]) == whole
