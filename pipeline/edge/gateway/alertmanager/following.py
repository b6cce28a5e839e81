"""The board follows the log for as long as the gateway serves; whatever fails here, alerts are still taken."""

import asyncio
import time

import structlog

from pipeline import metrics
from pipeline.edge.gateway.alertmanager.board import Board
from pipeline.errors import Rejected, Retryable
from pipeline.log.entry import Entry, Follower

POLL_S, RETRY_S, SAY_EVERY_S = 0.5, 1.0, 10.0
FIRST_POLL_S = 0.05  # until the board is current: nothing may come any more

logger = structlog.get_logger("pagesieve.gateway")


async def follow(board: Board, follower: Follower, stop: asyncio.Event) -> None:
    """Keep `board` as the log has it until `stop`, then close `follower`."""
    said_s = -SAY_EVERY_S
    try:
        while not stop.is_set():
            if follower.has_caught_up and not board.is_current:
                board.is_current = True
                logger.info("silences and incidents are known")
            try:
                entries = await follower.poll(POLL_S if board.is_current else FIRST_POLL_S)
            except Retryable as exc:
                if time.monotonic() - said_s >= SAY_EVERY_S:
                    said_s = time.monotonic()
                    logger.warning("silences and incidents cannot be read; alerts are taken", why=str(exc))
                await asyncio.sleep(RETRY_S)
                continue
            for entry in entries:
                _take(board, entry)
                await asyncio.sleep(0)  # the gateway serves in the same loop
    finally:
        await follower.close()


def _take(board: Board, entry: Entry) -> None:
    where = {"topic": entry.topic, "partition": entry.partition, "offset": entry.offset}
    try:
        board.take(entry)
    except Rejected as exc:
        logger.warning("not shown: it cannot be read", **where, why=str(exc))
    except Exception:
        logger.exception("fault: not shown", **where)
        metrics.FAULTS.labels("board").inc()
