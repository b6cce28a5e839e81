"""A pager says whether it can deliver, and why not."""

import asyncio
from typing import Any

import httpx

from pipeline.edge.pager_health import PagerHealth, health_app
from tests.memory_log import MemoryLog


def asked(health: PagerHealth, log: MemoryLog) -> tuple[int, Any]:
    async def scene() -> tuple[int, Any]:
        transport = httpx.ASGITransport(health_app(health, log))
        async with httpx.AsyncClient(transport=transport, base_url="http://pager") as client:
            answer = await client.get("/readyz")
            return answer.status_code, answer.json()["problems"]

    return asyncio.run(scene())


def test_a_pager_whose_log_answers_is_ready() -> None:
    assert asked(PagerHealth(is_loaded=True), MemoryLog()) == (200, [])


def test_a_pager_whose_log_is_away_is_not_ready_even_if_its_reader_has_not_noticed() -> None:
    log = MemoryLog()
    log.is_away = True
    silent = "the log does not answer: broker.internal:9092 is away"
    assert asked(PagerHealth(is_loaded=True), log) == (503, [silent])


def test_trouble_is_told_once() -> None:
    log = MemoryLog()
    log.is_away = True
    health = PagerHealth(is_loaded=True, log_trouble="it is away", stuck={"inc1:a": "no_key"})
    assert asked(health, log) == (
        503,
        ["the log does not answer: it is away", "1 incidents wait for an operator: no_key"],
    )
    assert log.checks == 0
