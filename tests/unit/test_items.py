"""Where a webhook's alerts stand, in every spelling of JSON; and that nothing outside of the bytes is read."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.jit import warm_up
from pipeline.sources.items import NONE, find_items

PAYLOADS = Path(__file__).parents[3] / "shared" / "data" / "payloads"
needs_shared = pytest.mark.skipif(not PAYLOADS.exists(), reason=f"no captured payloads: {PAYLOADS} is missing")

SPELLINGS: dict[str, Callable[[object], bytes]] = {
    "compact": orjson.dumps,
    "escaped": lambda found: json.dumps(found).encode(),
    "indented": lambda found: orjson.dumps(found, option=orjson.OPT_INDENT_2),
    "wide": lambda found: json.dumps(found, indent="\t", separators=(" \r\n, ", " : ")).encode(),
}


def found_in(body: bytes, most: int = 4096) -> list[bytes] | None:
    warm_up()
    room = np.full((most + 1, 2), -7, np.int64)
    spans = room[:most]
    count = int(find_items(body, spans))
    assert (room[most] == -7).all()
    return None if count == NONE else [body[start:end] for start, end in spans[:count].tolist()]


@needs_shared
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_captured_body_falls_into_its_alerts(spelling: str) -> None:
    bodies = sorted((PAYLOADS / "alertmanager-0.25").glob("*_f*_r*.json"))
    assert len(bodies) > 90
    for file in bodies:
        message = orjson.loads(file.read_bytes())
        found = found_in(SPELLINGS[spelling](message))
        assert found is not None, file.name
        assert [orjson.loads(item) for item in found] == message["alerts"], file.name


@needs_shared
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_label_set_that_alertmanager_took_stays_whole(spelling: str) -> None:
    vectors = orjson.loads((PAYLOADS / "fingerprint_vectors.json").read_bytes())["vectors"]
    assert len(vectors) == 300
    for together in ([vectors], [[vector] for vector in vectors]):
        for alerts in together:
            found = found_in(SPELLINGS[spelling]({"x": {"alerts": alerts}, "alerts": alerts, "y": alerts}))
            assert found is not None
            assert [orjson.loads(item) for item in found] == alerts


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b" ",
            b"0",
            b"[]",
            b"{}",
            b'{"alerts":',
            b'{"alerts"',
            b'{"alerts":[',
            b'{"alerts":[{',
            b'{"alerts":[{}',
        ),
        *(b'{"alerts":[]}', b'{"alerts":{}}', b'{"alerts":[0]}', b'{"alerts":[{},0]}', b'{"alerts":[{}0]}'),
        *(b'{"alerts":[{},]}', b'{"alerts":[{}{}]}', b'{"alerts":[-{}]}', b'{"x":{"alerts":[{}]}}', b'{"alert":[{}]}'),
        *(b'{"alerts":[{}],"alerts":[{}]}', b'{"alerts":[{}],"\\u0061lerts":0}', b'{"alerts":[{"', b'{"alerts":[{"\\'),
        b'{"alerts":[{"x":' + b"[" * 100 + b"]" * 100 + b"}]}",
    ],
)
def test_what_is_not_one_array_of_alerts_is_left_to_who_reads_it_whole(body: bytes) -> None:
    assert found_in(body) is None


def test_more_alerts_than_there_is_room_for_are_left_too() -> None:
    body = b'{"alerts":[{},{},{}]}'
    assert found_in(body, most=2) is None
    assert found_in(body, most=3) == [b"{}"] * 3


@given(st.lists(st.sampled_from([b'"alerts"', *(bytes([char]) for char in b'{}[]:,"\\ a0\xff')]), max_size=40))
def test_any_bytes_leave_spans_within_them(parts: list[bytes]) -> None:
    for head in (b"", b'{"alerts":[{'):
        body = head + b"".join(parts)
        for item in found_in(body) or []:
            assert item.startswith(b"{")
            assert item.endswith((b"}", b"]"))
