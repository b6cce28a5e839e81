"""The watchdog: when something has lasted too long, and that it pages once, also after a restart."""

import asyncio
import time
from collections.abc import Sequence

from pipeline.codec import decode
from pipeline.errors import Retryable
from pipeline.log.extent import Extent, Pulse
from pipeline.watchdog import DEDUP_KEY, Limits, Watchdog, run_watchdog
from schemas import Page
from schemas.topics import ALERTS, PAGES, RAW
from tests.memory_log import MemoryLog

LIMITS = Limits(lag_ms=60_000)
EVERY_S = LIMITS.wait_ms // 1000


def pulse(sent: int, done: int, members: int = 1) -> Pulse:
    return Pulse({RAW.name: {0: Extent(0, sent, done)}, ALERTS.name: {0: Extent(0, 0, None)}}, members)


def troubles(watchdog: Watchdog, pulses: Sequence[Pulse], start_s: int = 1000) -> list[str | None]:
    """What it says at each look, one every EVERY_S."""
    return [watchdog.see((start_s + number * EVERY_S) * 1000, one) for number, one in enumerate(pulses)]


def test_all_is_well_while_everything_is_finished_in_time() -> None:
    assert set(troubles(Watchdog(LIMITS), [pulse(9, 9)] * 20)) == {None}
    # Always three looks behind, half of the limit.
    behind = [pulse(number, max(0, number - 3)) for number in range(40)]
    assert set(troubles(Watchdog(LIMITS), behind)) == {None}


def test_what_waits_for_longer_than_the_limit_is_trouble_until_it_is_finished() -> None:
    said = troubles(Watchdog(LIMITS), [pulse(5, 5), *[pulse(9, 5)] * 8, pulse(9, 9)])
    assert said[:7] == [None] * 7
    assert said[7] == "alerts have been waiting for 70 s: 4 records are not finished"
    assert said[-1] is None


def test_a_lag_is_trouble_although_something_is_finished_all_the_time() -> None:
    said = troubles(Watchdog(LIMITS), [pulse(100 * number, 10 * number) for number in range(1, 40)])
    assert said[-1] is not None


def test_nobody_at_work_is_trouble_although_nothing_waits() -> None:
    said = troubles(Watchdog(LIMITS), [pulse(0, 0), *[pulse(0, 0, members=0)] * 8, pulse(0, 0)])
    assert said[6] is None
    assert said[7] == "no worker has been at work for 70 s: alerts wait, and so do resolves"
    assert said[-1] is None


def test_silence_is_trouble_only_where_it_is_asked_for() -> None:
    asked = Watchdog(Limits(lag_ms=60_000, silence_ms=120_000))
    said = troubles(asked, [*[pulse(7, 7)] * 14, pulse(8, 8)])
    assert [one is not None for one in said] == [False] * 13 + [True, False]
    assert set(troubles(Watchdog(LIMITS), [pulse(7, 7)] * 100)) == {None}


def test_whoever_did_not_look_for_a_while_accuses_nobody() -> None:
    watchdog = Watchdog(LIMITS)
    troubles(watchdog, [pulse(9, 5)] * 3)
    assert watchdog.see(99_999_000, pulse(9, 5)) is None  # the machine slept
    assert watchdog.see(1_000, pulse(9, 5)) is None  # the clock was set back


class Looking:
    """Sees what the scene says, one look after the other, and stops the watchdog after the last."""

    def __init__(self, log: MemoryLog, pulses: Sequence[Pulse | None], stop: asyncio.Event) -> None:
        self._log, self._pulses, self._stop = log, list(pulses), stop
        self._loop = asyncio.get_running_loop()

    def look(self) -> Pulse:
        time.sleep(0.005)  # the limits of this scene are of milliseconds
        found = self._pulses.pop(0)
        if not self._pulses:
            self._loop.call_soon_threadsafe(self._stop.set)
        if found is None:
            raise Retryable("away")
        return found

    def last_page(self, dedup_key: str) -> Page | None:
        pages = [decode(Page, draft.value) for draft in self._log.on(PAGES.name) if draft.key == dedup_key]
        return pages[-1] if pages else None


class Saying(Watchdog):
    """Says there is trouble whenever nobody is at work, so that a scene needs no time to pass."""

    def see(self, now_ms: int, pulse: Pulse) -> str | None:
        return None if pulse.members else "nobody is at work"


def watch(log: MemoryLog, *pulses: Pulse | None, by: type[Watchdog] = Saying) -> list[str]:
    """Run until all was seen; the actions of all pages so far."""

    async def scene() -> None:
        stop = asyncio.Event()
        await asyncio.wait_for(run_watchdog(Looking(log, pulses, stop), log, by(Limits(lag_ms=60)), stop), 60)

    asyncio.run(scene())
    found = [decode(Page, draft.value) for draft in log.on(PAGES.name)]
    assert {page.dedup_key for page in found} <= {DEDUP_KEY}
    revisions = [page.payload.custom_details.revision for page in found]
    assert revisions == sorted(set(revisions))
    return [page.event_action for page in found]


WELL, TROUBLE = pulse(0, 0), pulse(0, 0, members=0)


def test_one_page_for_one_trouble_and_one_resolve() -> None:
    assert watch(MemoryLog(), WELL, TROUBLE, TROUBLE, None, TROUBLE, WELL, WELL) == ["trigger", "resolve"]


def test_a_restarted_watchdog_neither_pages_again_nor_forgets_to_resolve() -> None:
    log = MemoryLog()
    assert watch(log, TROUBLE) == ["trigger"]
    assert watch(log, TROUBLE, TROUBLE) == ["trigger"]
    assert watch(log, WELL) == ["trigger", "resolve"]
    assert watch(log, WELL, WELL) == ["trigger", "resolve"]


def test_a_restarted_watchdog_does_not_say_that_it_is_over_before_it_knows() -> None:
    log = MemoryLog()
    assert watch(log, TROUBLE) == ["trigger"]
    assert watch(log, *[TROUBLE] * 4, by=Watchdog) == ["trigger"]


def test_a_page_that_the_log_did_not_take_is_written_when_it_does() -> None:
    log = MemoryLog()
    log.is_away = True
    assert watch(log, TROUBLE, TROUBLE) == []
    log.is_away = False
    assert watch(log, TROUBLE) == ["trigger"]
