"""What a body may cost: bytes, time, and bytes again once it is inflated."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import pytest

from pipeline.codec import decode
from pipeline.edge.gateway.admission import Admission
from pipeline.edge.gateway.problem import Kind, Refusal
from schemas import Rejected
from tests.memory_log import MemoryLog
from tests.unit.edge.gateway.scene import GOOD, gateway, raw

pytestmark = pytest.mark.anyio
EVENT = raw(GOOD["/v1/events"])
GZIP = {"Content-Encoding": "gzip"}


async def chunked(*chunks: bytes, pause_s: float = 0) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
        await asyncio.sleep(pause_s)


async def test_body_at_the_limit_is_taken_and_one_byte_more_is_too_large() -> None:
    log = MemoryLog()
    async with gateway(log, max_body_bytes=1024) as client:
        fits = await client.post("/v1/events", content=EVENT.ljust(1024))
        too_large = await client.post("/v1/events", content=EVENT.ljust(1025))
    assert (fits.status_code, too_large.status_code) == (200, 413)
    assert too_large.headers["content-type"] == "application/problem+json"
    assert len(log.drafts) == 1


async def test_body_that_does_not_say_its_length_is_cut_off_at_the_limit() -> None:
    log = MemoryLog()
    async with gateway(log, max_body_bytes=1024) as client:
        fits = await client.post("/v1/events", content=chunked(EVENT, b" " * 900))
        too_large = await client.post("/v1/events", content=chunked(EVENT, b" " * 600, b" " * 600))
    assert (fits.status_code, too_large.status_code) == (200, 413)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZip", "gzip, identity"])
async def test_gzip_goes_to_the_log_inflated(encoding: str) -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        answer = await client.post("/v1/events", content=gzip.compress(EVENT), headers={"Content-Encoding": encoding})
    assert (answer.status_code, log.drafts[0].value) == (200, EVENT)


async def test_gzip_bomb_is_too_large() -> None:
    log = MemoryLog()
    bomb = gzip.compress(b" " * (64 * 1024 * 1024))
    assert len(bomb) < 100_000
    async with gateway(log) as client:
        answer = await client.post("/v1/events", content=bomb, headers=GZIP)
    assert (answer.status_code, log.drafts) == (413, [])


@pytest.mark.parametrize(
    # Without a time in it: every process must make the same tests of it.
    "body",
    [EVENT, b"", gzip.compress(EVENT, mtime=0)[:-4], gzip.compress(EVENT, mtime=0) + b"more", zlib.compress(EVENT)],
)
async def test_what_is_not_one_whole_gzip_stream_is_kept_aside(body: bytes) -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        answer = await client.post("/v1/events", content=body, headers=GZIP)
    assert (answer.status_code, answer.json()["field"]) == (400, "Content-Encoding")
    assert decode(Rejected, log.drafts[0].value).where == "Content-Encoding"


async def test_rejected_body_is_kept_as_it_was_before_gzip() -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        await client.post("/v1/events", content=gzip.compress(b"nonsense"), headers=GZIP)
    assert decode(Rejected, log.drafts[0].value).body == "nonsense"


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "deflate"])
async def test_other_encodings_are_refused_naming_the_one_that_works(encoding: str) -> None:
    async with gateway(MemoryLog()) as client:
        answer = await client.post("/v1/events", content=EVENT, headers={"Content-Encoding": encoding})
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip")


async def test_body_that_never_ends_is_a_503_and_not_a_408() -> None:
    log = MemoryLog()
    async with gateway(log, body_timeout_s=0.05) as client:
        answer = await client.post("/v1/events", content=chunked(EVENT, EVENT, pause_s=30))
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:pagesieve:problem:slow-body")
    assert "retry-after" in answer.headers
    assert log.drafts == []


async def test_log_that_hangs_is_a_503() -> None:
    log = MemoryLog()
    log.is_stuck = True
    async with gateway(log, append_timeout_s=0.01) as client:
        answer = await client.post("/v1/events", content=EVENT)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:pagesieve:problem:log-unavailable")


async def test_more_requests_than_may_be_in_flight_are_refused_at_once_and_the_place_is_given_back() -> None:
    log = MemoryLog()
    log.is_stuck = True
    async with gateway(log, append_timeout_s=0.01, max_requests=2) as client:
        answers = await asyncio.gather(*(client.post("/v1/events", content=EVENT) for _ in range(5)))
        log.is_stuck = False
        later = await client.post("/v1/events", content=EVENT)
    kinds = sorted(answer.json()["type"].rpartition(":")[2] for answer in answers)
    assert kinds == ["log-unavailable"] * 2 + ["overloaded"] * 3
    assert {answer.status_code for answer in answers} == {503}
    assert later.status_code == 200


def test_bytes_in_flight_are_bounded_but_a_body_alone_always_fits() -> None:
    admission = Admission(max_requests=10, max_bytes=100)
    with admission.admit() as first:
        first.hold(80)
        first.hold(80)
        with pytest.raises(Refusal) as refusal, admission.admit() as second:
            second.hold(1)
        assert refusal.value.kind is Kind.OVERLOADED
    with admission.admit() as third, admission.admit() as fourth:
        third.hold(60)
        fourth.hold(40)
