"""Every decision names the model that it was made with, and a new model never rewrites what was decided."""

from collections.abc import Sequence

from models.training import train
from pipeline.core.learned import NOTHING, Learned
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from schemas import Alerts, Control, Decision, Tick
from tests.scene import alert, at, ms
from tests.unit.models.histories import history

POLICY = Policy(group_by=("cluster",))
LEARNED = Learned(train(history([(n * 3600, name, "x") for n in range(9) for name in ("disk", "raid")])).model)


def told(triage: Triage, *steps: Sequence[Alerts | Tick | Control]) -> list[Decision]:
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


def test_the_log_says_from_where_on_another_model_decides() -> None:
    scene = [
        *at(0, alert("disk", cluster="a")),
        Control(at_ms=ms(1), model=LEARNED.version),
        *at(2, alert("raid", cluster="a")),
        Control(at_ms=ms(3), model=""),
        *at(4, alert("cpu", cluster="a")),
    ]
    versions = [None, LEARNED.version, None]
    assert [one.model_version for one in told(Triage(POLICY, at_hand(NOTHING)), scene)] == versions
    assert [one.model_version for one in told(Triage(POLICY, at_hand(LEARNED)), scene)] == [
        LEARNED.version,
        *versions[1:],
    ]


def test_a_snapshot_that_a_driver_goes_on_from_keeps_its_model_until_the_log_names_another() -> None:
    before = Triage(POLICY, LEARNED)
    told(before, at(0, alert("disk", cluster="a")))
    after = Triage.restore(None, before.snapshot(), at_hand(NOTHING))
    assert after.model == LEARNED.version
    assert after.snapshot() == before.snapshot()
    scene = [*at(1, alert("raid", cluster="a")), Control(at_ms=ms(2), model=""), *at(3, alert("cpu", cluster="a"))]
    assert [one.model_version for one in told(after, scene)] == [LEARNED.version, None]
    assert after.model is None


def test_a_model_that_is_not_at_hand_any_more_is_replaced_and_the_log_is_to_say_so() -> None:
    before = Triage(POLICY, LEARNED)
    after = Triage.restore(None, before.snapshot())
    assert after.model == LEARNED.version, "as the log says"
    assert told(after, at(1, alert("raid", cluster="a")))[0].model_version is None
    assert told(after, [Control(at_ms=ms(2), model="")], at(3, alert("cpu", cluster="a")))[0].model_version is None
    assert after.model is None


def at_hand(learned: Learned) -> Learned:
    return learned._replace(find={LEARNED.version: LEARNED}.get)


def test_a_snapshot_under_the_same_model_goes_on_as_if_nothing_had_been() -> None:
    scene = [at(n, alert(name, cluster="a")) for n, name in enumerate(("disk", "raid", "disk", "cpu"))]
    whole = told(Triage(POLICY, LEARNED), *scene)
    first = Triage(POLICY, LEARNED)
    half = told(first, *scene[:2])
    again = Triage.restore(POLICY, first.snapshot(), LEARNED)
    assert half + told(again, *scene[2:]) == whole
