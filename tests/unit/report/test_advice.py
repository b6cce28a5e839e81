"""Changes are tried from the noisiest on, as long as that does not take too long; what was not tried is said."""

from pathlib import Path

import pytest

from pipeline.report.advice import Trial, advised
from pipeline.report.proposal import Kind
from pipeline.report.query import Archive
from pipeline.report.report import Report
from pipeline.report.sample import POLICY, WEEK


@pytest.mark.parametrize("room", [0, 1, 2])
def test_there_is_room_for_so_many_replays_and_one_without_any_change(room: int, root: Path, report: Report) -> None:
    archive = Archive.open(root, WEEK.period)
    facts = archive.facts(WEEK.period)
    trial = Trial(POLICY, most_replayed=(room + 1) * facts.counts.events)
    found, notes = advised(archive, facts, trial)
    changes = [one for one in found if one.proposal and one.proposal.change]
    assert [one.effect is not None for one in changes] == [True] * room + [False] * (len(changes) - room)
    assert f"{len(changes) - room} of {len(changes)} changes were not tried" in notes[0]
    # Those that were tried are as they are where all are.
    whole = [one for one in report.advised if one.proposal and one.proposal.change]
    assert [one.effect for one in changes[:room]] == [one.effect for one in whole[:room]]
    assert len(notes) == (2 if room else 1)


def test_what_changes_no_page_is_proposed_and_needs_no_replay(report: Report) -> None:
    [described, *_] = [one for one in report.advised if one.proposal and one.proposal.kind is Kind.DESCRIBE]
    assert described.effect is None
    assert described.proposal
    assert "page as before" in described.proposal.why
