"""What people say of incidents is part of the log: the laws of every log hold with it, and marks change no page."""

from itertools import pairwise
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from pipeline.codec import encode
from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from schemas import Alerts, Control, Outcome, Tick, Verdict
from tests.laws.events import Record, logs, policies
from tests.laws.test_laws import END, joined

AGAIN = {Verdict.ACKNOWLEDGED, Verdict.UNACKNOWLEDGED, Verdict.REOPENED}  # whether somebody is on it


class Said(NamedTuple):
    """What somebody says right after a record of a log, of one of the incidents that the log leads to."""

    after: int
    about: int
    outcome: Outcome


saids = st.builds(
    Said,
    after=st.integers(0, 40),
    about=st.integers(0, 9),
    outcome=st.builds(
        Outcome,
        id=st.sampled_from(["", "out1:a", "out1:b", "out1:c"]),
        incident_id=st.just(""),
        verdict=st.sampled_from(Verdict),
        by=st.sampled_from(["ada", "bot"]),
        via=st.just("pagerduty"),
        at_ms=st.sampled_from([0, 0, 5000, 90_000]),  # before it is heard
        note=st.sampled_from(["", "a backup"]),
        is_person=st.booleans(),
    ),
)


def woven(policy: Policy, log: list[Record], said: list[Said]) -> list[Record]:
    """The log with what was said, each record at the time of the one before it or later."""
    ids = list(dict.fromkeys(one.incident_id for one in Triage(policy).step(log).incidents))
    after: dict[int, list[Said]] = {}
    for one in said:
        after.setdefault(one.after % max(1, len(log)), []).append(one)
    records, now_ms = list[Record](), 0
    for index, record in enumerate(log):
        records.append(record)
        now_ms = max(now_ms, max(a.at_ms for a in record.alerts) if isinstance(record, Alerts) else record.at_ms)
        for one in after.get(index, []) if ids else []:
            changes = {"incident_id": ids[one.about % len(ids)], "at_ms": now_ms - one.outcome.at_ms}
            records.append(Control(at_ms=now_ms, outcome=one.outcome.model_copy(update=changes)))
    return records


@given(policies, logs(), st.lists(saids, max_size=8), st.lists(st.integers(0, 50)))
def test_how_the_log_is_cut_and_a_snapshot_at_every_cut_change_nothing(
    policy: Policy, log: list[Record], said: list[Said], cuts: list[int]
) -> None:
    records = woven(policy, log, said)
    triage, facts = Triage(policy), list[Facts]()
    for start, end in pairwise([0, *sorted(cuts), len(records)]):
        facts.append(triage.step(records[start:end]))
        snapshot = triage.snapshot()
        triage = Triage.restore(None, snapshot)
        assert triage.snapshot() == snapshot
    facts.append(triage.step([END]))
    assert joined(facts) == joined([Triage(policy).step([*records, END])])


@given(policies, logs(), st.lists(saids, max_size=8))
def test_what_is_neither_taking_it_on_nor_giving_it_back_changes_no_decision_and_no_page(
    policy: Policy, log: list[Record], said: list[Said]
) -> None:
    marks = [one for one in said if one.outcome.verdict not in AGAIN]
    unsaid = [one for one in log if not isinstance(one, Control) or one.outcome is None]
    spoken = [*woven(policy, unsaid, marks), END]
    silent = [Tick(at_ms=one.at_ms) if isinstance(one, Control) and one.outcome else one for one in spoken]
    with_them, without = Triage(policy).step(spoken), Triage(policy).step(silent)
    assert [encode(one) for one in with_them.decisions] == [encode(one) for one in without.decisions]
    assert _pages(with_them) == _pages(without)


@given(policies, logs(), st.lists(saids, max_size=8))
def test_saying_it_all_twice_is_saying_it_once(policy: Policy, log: list[Record], said: list[Said]) -> None:
    records = woven(policy, log, said)
    twice = [again for one in records for again in ([one, one] if isinstance(one, Control) and one.outcome else [one])]
    assert joined([Triage(policy).step([*twice, END])]) == joined([Triage(policy).step([*records, END])])


@given(policies, logs(), st.lists(saids, max_size=8))
def test_what_stands_gives_way_to_a_person_and_to_what_is_later_alone(
    policy: Policy, log: list[Record], said: list[Said]
) -> None:
    stood: dict[tuple[str, bool], Outcome] = {}
    for incident in Triage(policy).step([*woven(policy, log, said), END]).incidents:
        for stands, is_mark in ((incident.outcome, False), (incident.mark, True)):
            before = stood.get((incident.incident_id, is_mark))
            if stands is None:
                assert before is None
                continue
            assert (stands.incident_id, stands.verdict.is_mark) == (incident.incident_id, is_mark)
            if before is not None and stands != before:
                assert stands.is_person >= before.is_person
                assert stands.is_person > before.is_person or stands.at_ms >= before.at_ms
            stood[incident.incident_id, is_mark] = stands


def _pages(facts: Facts) -> list[tuple[str, str, str, str]]:
    """The pages but for the revision, of which an incident has more when more is said of it."""
    details = [(page.dedup_key, page.event_action, page.payload) for page in facts.pages]
    return [(key, action, one.custom_details.reason, one.summary) for key, action, one in details]
