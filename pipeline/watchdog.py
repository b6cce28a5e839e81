"""The pipeline watches itself from the pager, which outlives a dead or hung worker: it pages once, and resolves.

`pagesieve up` watches itself too: that it is behind, or hears nothing. Of its own end somebody outside must tell.

Three things are trouble. What stands on the topics is not finished in time: a lag. Nobody is in the workers' group:
dead or hung, as Kafka expels who is silent; then no tick gets through, and holds and resolves wait too. And, where it
is asked for, nothing is sent at all: the gateway or the monitors are gone.

The page stands on `pages` as any other, so it is delivered as surely, and its state outlives the pager. A broker that
is away is not its business: then no page could be written, and Alertmanager's own route must tell (README).
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import structlog

from pipeline.codec import encode
from pipeline.errors import Missing, Retryable
from pipeline.log import Draft, Writer
from pipeline.log.extent import Extents, Pulse
from pipeline.settings import Settings
from pipeline.stream.tick_law import TickLaw
from schemas import Page, PageDetails, PageKind, PagePayload, Reason
from schemas.topics import PAGES, RAW

WORKERS = "pagesieve"  # the workers' group, as in pipeline.stream.worker
DEDUP_KEY = "pagesieve-watchdog"
LOOKS = 6  # within the shortest limit, so that a page comes at most a sixth late
LONGEST_WAIT_S = 10.0
# Whoever has not looked for so many turns knows nothing of the time between: the machine slept, or Kafka was away.
MISSED_LOOKS = 4

logger = structlog.get_logger("pagesieve.watchdog")


class Looker(Protocol):
    """Sees how the workers get on."""

    def look(self) -> Pulse:
        """Look. Raises Retryable and Missing. Blocks."""
        ...

    def last_page(self, dedup_key: str) -> Page | None:
        """The newest page with this key. Raises likewise. Blocks."""
        ...


@dataclass(frozen=True)
class Limits:
    """How much is too much. No `silence_ms`: any silence is fine."""

    lag_ms: int
    silence_ms: int | None = None

    @property
    def wait_ms(self) -> int:
        """Between two looks."""
        return min(self.lag_ms // LOOKS, (self.silence_ms or self.lag_ms) // LOOKS, int(LONGEST_WAIT_S * 1000))


class Watchdog:
    """Says after each look what is wrong. Time is handed in."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._looked_ms: int | None = None
        self._began_ms = 0
        self._law = TickLaw()
        self._done_ms = self._worked_ms = self._sent_ms = 0
        self._sent = -1

    def see(self, now_ms: int, pulse: Pulse) -> str | None:
        """What is wrong, as a sentence. `now_ms` must be read before the look."""
        if self._looked_ms is None or not 0 <= now_ms - self._looked_ms <= MISSED_LOOKS * self.limits.wait_ms:
            self._begin(now_ms)
        self._looked_ms = now_ms
        done, ends = _offsets(pulse.extents)
        self._law.sample(now_ms, ends)
        self._done_ms = max(self._done_ms, self._law.tellable_ms(done) or 0)
        if pulse.members:
            self._worked_ms = now_ms
        sent = sum(extent.end for extent in pulse.extents[RAW.name].values())
        if sent != self._sent:
            self._sent, self._sent_ms = sent, now_ms
        return self._trouble(now_ms, pulse)

    def knows(self, now_ms: int) -> bool:
        """Whether it has watched for long enough that no trouble means that there is none."""
        return now_ms - self._began_ms > max(self.limits.lag_ms, self.limits.silence_ms or 0)

    def _trouble(self, now_ms: int, pulse: Pulse) -> str | None:
        idle_ms, lag_ms, silent_ms = now_ms - self._worked_ms, now_ms - self._done_ms, now_ms - self._sent_ms
        if idle_ms > self.limits.lag_ms:
            return f"no worker has been at work for {idle_ms // 1000} s: alerts wait, and so do resolves"
        if lag_ms > self.limits.lag_ms:
            records = sum(one.unfinished for extents in pulse.extents.values() for one in extents.values())
            return f"alerts have been waiting for {lag_ms // 1000} s: {records} records are not finished"
        if self.limits.silence_ms is not None and silent_ms > self.limits.silence_ms:
            return f"no alert has been sent for {silent_ms // 1000} s: is the gateway reached, and do monitors send?"
        return None

    def _begin(self, now_ms: int) -> None:
        """Give everybody the benefit of the doubt."""
        self._law = TickLaw()
        self._began_ms = self._done_ms = self._worked_ms = self._sent_ms = now_ms
        self._sent = -1


async def run_watchdog(looker: Looker, writer: Writer, watchdog: Watchdog, stop: asyncio.Event) -> None:
    """Look again and again until `stop`, and page when trouble begins and when it is over."""
    is_open: bool | None = None  # not known: a pager before this one may have paged
    while not stop.is_set():
        try:
            now_ms = time.time_ns() // 1_000_000
            trouble = watchdog.see(now_ms, await asyncio.to_thread(looker.look))
            # Who has just begun to watch does not say that it is over: it would page again for the same trouble.
            is_known = trouble is not None or watchdog.knows(now_ms)
            if is_known and is_open is not (trouble is not None):
                last = await asyncio.to_thread(looker.last_page, DEDUP_KEY)
                is_open = last is not None and last.event_action == "trigger"
                if is_open is not (trouble is not None):
                    await writer.append([page_draft(trouble, now_ms)])
                    is_open = trouble is not None
                    logger.warning("paged about ourselves", trouble=trouble or "it is over")
        except (Retryable, Missing) as exc:
            logger.warning("the watchdog cannot look", why=str(exc))
        try:
            async with asyncio.timeout(watchdog.limits.wait_ms / 1000):
                await stop.wait()
        except TimeoutError:
            continue


def watchdog_of(settings: Settings) -> Watchdog:
    """The watchdog that the settings ask for."""
    silence_s = settings.watchdog_silence_s
    return Watchdog(Limits(int(settings.watchdog_lag_s * 1000), None if silence_s is None else int(silence_s * 1000)))


def page_draft(trouble: str | None, at_ms: int) -> Draft:
    """The page about ourselves; without trouble, its resolve. Its revision is its time, so that it only rises."""
    is_over = trouble is None
    timestamp = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    details = PageDetails(
        incident_id=DEDUP_KEY,
        revision=at_ms,
        kind=PageKind.RESOLVE if is_over else PageKind.TRIGGER,
        reason=Reason.RESOLVED if is_over else Reason.FAULT,
        why=trouble or "Pagesieve works again.",
        scope="pagesieve",
        alert_count=1,
        firing=0 if is_over else 1,
        alerts=(),
        policy_version="watchdog",
    )
    payload = PagePayload(
        summary=f"Pagesieve itself: {trouble or 'it works again'}",
        source="pagesieve",
        severity="critical",
        timestamp=timestamp,
        custom_details=details,
    )
    page = Page(event_action="resolve" if is_over else "trigger", dedup_key=DEDUP_KEY, payload=payload)
    # No record of `alerts` led to it.
    return Draft(PAGES.name, DEDUP_KEY, encode(page), {"log_partition": "-1", "log_offset": "-1"})


def _offsets(extents: Extents) -> tuple[dict[int, int], dict[int, int]]:
    """What is finished, and the ends, of all partitions of all topics, numbered in one row."""
    flat = [extents[topic][partition] for topic in sorted(extents) for partition in sorted(extents[topic])]
    done = {number: max(one.first, one.committed or 0) for number, one in enumerate(flat)}
    return done, {number: one.end for number, one in enumerate(flat)}
