"""A board follows the log for as long as its part serves; whatever fails here, alerts are still taken."""

import asyncio
import time
from typing import Protocol

import structlog

from pipeline import metrics
from pipeline.errors import Rejected, Retryable
from pipeline.log.entry import Entry, Follower

POLL_S, RETRY_S, SAY_EVERY_S = 0.5, 1.0, 10.0
FIRST_POLL_S = 0.05  # until the board is current: nothing may come any more

logger = structlog.get_logger("pagesieve.gateway")


class Board(Protocol):
    """A copy of some topics. `is_current` says whether all that stood in the log at the start is on it."""

    is_current: bool

    def take(self, entry: Entry) -> None:
        """Put an entry on the board. Raises Rejected if it is none."""
        ...


async def follow(
    board: Board, follower: Follower, stop: asyncio.Event, what: str = "silences and incidents", part: str = "board"
) -> None:
    """Keep `board` as the log has it until `stop`, then close `follower`. `what` is on it, for the log."""
    said_s = -SAY_EVERY_S
    try:
        while not stop.is_set():
            if follower.has_caught_up and not board.is_current:
                board.is_current = True
                logger.info(f"{what} are known")
            try:
                entries = await follower.poll(POLL_S if board.is_current else FIRST_POLL_S)
            except Retryable as exc:
                if time.monotonic() - said_s >= SAY_EVERY_S:
                    said_s = time.monotonic()
                    logger.warning(f"{what} cannot be read; alerts are taken", why=str(exc))
                await asyncio.sleep(RETRY_S)
                continue
            for entry in entries:
                _take(board, entry, part)
                await asyncio.sleep(0)  # the gateway serves in the same loop
    finally:
        await follower.close()


def _take(board: Board, entry: Entry, part: str) -> None:
    where = {"topic": entry.topic, "partition": entry.partition, "offset": entry.offset}
    try:
        board.take(entry)
    except Rejected as exc:
        logger.warning("not shown: it cannot be read", **where, why=str(exc))
    except Exception:
        logger.exception("fault: not shown", **where)
        metrics.FAULTS.labels(part).inc()
