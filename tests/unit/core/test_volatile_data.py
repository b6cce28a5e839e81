"""Nothing that tells real things apart is proposed to be dropped; skipped where the recorded alerts are not."""

import gzip
import json
from pathlib import Path

import pytest

from pipeline.core.volatile import VolatileState, observe, proposals
from tests.unit.core.test_volatile import state_of

DATA = Path(__file__).parents[4] / "shared/data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason=f"no recorded alerts: {DATA} is missing")


@needs_data
@pytest.mark.parametrize("name", ["FoodCoopX", "TORO-Server", "joanmarcriera", "manticoresoftware"])
def test_sites_are_several_things(name: str) -> None:
    state = VolatileState()
    down: set[str] = set()
    with gzip.open(DATA / f"upptime/{name}.raw.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            alert, is_firing = state_of("SiteDown", site=row["site"]), row["state"] != "up"
            if is_firing != (row["site"] in down):
                (down.add if is_firing else down.discard)(row["site"])
                observe(state, alert, is_firing, round(row["ts"] * 1000), ())
    assert state.labels["site"].values > 5
    assert proposals(state) == []


@needs_data
def test_devices_of_a_network_are_several_things() -> None:
    state = VolatileState()
    with gzip.open(DATA / "huawei-alarms/18V_55N_Wireless.events.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines][:6000]
    changes = [(row["starts_at"], True, row) for row in rows] + [(row["ends_at"], False, row) for row in rows]
    for at_s, is_firing, row in sorted(changes, key=lambda change: change[:2]):
        observe(state, state_of(row["name"], **row["labels"]), is_firing, round(at_s * 1000), ())
    assert state.labels["device"].values > 10
    assert proposals(state) == []
