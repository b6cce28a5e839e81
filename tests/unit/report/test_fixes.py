"""What a change really did is counted before and after it; what was only proposed is told from what was changed."""

from pathlib import Path

import pytest

from pipeline.core.policy import Policy
from pipeline.report.facts import Week
from pipeline.report.fixes import Fix, Side, fixes
from pipeline.report.kpi import Ratio
from pipeline.report.past import policies, replaced_in
from schemas import Alerts, Control, Tick
from tests.scene import EPOCH_MS, alert, at, ms, resolved
from tests.unit.report.archived import archived

DAY_S = 86_400
WEEK = Week.before(EPOCH_MS + 14 * DAY_S * 1000)
FROM_S = (WEEK.period.from_ms - EPOCH_MS) / 1000
BEFORE = Policy.model_validate({"group_by": ["cluster"], "gap": "5m"})


def policy(**more: object) -> Policy:
    return Policy.model_validate({"group_by": ["cluster"], "gap": "5m"} | more)


HELD = policy(routes=[{"name": "disks", "match": 'alertname="Disk"', "hold": "5m"}])


def told(day: float, name: str, lasts_s: float = 120) -> list[Alerts | Tick | Control]:
    """One that fires for so long, that many days after the week began."""
    begins_s = FROM_S + day * DAY_S
    return [
        *at(begins_s, alert(name, cluster=name)),
        *at(begins_s + lasts_s, resolved(name, cluster=name)),
        *at(begins_s + lasts_s + 900),
    ]


def another(day: float, new: Policy) -> list[Alerts | Tick | Control]:
    return [Control(at_ms=ms(FROM_S + day * DAY_S), policy=new.name, rules=new.content)]


def story(new: Policy) -> list[Alerts | Tick | Control]:
    """Disks end by themselves, once a day, before and after another policy; a node dies each week."""
    return [
        *another(-9, BEFORE),
        *(one for day in (-6, -5, -4, -3, -2, -1) for one in told(day, "Disk")),
        *told(-0.5, "Node", 9000),
        *another(0.5, new),
        *(one for day in (1, 2, 3) for one in told(day, "Disk")),
        *told(4, "Disk", 9000),  # this one does not end by itself
        *told(5, "Node", 9000),
    ]


def test_a_route_that_was_added_is_compared_by_what_it_matches_with_the_seven_days_before(tmp_path: Path) -> None:
    archive = archived(tmp_path, Policy(), story(HELD), WEEK.period)
    first, *rest = fixes(archive, WEEK.period, HELD)
    assert first == Fix(
        "route disks: hold 5m",
        since_ms=ms(FROM_S + DAY_S),  # the first that was decided by it
        policy=HELD.name,
        before=Side(pages=6, incidents=6, days=7),
        after=Side(pages=1, incidents=1, days=6),
        missed=Ratio(0, 3),
    )
    assert [one.since_ms for one in rest] == [None]  # the node names no runbook: proposed last week, and not done
    assert rest[0].what.startswith("Node: ")


def test_what_was_proposed_last_week_is_followed_even_where_our_policy_says_nothing_of_it(tmp_path: Path) -> None:
    records = [one for one in story(BEFORE) if not isinstance(one, Control)]
    found = {
        one.what.partition(":")[0]: one
        for one in fixes(archived(tmp_path, Policy(), records, WEEK.period), WEEK.period, BEFORE)
    }
    assert found["Disk"] == Fix(
        "Disk: Wait 3 min before it pages", None, None, Side(6, 6, 7), Side(4, 4, 7), Ratio(0, 0)
    )


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (policy(gap="9m"), "gap: 5m, now 9m"),
        (policy(page_above=0.5), "page_above: as by default, now 0.5"),
        (policy(silences=[{"match": 'alertname="Disk"'}]), 'silence of alertname="Disk"'),
        (
            policy(inhibit=[{"source": 'alertname="Node"', "target": 'alertname="Disk"', "equal": ["cluster"]}]),
            'inhibit alertname="Disk" beside alertname="Node"',
        ),
    ],
)
def test_each_thing_that_changed_is_named_in_words_and_one_that_is_gone_too(
    new: Policy, said: str, tmp_path: Path
) -> None:
    first, *_ = fixes(archived(tmp_path / "there", Policy(), story(new), WEEK.period), WEEK.period, new)
    assert first.what == said
    assert first.before.pages in {6, 7}  # of disks, or of everything
    there = story(BEFORE)
    back = [there[0], *another(-8, new), *there[1:]]
    gone, *_ = fixes(archived(tmp_path / "back", Policy(), back, WEEK.period), WEEK.period, BEFORE)
    assert gone.policy == BEFORE.name
    assert gone.what.startswith("no longer ") or gone.what.endswith(("now 5m", "now as by default"))


def test_a_policy_that_the_archive_does_not_know_is_named_and_everything_is_compared(tmp_path: Path) -> None:
    records = story(HELD)
    archive = archived(tmp_path, Policy(), records, WEEK.period)
    [replaced] = replaced_in(archive, WEEK.period)
    assert (replaced.before, replaced.after) == (BEFORE.name, HELD.name)
    assert policies(archive) == {one.name: one.content for one in (BEFORE, HELD)}
    for path in tmp_path.glob("controls/*/*.parquet"):
        path.unlink()
    for folder in tmp_path.glob("controls/*"):
        folder.rmdir()
    blind = type(archive).open(tmp_path, WEEK.period)
    first, *_ = fixes(blind, WEEK.period, BEFORE)
    assert first.what == f"another policy; what {HELD.name} says is not in the archive"
    assert first.before.pages == 7
