"""Surges as scenes: what begins far more often than usual and shares a label is one incident; earlier ones merge."""

from collections import Counter

import pytest

from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from schemas import IncidentState, PageKind, Reason, Status
from tests.scene import Told, alert, at, decided, ms, play, reasons
from tests.unit.core.rack import NAMES, morning, on_rack

POLICY = Policy()


def surge(*more: tuple[float, Told]) -> Facts:
    told = [*morning(), *((12.0 * n, on_rack(name)) for n, name in enumerate(NAMES)), *more]
    return play(*(at(seconds, one, policy=POLICY) for seconds, one in told), policy=POLICY)


def test_what_surges_ends_up_in_one_incident() -> None:
    facts = surge()
    into = {one.incident_id: one.merged_into for one in facts.incidents if one.merged_into}
    ids = [one.incident_id for one in decided(facts)[len(NAMES) :]]
    assert len(set(ids)) > 1, "before anything surged they came as problems of their own"
    assert {into.get(found, found) for found in ids if found} == {ids[0]}, "and the oldest goes on for all"
    last = {one.incident_id: one for one in facts.incidents}
    assert last[ids[0] or ""].alerts == len(NAMES)
    assert all(last[key].state is IncidentState.MERGED for key in into)
    why = decided(facts)[-1].why
    assert why is not None
    assert why.surge == "rack=r1"


@pytest.mark.parametrize("alone", range(len(NAMES)))
def test_what_surges_within_one_body_pages_once_and_says_so(alone: int) -> None:
    """Some come alone, the others in one body, in which what opened before anything surged merges before it is told."""
    told = [(seconds, [one]) for seconds, one in morning()]
    told += [(12.0 * n, [on_rack(name)]) for n, name in enumerate(NAMES[:alone])]
    told += [(12.0 * alone, [*map(on_rack, NAMES[alone:])])]
    facts = play(*(at(seconds, *several, policy=POLICY) for seconds, several in told), policy=POLICY)
    surging = decided(facts)[len(NAMES) :]
    triggers = Counter(page.dedup_key for page in facts.pages if page.payload.custom_details.reason.pages)
    assert Counter(one.incident_id for one in surging if one.paged).items() <= triggers.items()
    assert len(surging) == len(NAMES)
    if alone < 6:  # too few to surge before the body
        assert len({one.incident_id for one in surging[alone:]}) == 1


def test_an_older_problem_that_grows_meanwhile_is_none_of_the_surge() -> None:
    """Two discs of the rack have been failing for some minutes; a third joins them just before the rack surges."""
    said = on_rack("Disc")
    discs = [said._replace(labels=said.labels | {"disc": str(n)}) for n in range(3)]
    told = [*morning(), (-250.0, discs[0]), (-240.0, discs[1]), (-5.0, discs[2])]
    told = sorted([*told, *((12.0 * n, on_rack(name)) for n, name in enumerate(NAMES))], key=lambda one: one[0])
    facts = play(*(at(seconds, one, policy=POLICY) for seconds, one in told), policy=POLICY)
    into = {one.incident_id: one.merged_into for one in facts.incidents if one.merged_into}
    of: dict[bool, set[str]] = {True: set(), False: set()}
    for one, (seconds, told_of) in zip(decided(facts), told, strict=True):
        if seconds > -300:
            assert one.incident_id is not None
            of[told_of.name == "Disc"].add(into.get(one.incident_id, one.incident_id))
    assert [len(ids) for ids in of.values()] == [1, 1]
    assert of[True] != of[False]


def test_what_is_held_pages_when_what_would_have_paged_merges_into_it() -> None:
    policy = Policy.model_validate({"routes": [{"name": "slow", "match": 'rack="r1", first="yes"', "hold": "10m"}]})
    first = on_rack(NAMES[0])
    held = first._replace(labels=first.labels | {"first": "yes"})
    told = [(seconds, [one]) for seconds, one in morning()] + [(0.0, [held]), (12.0, [*map(on_rack, NAMES[1:])])]
    facts = play(*(at(seconds, *several, policy=policy) for seconds, several in told), policy=policy)
    oldest = decided(facts)[len(NAMES)]
    assert oldest.reason is Reason.HELD
    paged = [one for one in decided(facts)[len(NAMES) + 1 :] if one.paged]
    assert [one.incident_id for one in paged] == [oldest.incident_id]
    assert [page.payload.custom_details.reason for page in facts.pages if page.dedup_key == oldest.incident_id] == [
        Reason.SURFACED
    ]


def test_what_a_merge_makes_too_large_to_be_quiet_pages_though_the_alert_that_led_to_it_is_silenced() -> None:
    """Each by itself was kept quiet for its score; together they are as many as no score keeps quiet."""
    fields = {"suppress": "on", "page_above": 1, "guardrails": {"watched": "1m", "tiers": [], "grows_to": 4}}
    days = [(seconds, on_rack(one.name.removeprefix("Job"), rack=one.labels["rack"])) for seconds, one in morning()]
    for silenced in NAMES:
        by = Policy.model_validate(fields | {"silences": [{"match": [f"alertname={silenced}", "rack=r1"]}]})
        triage, coming = Triage(by), [(12.0 * n, on_rack(name)) for n, name in enumerate(NAMES)]
        for seconds, one in days:
            triage.step(at(seconds, one, policy=by))
        for seconds, one in coming:
            facts = triage.step(at(seconds, one, policy=by))
            if any(incident.merged_into for incident in facts.incidents):
                break
        if one.name == silenced:
            pages = [*facts.pages, *triage.step(at(seconds + 1)).pages]
            assert [page.payload.custom_details.reason for page in pages] == [Reason.GROWN]
            return
    pytest.fail("nothing merged by what was silenced")


def test_a_merged_incident_resolves_its_page_and_says_where_it_goes_on() -> None:
    facts = surge()
    into = {one.incident_id: one.merged_into for one in facts.incidents if one.merged_into}
    for key, goes_on in into.items():
        *_, last = [page for page in facts.pages if page.dedup_key == key]
        assert last.payload.custom_details.kind is PageKind.RESOLVE
        assert last.payload.custom_details.reason is Reason.MERGED
        assert goes_on is not None
        assert goes_on in last.payload.custom_details.why


def test_an_incident_that_was_about_to_resolve_repeats_its_page_in_time_where_others_merge_into_it() -> None:
    policy = Policy.model_validate({"repeat_after": "1h", "resolve_after": "5m"})
    over = on_rack(NAMES[0])._replace(status=Status.RESOLVED)
    told = [*morning(), (0.0, on_rack(NAMES[0])), (1.0, over)]
    told += [(12.0 * n, on_rack(name)) for n, name in enumerate(NAMES[1:], 1)]
    facts = play(*(at(seconds, one, policy=policy) for seconds, one in told), at(5000), policy=policy)
    oldest = decided(facts)[len(NAMES)].incident_id
    assert decided(facts)[-1].incident_id == oldest
    times = [one.updated_at_ms - ms(0) for one in facts.incidents if one.incident_id == oldest]
    repeats = [page for page in facts.pages if page.dedup_key == oldest][1:]
    assert [page.payload.custom_details.reason for page in repeats] == [Reason.REPEATED]
    assert times[-1] == 3_672_000, "an hour after the last page of what merged"
    assert decided(facts)[-1].next_at_ms == ms(3672)


def test_after_a_merge_nothing_of_it_pages_again() -> None:
    facts = surge((160.0, on_rack(NAMES[3])), (161.0, on_rack("Mike")))
    assert reasons(facts)[-2:] == [Reason.DUPLICATE, Reason.JOINED]
    merged = decided(facts)[-2].incident_id
    assert merged == decided(facts)[-1].incident_id == decided(facts)[len(NAMES)].incident_id


def test_one_of_another_kind_amid_a_surge_is_no_part_of_it() -> None:
    facts = surge((145.0, alert("Unlike")._replace(labels={"site": "s9"})))
    assert reasons(facts)[-1] is Reason.OPENED


def test_a_surge_whose_begin_is_over_by_then_is_one_incident_all_the_same() -> None:
    policy = Policy(resolve_after=0)
    told = [*morning()]
    for n, name in enumerate(NAMES[:8]):
        one = on_rack(name)
        told += [(10.0 * n, one), (10.0 * n + 1, one._replace(status=Status.RESOLVED))]
    late = NAMES[8:]
    told += [(82.0 + n, on_rack(name)) for n, name in enumerate(late)]
    facts = play(*(at(seconds, one, policy=policy) for seconds, one in told), policy=policy)
    last = decided(facts)[-len(late) :]
    assert [one.reason for one in last] == [Reason.OPENED, *[Reason.JOINED] * (len(late) - 1)]
    assert len({one.incident_id for one in last}) == 1


def test_a_surge_goes_on_from_a_snapshot() -> None:
    told = [*morning(), *((12.0 * n, on_rack(name)) for n, name in enumerate(NAMES)), (150.0, on_rack("Mike"))]
    records = [record for seconds, one in told for record in at(seconds, one, policy=POLICY)]
    for cut in range(len(NAMES), len(records)):
        whole, first = Triage(POLICY), Triage(POLICY)
        first.step(records[:cut])
        rest = Triage.restore(POLICY, first.snapshot())
        whole.step(records[:cut])
        assert rest.step(records[cut:]) == whole.step(records[cut:])
        assert rest.snapshot() == whole.snapshot()
