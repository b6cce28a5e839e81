"""Whatever is posted: the answer is a success or names what is wrong, and the log holds the body exactly once."""

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codec import decode
from schemas import Rejected
from tests.memory_log import MemoryLog
from tests.unit.edge.gateway.scene import GOOD, gateway

FIELDS = ("alerts", "status", "labels", "annotations", "startsAt", "endsAt", "name", "starts_at", "truncatedAlerts")
KEYS = st.sampled_from(FIELDS)
WORDS = st.sampled_from(["firing", "resolved", "2026-11-23T07:06:06Z", "0001-01-01T00:00:00Z", ""]) | st.text()
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | WORDS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS | st.text(), inner), max_leaves=30)
BODIES = st.binary() | VALUES.map(lambda value: json.dumps(value).encode())


async def post(path: str, body: bytes) -> tuple[int, dict[str, Any], MemoryLog]:
    log = MemoryLog()
    async with gateway(log) as client:
        answer = await client.post(path, content=body)
    return answer.status_code, answer.json(), log


@settings(deadline=None)
@given(path=st.sampled_from(sorted(GOOD)), body=BODIES)
def test_any_body_is_taken_or_rejected_by_name_and_kept_once(path: str, body: bytes) -> None:
    status, said, log = asyncio.run(post(path, body))
    if status == 200:
        assert [draft.value for draft in log.on("alerts.raw")] == ([body] if said["accepted"] else [])
        assert log.on("alerts.rejected") == []
        return
    assert status == 400
    assert said["rejected"] >= 1
    if said["kept"]:
        assert [draft.value for draft in log.drafts] == [body]
    else:
        (draft,) = log.on("alerts.rejected")
        assert decode(Rejected, draft.value).reason in said["detail"]
