"""The operations scenes tell the same each time, as a Prometheus would, and what a method makes of them is judged."""

import json
from collections import Counter
from math import inf
from pathlib import Path

import pytest

from benchmarks.quality.judged import told
from benchmarks.quality.operations import product_outcome, simple_outcome
from benchmarks.quality.outcome import Onset, Sent, outcome
from benchmarks.quality.product import OUTPUTS, replay_into
from benchmarks.quality.scenes.alerts import BACKGROUND
from benchmarks.quality.scenes.scene import play
from benchmarks.quality.scenes.storms import STORMS
from benchmarks.quality.scenes.telling import Event, canonical, write


@pytest.fixture(scope="module")
def scene() -> list[Event]:
    return play(1)


def onset(storm: str, group: str, at_s: float = 0, *, is_critical: bool = False) -> Onset:
    return Onset(storm, group, at_s, is_critical)


def test_a_seed_tells_one_scene(scene: list[Event]) -> None:
    assert play(1) == scene
    assert play(2) != scene


def test_every_storm_is_in_a_scene_and_background_is_all_the_time(scene: list[Event]) -> None:
    alerts = Counter(event.firing.storm for event in scene if event.is_resolved)
    assert alerts.keys() == {BACKGROUND, *STORMS}
    assert min(alerts.values()) > 10
    hours = {int(event.at_s // 3600) for event in scene if event.firing.storm == BACKGROUND}
    assert hours >= set(range(8))


def test_an_alert_fires_before_it_is_resolved_and_never_twice_at_once(scene: list[Event]) -> None:
    firing: dict[str, str] = {}
    for event in map(canonical, scene):
        key = json.dumps([event["name"], event["labels"]], sort_keys=True)
        assert firing.setdefault(key, event["starts_at"]) == event["starts_at"]
        if event["status"] == "resolved":
            del firing[key]
            assert event["starts_at"] < event["ends_at"]
    assert firing == {}


def test_storms_in_one_incident_each_are_perfect(scene: list[Event]) -> None:
    found = simple_outcome(scene, [event.firing.storm or f"-{n}" for n, event in enumerate(scene)])
    assert (found.pair_f1, found.missed, max(found.strangers)) == (1, 0, 0)
    assert found.incidents == found.pages == [1] * len(STORMS)
    assert set(found.waits_s) == {0}


def test_a_split_storm_and_a_stranger_cost() -> None:
    onsets = [onset("s", "a"), onset("s", "a"), onset("s", "b"), onset("", "a"), onset("", "c"), onset("", "c")]
    found = outcome(onsets, [Sent("a", 0, "s"), Sent("b", 9, "s")])
    # By hand: of three pairs one is found; three are said, the two of background alone do not count.
    assert found.pair_f1 == pytest.approx(2 * 1 / (3 + 3))
    assert (found.incidents, found.pages, found.missed) == ([2], [2], 0)
    assert found.strangers == pytest.approx([1 / 3])


def test_a_storm_of_which_no_page_tells_is_missed() -> None:
    found = outcome([onset("s", "a", 5, is_critical=True), onset("", "a")], [Sent("a", 4000, "")])
    assert (found.missed, found.pages) == (1, [0])


def test_a_critical_alert_waits_until_its_incident_is_told() -> None:
    onsets = [onset("s", group, 5000, is_critical=True) for group in ("before", "after", "long ago", "never")]
    sent = [Sent("before", 4000, "s"), Sent("after", 5030, "s"), Sent("long ago", 0, "s")]
    assert outcome(onsets, sent).waits_s == [0, 30, inf, inf]


def test_the_product_is_judged_by_what_it_wrote(scene: list[Event], tmp_path: Path) -> None:
    events = tmp_path / "events.ndjson"
    write(scene, events, tmp_path / "truth.csv")
    policy = tmp_path / "policy.yaml"
    # One incident for everything, so all five storms are in it, and it pages when something worse comes.
    policy.write_text("version: 1\ngroup_by: [no_such]\ngap: 8h\nmax_age: 24h\nstorm: {floor: 100000}\n")
    files = replay_into(tmp_path, events, policy, OUTPUTS)
    found = product_outcome(scene, told(files))
    decided = [json.loads(line) for line in files["decisions"].read_text().splitlines()]
    assert len(decided) == len(scene)
    assert sum(found.pages) == sum(
        decision["paged"] and event.firing.storm != BACKGROUND for decision, event in zip(decided, scene, strict=True)
    )
    assert inf not in found.waits_s
