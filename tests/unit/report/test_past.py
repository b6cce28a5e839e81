"""What was decided upon comes back as it was: alerts, silences and outcomes in order, and none of it twice."""

from pathlib import Path

import pytest

from pipeline.codec import encode
from pipeline.core.policy import Policy
from pipeline.edge.archive.files import write
from pipeline.log.entry import Entry
from pipeline.report.effect import told_of
from pipeline.report.facts import Week
from pipeline.report.labels import volatile_labels
from pipeline.report.past import asked_quiet, past, turns
from pipeline.report.query import Archive
from schemas import Alerts, Control, Outcome, Silence, Tick, Verdict
from schemas.topics import ALERTS
from tests.scene import EPOCH_MS, POLICY, alert, at, ms, resolved
from tests.unit.report.archived import archived

WEEK = Week.before(EPOCH_MS + 7 * 86_400_000)


def silence(at_s: float, until_s: float, comment: str = "", name: str = "Disk") -> Control:
    asked = Silence(
        id=f"s-{name}", matchers=(f'alertname="{name}"',), starts_at_ms=ms(at_s), ends_at_ms=ms(until_s),
        created_by="ada", comment=comment, updated_at_ms=ms(at_s),
    )  # fmt: skip
    return Control(at_ms=ms(at_s), silence=asked)


_DEED = Outcome(incident_id="inc1:x", verdict=Verdict.RESOLVED, by="a", via="b", at_ms=1)


def story() -> list[Alerts | Control | Tick]:
    return [
        silence(-400_000, 4000),  # days before the week
        *at(0, alert("Disk", cluster="a")),
        *at(60, alert("Node", cluster="b")),
        Control(
            at_ms=ms(70), outcome=Outcome(incident_id="inc1:x", verdict=Verdict.RESOLVED, by="a", via="b", at_ms=1)
        ),
        Control(at_ms=ms(80), policy="p1:x", rules="{}"),
        Control(at_ms=ms(81), model=""),
        *at(90, alert("Disk", cluster="a")),
        *at(120, resolved("Disk", cluster="a")),
    ]


def test_alerts_and_controls_come_back_in_their_order_and_no_policy_or_model_among_them(tmp_path: Path) -> None:
    records = story()
    archive = archived(tmp_path, POLICY, records, WEEK.period)
    expected = [
        one for one in records if isinstance(one, Alerts) or (isinstance(one, Control) and (one.silence or one.outcome))
    ]
    found = past(archive, WEEK.period)
    assert [one if isinstance(one, Control) else one.alerts for one in found] == [
        one if isinstance(one, Control) else one.alerts for one in expected if not isinstance(one, Tick)
    ]


def test_what_was_silenced_is_silenced_in_the_replay_too(tmp_path: Path) -> None:
    archive = archived(tmp_path, POLICY, story(), WEEK.period)
    told = told_of(past(archive, WEEK.period), POLICY, WEEK.period)
    assert told.pages == len(archive.pages) == 1


def test_a_control_that_stands_in_every_partition_is_heard_once(tmp_path: Path) -> None:
    asked = silence(5, 4000)
    write(tmp_path, [Entry(ALERTS.name, partition, 7, "", encode(asked), {}, EPOCH_MS) for partition in range(3)])
    archive = archived(tmp_path, POLICY, at(0, alert("Disk")), WEEK.period)
    assert [one for one in past(archive, WEEK.period) if isinstance(one, Control)] == [asked]


def test_a_silence_is_as_it_was_set_last(tmp_path: Path) -> None:
    records = [*at(0, alert("Disk")), silence(1, 50, "first"), silence(9, 90, "second"), silence(3, 9, name="Node")]
    archive = archived(tmp_path, POLICY, records, WEEK.period)
    assert [(one.id, one.until_ms, one.comment) for one in asked_quiet(archive)] == [
        ("s-Node", ms(9), ""),
        ("s-Disk", ms(90), "second"),
    ]


def test_what_only_repeats_what_was_said_is_no_turn(tmp_path: Path) -> None:
    records = [
        *at(0, alert("Disk", host="a")),
        *at(60, alert("Disk", host="a")),
        *at(61, alert("Disk", host="b")),
        *at(120, resolved("Disk", host="a")),
        *at(130, resolved("Disk", host="a")),
        *at(180, alert("Disk", host="a")),
        *at(200, alert("Leased", lease_s=10)),
        *at(205, alert("Leased", lease_s=10)),
        *at(300, alert("Leased", lease_s=10)),  # the lease had ended
    ]
    archive = archived(tmp_path, POLICY, records, WEEK.period)
    told = [one.alerts[0].at_ms for one in turns(archive, WEEK.period, 100)]
    assert told == [ms(second) for second in (0, 61, 120, 180, 200, 300)]
    assert [one.alerts[0].at_ms for one in turns(archive, WEEK.period, 2)] == told[-2:]


def labels(label: str, number: int) -> dict[str, str]:
    return {"cluster": "a", label: f"r{number}x"}


@pytest.mark.parametrize(("label", "is_found"), [("run", True), ("replica", False)])
def test_a_label_that_is_new_each_time_is_found_unless_it_is_dropped_already(
    label: str, is_found: bool, tmp_path: Path
) -> None:
    policy = Policy()
    records = [
        one
        for n in range(15)
        for one in (
            *at(n * 600, alert("Import", **labels(label, n)), policy=policy),  # type: ignore[arg-type]  # labels only
            *at(n * 600 + 500, resolved("Import", **labels(label, n)), policy=policy),
        )
    ]
    found = volatile_labels(archived(tmp_path, policy, records, WEEK.period), WEEK.period, policy)
    assert [one.label for one in found.labels] == ([label] if is_found else [])
    assert (found.line or "").endswith("run]") is is_found


def test_an_archive_of_older_days_without_controls_or_alerts_has_no_past(tmp_path: Path) -> None:
    archive = archived(tmp_path, POLICY, at(0, alert("Disk")), WEEK.period)
    for path in [*tmp_path.glob("alerts/*/*"), *tmp_path.glob("controls/*/*")]:
        path.unlink()
    bare = Archive.open(tmp_path, archive.period)
    assert (past(bare, WEEK.period), asked_quiet(bare), turns(bare, WEEK.period, 9)) == ([], [], [])
