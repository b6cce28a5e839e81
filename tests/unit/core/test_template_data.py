"""How many templates real alerts have; skipped where the data is not."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.core.template import template_of
from tests.unit.core.kinds import kind

DATA = Path(__file__).parents[4] / "shared/data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason=f"no recorded alerts: {DATA} is missing")


def lines(name: str) -> Iterator[str]:
    with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
        yield from file


@needs_data
def test_names_that_engineers_gave_are_told_apart_but_for_thresholds() -> None:
    names = {
        found.group(1)
        for file in (DATA / "rules").glob("*.y*ml")
        for found in re.finditer(
            r"^\s*- (?:alert|name): ['\"]?([^'\"\n]+?)['\"]?\s*$", file.read_text("utf-8"), re.MULTILINE
        )
    }
    assert len(names) > 1000
    templates = {template_of(kind(name)) for name in names}
    assert len(templates) == len(names) - 1  # `Memcached connection limit approaching (> 80%)`, and `(> 95%)`


@needs_data
def test_codes_of_a_network_and_a_supercomputer_are_all_told_apart() -> None:
    codes = {json.loads(line)["name"] for line in lines("huawei-alarms/18V_55N_Wireless.events.jsonl.gz")}
    codes |= {line.split()[2] for line in lines("mira/fatal-events-2013-2016.cor.gz")}
    assert len(codes) > 40
    assert {template_of(kind(code)) for code in codes} == {f"t1:{code}" for code in codes}


@needs_data
def test_names_of_intrusions_are_all_told_apart() -> None:
    names = {line.split(",")[1] for line in lines("ait-ads-a/original_train_0.csv.gz")}
    assert len(names) > 50
    assert len({template_of(kind(name)) for name in names}) == len(names)


@needs_data
def test_what_a_probe_says_of_a_site_is_one_template_for_each_state() -> None:
    rows = [json.loads(line) for line in lines("upptime/TORO-Server.raw.jsonl.gz")]
    told = {f"{row['site']} is {row['state']} ({row['code']} in {row['ms']} ms)" for row in rows}
    states = {(row["site"], row["state"]) for row in rows}
    assert len(told) > 10 * len(states)
    assert len({template_of(kind(text)) for text in told}) == len(states)
