"""A change posted to the gateway stands in every partition of `alerts`, or the sender is told why not."""

import gzip

import pytest

from pipeline.codec import decode, decode_alerts
from schemas import Change, Control, Rejected
from tests.memory_log import MemoryLog
from tests.unit.edge.gateway.scene import gateway, raw

pytestmark = pytest.mark.anyio
PLAIN = {"summary": "Deploy cart 1.2.3", "service": "cart"}
EVENT = {
    "routing_key": "k" * 32,
    "payload": {"summary": "Deploy", "source": "ci", "custom_details": {"service": "web"}},
}


def told(log: MemoryLog) -> list[tuple[int | None, Change | None]]:
    records = [(draft.partition, decode_alerts(draft.value)) for draft in log.on("alerts")]
    return [(partition, record.change) for partition, record in records if isinstance(record, Control)]


@pytest.mark.parametrize("said", [PLAIN, EVENT])
async def test_a_change_stands_in_every_partition(said: dict[str, object]) -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        answer = await client.post("/v1/changes", content=raw(said))
    assert answer.status_code == 202
    assert answer.json() == {"status": "success", "message": "Change event processed", "accepted": 1}
    assert [partition for partition, _ in told(log)] == [0, 1, 2]
    assert len({change.id for _, change in told(log) if change is not None}) == 1
    assert b"kkkk" not in b"".join(draft.value for draft in log.drafts)


async def test_a_compressed_body_and_a_tenant_are_understood() -> None:
    log = MemoryLog()
    headers = {"Content-Encoding": "gzip", "X-Pagesieve-Tenant": "acme"}
    async with gateway(log) as client:
        answer = await client.post("/v1/changes", content=gzip.compress(raw([PLAIN, EVENT])), headers=headers)
    assert answer.json()["accepted"] == 2
    assert {change.tenant for _, change in told(log) if change is not None} == {"acme"}


async def test_the_good_ones_are_kept_and_the_body_is_kept_aside() -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        answer = await client.post("/v1/changes", content=raw([PLAIN, {"service": "cart"}]))
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["field"], answer.json()["kept"], answer.json()["rejected"]) == ("[1].summary", 1, 1)
    assert len(told(log)) == 3
    [aside] = log.on("alerts.rejected")
    assert decode(Rejected, aside.value).source == "changes"


async def test_what_is_nothing_is_400_and_kept_aside() -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        answer = await client.post("/v1/changes", content=b"{")
    assert answer.status_code == 400
    assert [draft.topic for draft in log.drafts] == ["alerts.rejected"]


async def test_an_empty_list_is_fine_and_leaves_no_trace() -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        answer = await client.post("/v1/changes", content=b"[]")
    assert (answer.status_code, log.drafts) == (202, [])


async def test_a_log_that_is_away_is_503() -> None:
    log = MemoryLog()
    log.is_away = True
    async with gateway(log) as client:
        answer = await client.post("/v1/changes", content=raw(PLAIN))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_too_large_a_body_is_413_and_without_a_token_it_is_401() -> None:
    async with gateway(MemoryLog()) as client:
        answer = await client.post("/v1/changes", content=raw({**PLAIN, "summary": "x" * 600_000}))
        assert answer.status_code == 413
        answer = await client.post("/v1/changes", content=raw(PLAIN), headers={"Origin": "http://evil.example"})
        assert answer.status_code == 403
    async with gateway(MemoryLog(), requires_token=True, tokens="secret") as client:
        answer = await client.post("/v1/changes", content=raw(PLAIN))
        assert answer.status_code == 401
        good = await client.post("/v1/changes", content=raw(PLAIN), headers={"Authorization": "Bearer secret"})
        assert good.status_code == 202
