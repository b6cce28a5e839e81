"""The pager over real HTTP and a real log: what PagerDuty may do to it, and what must arrive all the same."""

import asyncio
import logging
from pathlib import Path

import httpx
import pytest

from pipeline.edge.pager import GROUP, PagerOptions, run_pager
from pipeline.edge.pagerduty import PagerDuty
from pipeline.edge.routing import RoutingKeys
from pipeline.edge.serving import listen
from pipeline.log import Draft
from pipeline.settings import Settings
from schemas.topics import PAGES
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
from tests.integration.paging import HASTE, WORLD, a_log, deliveries, paging, paging_from, rejected, until, write
from tests.pages import draft, page


def test_a_trigger_its_update_and_its_resolve_arrive_in_order(tmp_path: Path, pagerduty: PagerDutyEndpoint) -> None:
    async def scene() -> None:
        async with a_log(tmp_path) as log, paging_from(log, pagerduty):
            await write(log, page("inc1:a"), page("inc1:a", revision=3), page("inc1:a", "resolve", revision=4))
            await until(pagerduty, lambda: len(pagerduty.requests) == 3)
        assert [request.action for request in pagerduty.accepted()] == ["trigger", "trigger", "resolve"]
        assert pagerduty.opened("inc1:a") == 1
        assert not pagerduty.is_open("inc1:a")

    asyncio.run(scene())


@pytest.mark.parametrize(
    "trouble",
    [Throttle("1"), Throttle(), Status(500), Status(503, "oops"), Status(404), Hang(), Drop(), AcceptThenStall()],
)
def test_trouble_delays_pages_and_neither_loses_nor_doubles_incidents(
    trouble: Misbehaviour, tmp_path: Path, pagerduty: PagerDutyEndpoint
) -> None:
    names = [f"inc1:{number}" for number in range(6)]

    async def scene() -> None:
        pagerduty.misbehave(trouble, times=9)
        async with a_log(tmp_path) as log, paging_from(log, pagerduty):
            await write(log, *(page(name) for name in names))
            await write(log, *(page(name, "resolve", revision=2) for name in names))
            await until(pagerduty, lambda: len({one.dedup_key for one in pagerduty.accepted("resolve")}) == len(names))
        assert [pagerduty.opened(name) for name in names] == [1] * len(names)
        assert not any(pagerduty.is_open(name) for name in names)

    asyncio.run(scene())


def test_one_page_that_fails_holds_up_its_own_incident_only(tmp_path: Path, pagerduty: PagerDutyEndpoint) -> None:
    async def scene() -> None:
        pagerduty.misbehave(Status(500), times=1000, when=lambda event: event["dedup_key"] == "inc1:bad")
        async with a_log(tmp_path) as log, paging_from(log, pagerduty):
            await write(log, page("inc1:bad"), page("inc1:bad", "resolve", revision=2))
            await write(log, *(page(f"inc1:{number}") for number in range(20)))
            await until(pagerduty, lambda: len(pagerduty.incidents()) == 20)
            assert pagerduty.accepted(dedup_key="inc1:bad") == []
            pagerduty.release()
            await until(pagerduty, lambda: len(pagerduty.accepted("resolve")) == 1)
        assert [request.action for request in pagerduty.accepted(dedup_key="inc1:bad")] == ["trigger", "resolve"]

    asyncio.run(scene())


def test_resolves_get_through_while_everything_is_throttled(tmp_path: Path, pagerduty: PagerDutyEndpoint) -> None:
    """A server that takes only every third request: half of what it takes are resolves, though they came last."""

    async def scene() -> None:
        seen = 0

        def is_refused(_: object) -> bool:
            nonlocal seen
            seen += 1
            return seen % 3 != 0

        async with a_log(tmp_path) as log:
            await write(log, *(page(f"inc1:old{number}") for number in range(10)))
            async with paging_from(log, pagerduty):
                await until(pagerduty, lambda: len(pagerduty.incidents()) == 10)
            await write(log, *(page(f"inc1:new{number}") for number in range(60)))
            await write(log, *(page(f"inc1:old{number}", "resolve", revision=2) for number in range(10)))
            pagerduty.misbehave(Throttle(), times=10_000, when=is_refused)
            async with paging_from(log, pagerduty):
                await until(pagerduty, lambda: len(pagerduty.accepted("resolve")) == 10)
                triggers_meanwhile = len(pagerduty.accepted("trigger")) - 10
                pagerduty.release()
                await until(pagerduty, lambda: len(pagerduty.incidents()) == 70)
        assert 5 <= triggers_meanwhile <= 30

    asyncio.run(scene())


def test_what_is_no_page_is_rejected_with_its_reason_and_the_next_is_delivered(
    tmp_path: Path, pagerduty: PagerDutyEndpoint
) -> None:
    async def scene() -> None:
        async with a_log(tmp_path) as log:
            poison = [b"\xff\x00", b"{}", b'{"event_action": "shout"}', b"", b"[" * 100_000]
            await log.append([draft(page("inc1:x"))._replace(value=value) for value in poison])
            await write(log, page("inc1:good"))
            async with paging_from(log, pagerduty):
                await until(pagerduty, lambda: pagerduty.opened("inc1:good") == 1)
            found = await rejected(log)
            assert [(one.topic, one.partition, one.offset) for one in found] == [("pages", 0, at) for at in range(5)]
            assert found[0].body_encoding == "base64"
            assert all(one.reason.startswith("no page: ") for one in found)
            async with paging_from(log, pagerduty):
                await asyncio.sleep(0.5)
            assert len(await rejected(log)) == len(poison), "they were committed"

    asyncio.run(scene())


def test_a_page_that_pagerduty_refuses_is_rejected_with_its_words_and_without_the_key(
    tmp_path: Path, pagerduty: PagerDutyEndpoint
) -> None:
    async def scene() -> None:
        words = '{"status": "invalid event", "errors": ["bad key %s"]}' % ROUTING_KEY  # noqa: UP031  # braces
        pagerduty.misbehave(Status(400, words))
        async with a_log(tmp_path) as log:
            async with paging_from(log, pagerduty):
                await write(log, page("inc1:refused"))
                await until(pagerduty, lambda: len(pagerduty.requests) == 1)
                await write(log, page("inc1:good"))
                await until(pagerduty, lambda: pagerduty.opened("inc1:good") == 1)
                await asyncio.sleep(0.2)
            (refused,) = await rejected(log)
            assert refused.reason == "the pager's sink refused it with 400: bad key (the key)"
            assert await deliveries(log) == [("inc1:good", 1)]

    asyncio.run(scene())


def test_a_restart_sends_nothing_twice(tmp_path: Path, pagerduty: PagerDutyEndpoint) -> None:
    async def scene() -> None:
        for revision in (1, 2, 3):
            async with a_log(tmp_path) as log, paging_from(log, pagerduty):
                await write(log, page("inc1:a", revision=revision))
                await until(pagerduty, lambda: len(pagerduty.requests) == revision)  # noqa: B023  # awaited here
        assert len(pagerduty.requests) == 3

    asyncio.run(scene())


def test_pages_read_again_from_the_start_send_nothing_twice(tmp_path: Path, pagerduty: PagerDutyEndpoint) -> None:
    async def scene() -> None:
        async with a_log(tmp_path) as log:
            await write(log, page("inc1:a"), page("inc1:a", "resolve", revision=2), page("inc1:b"))
            for group in (GROUP, "another", "a third"):
                async with paging(await log.reader(group, [PAGES.name]), log, pagerduty):
                    await until(pagerduty, lambda: len(pagerduty.requests) == 3)
                    await asyncio.sleep(0.3)
        assert len(pagerduty.requests) == 3

    asyncio.run(scene())


def test_records_that_a_worker_repeats_send_nothing_twice_and_one_that_lost_its_state_is_heard(
    tmp_path: Path, pagerduty: PagerDutyEndpoint
) -> None:
    def caused(at: int, action: str, revision: int) -> Draft:
        headers = {"log_partition": "0", "log_offset": str(at)}
        return draft(page("inc1:a", action, revision=revision))._replace(headers=headers)

    story = [caused(5, "trigger", 1), caused(6, "trigger", 2), caused(9, "resolve", 3)]

    async def scene() -> None:
        async with a_log(tmp_path) as log:
            for _ in range(2):
                async with paging_from(log, pagerduty):
                    await log.append([*story, *story[1:]])
                    await write(log, sentinel := page(f"inc1:sentinel-{log.end(PAGES.name)}"))
                    await until(pagerduty, lambda key=sentinel.dedup_key: pagerduty.opened(key) == 1)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            async with paging_from(log, pagerduty):
                await log.append([caused(12, "trigger", 1)])
                await until(pagerduty, lambda: pagerduty.opened("inc1:a") == 2)
        actions = [request.action for request in pagerduty.accepted(dedup_key="inc1:a")]
        assert actions == ["trigger", "trigger", "resolve", "trigger"]

    asyncio.run(scene())


def test_a_team_without_a_key_waits_loudly_until_it_has_one(
    tmp_path: Path, pagerduty: PagerDutyEndpoint, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "blue").write_text(ROUTING_KEY)
    keys = RoutingKeys(Settings(routing_keys_dir=folder), {}, WORLD.monotonic_ms)
    caplog.set_level(logging.DEBUG)

    async def scene() -> None:
        async with a_log(tmp_path / "log") as log:
            await write(log, page("inc1:red", team="red"), page("inc1:blue", team="blue"))
            reader = await log.reader(GROUP, [PAGES.name])
            async with paging(reader, log, pagerduty, keys) as pager:
                await until(pagerduty, lambda: pagerduty.opened("inc1:blue") == 1)
                await until(pagerduty, lambda: pager.health.problems() != [])
                assert pager.health.problems() == ["1 incidents wait for an operator: no_key"]
                (folder / "red").write_text(ROUTING_KEY)
                await until(pagerduty, lambda: pagerduty.opened("inc1:red") == 1)
                await until(pagerduty, lambda: pager.health.problems() == [])

    asyncio.run(scene())
    said = caplog.text + "".join(capsys.readouterr())
    assert "no_key" in said
    assert ROUTING_KEY not in said


def test_a_full_pager_stops_reading_and_goes_on_when_there_is_room(
    tmp_path: Path, pagerduty: PagerDutyEndpoint
) -> None:
    async def scene() -> None:
        pagerduty.misbehave(Status(500), times=10_000)
        options = PagerOptions(pace=HASTE, most_pages=10, grace_s=2)
        async with a_log(tmp_path) as log:
            await write(log, *(page(f"inc1:{number}") for number in range(50)))
            async with paging(await log.reader(GROUP, [PAGES.name]), log, pagerduty, options=options):
                await asyncio.sleep(1)
                assert len({request.dedup_key for request in pagerduty.requests}) == 10
                pagerduty.release()
                await until(pagerduty, lambda: len(pagerduty.incidents()) == 50)

    asyncio.run(scene())


def test_the_pager_answers_for_its_health_and_its_metrics(tmp_path: Path, pagerduty: PagerDutyEndpoint) -> None:
    async def scene() -> None:
        listener = listen("127.0.0.1", 0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        keys = RoutingKeys(Settings(), {}, WORLD.monotonic_ms)
        sink = PagerDuty(pagerduty.url, keys, WORLD.now_ms)
        stop = asyncio.Event()
        async with a_log(tmp_path) as log, httpx.AsyncClient() as client:
            options = PagerOptions(pace=HASTE, listener=listener)
            pager = asyncio.create_task(run_pager(await log.reader(GROUP, [PAGES.name]), log, sink, stop, options))
            await until(pagerduty, lambda: httpx.get(f"{url}/readyz").status_code == 200)
            assert (await client.get(f"{url}/readyz")).json() == {"ready": True, "problems": []}
            await write(log, page("inc1:a"))
            await until(pagerduty, lambda: httpx.get(f"{url}/readyz").status_code == 503)
            problems = (await client.get(f"{url}/readyz")).json()["problems"]
            assert problems == ["1 incidents wait for an operator: no_key"]
            assert (await client.get(f"{url}/healthz")).status_code == 200
            assert 'pagesieve_pager_retries_total{status="no_key"}' in (await client.get(f"{url}/metrics")).text
            stop.set()
            await pager

    asyncio.run(scene())
