"""What each answer of PagerDuty becomes, over real HTTP on loopback."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from pydantic import SecretStr

from pipeline.edge.courier import World
from pipeline.edge.delivery import Answer, AnswerKind
from pipeline.edge.pagerduty import PagerDuty, retry_after_ms
from pipeline.edge.routing import RoutingKeys
from pipeline.errors import Misuse
from pipeline.settings import Settings
from tests.integration.pagerduty import (
    ROUTING_KEY,
    AcceptThenStall,
    Drop,
    Hang,
    Misbehaviour,
    PagerDutyEndpoint,
    Status,
    Throttle,
)
from tests.pages import page

WORLD = World()
KINDS = {
    AnswerKind.ACCEPTED: (200, 202),
    AnswerKind.REFUSED: (400, 413, 422),
    AnswerKind.LATER: (301, 401, 403, 404, 408, 500, 502, 503, 504),
    AnswerKind.THROTTLED: (429,),
}


@pytest.fixture
def pagerduty() -> Iterator[PagerDutyEndpoint]:
    with PagerDutyEndpoint() as endpoint:
        yield endpoint


def keys(default: str | None = ROUTING_KEY) -> RoutingKeys:
    return RoutingKeys(Settings(routing_key=SecretStr(default) if default else None), {}, WORLD.monotonic_ms)


def deliver(url: str, found: RoutingKeys | None = None) -> Answer:
    async def scene() -> Answer:
        sink = PagerDuty(url, found or keys(), WORLD.now_ms, timeout_s=0.3)
        try:
            return await sink.deliver(page("inc1:a"))
        finally:
            await sink.close()

    return asyncio.run(scene())


@pytest.mark.parametrize(("kind", "status"), [(kind, status) for kind, all_of in KINDS.items() for status in all_of])
def test_every_status_has_one_meaning(kind: AnswerKind, status: int, pagerduty: PagerDutyEndpoint) -> None:
    pagerduty.misbehave(Status(status))
    answer = deliver(pagerduty.url)
    assert (answer.kind, answer.status) == (kind, str(status))
    assert answer.needs_operator == (status in {301, 401, 403, 404})


@pytest.mark.parametrize(
    ("trouble", "status"), [(Hang(), "timeout"), (AcceptThenStall(), "timeout"), (Drop(), "network")]
)
def test_no_answer_is_later(trouble: Misbehaviour, status: str, pagerduty: PagerDutyEndpoint) -> None:
    pagerduty.misbehave(trouble)
    answer = deliver(pagerduty.url)
    assert (answer.kind, answer.status, answer.needs_operator) == (AnswerKind.LATER, status, False)


def test_nobody_listening_is_later() -> None:
    assert deliver("http://127.0.0.1:1/v2/enqueue").status == "network"


def test_no_routing_key_is_later_and_asks_for_an_operator(pagerduty: PagerDutyEndpoint) -> None:
    answer = deliver(pagerduty.url, keys(None))
    assert (answer.kind, answer.status, answer.needs_operator) == (AnswerKind.LATER, "no_key", True)
    assert pagerduty.requests == []


def test_a_key_that_pagerduty_does_not_know_loses_no_page_and_asks_for_an_operator(
    pagerduty: PagerDutyEndpoint,
) -> None:
    pagerduty.routing_keys = {"x" * 32}
    answer = deliver(pagerduty.url)
    assert (answer.kind, answer.note) == (AnswerKind.LATER, "Invalid routing key")
    assert answer.needs_operator


def test_retry_after_is_read_from_the_answer(pagerduty: PagerDutyEndpoint) -> None:
    pagerduty.misbehave(Throttle("17"))
    assert deliver(pagerduty.url).retry_after_ms == 17_000


def test_retry_after_is_seconds_or_a_date() -> None:
    at = format_datetime(datetime.fromtimestamp(1000, UTC), usegmt=True)
    assert [retry_after_ms(value, 990_000) for value in ("5", at, None, "soon", "-1", "9" * 50, "", "²")] == [
        *(5000, 10_000),
        *(0,) * 6,
    ]
    assert retry_after_ms(at, 2_000_000) == 0


def test_a_very_long_answer_is_not_read_to_its_end(pagerduty: PagerDutyEndpoint) -> None:
    pagerduty.misbehave(Status(400, "x" * 10_000_000))
    answer = deliver(pagerduty.url)
    assert (answer.kind, len(answer.note)) == (AnswerKind.REFUSED, 500)


@pytest.mark.parametrize("url", ["http://events.pagerduty.com/v2/enqueue", "http://127.0.0.1.evil.com/", "ftp://x/"])
def test_a_key_never_goes_over_a_plain_connection_to_another_machine(url: str) -> None:
    with pytest.raises(Misuse, match="https"):
        PagerDuty(url, keys(), WORLD.now_ms)
