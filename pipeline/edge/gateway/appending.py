"""An append that did not become durable in time is a 503, and says so in metrics and the log."""

import asyncio
from collections.abc import Sequence

import structlog

from pipeline import metrics
from pipeline.codec import encode
from pipeline.edge.gateway.problem import Kind, Refusal
from pipeline.errors import Retryable
from pipeline.log.entry import Broadcaster, Draft, Writer
from schemas import Control
from schemas.topics import ALERTS

logger = structlog.get_logger("pagesieve.gateway")


async def append(log: Writer, drafts: Sequence[Draft], timeout_s: float) -> None:
    """Return once `drafts` are durable. Raises Refusal if any may not be."""
    limit_s = timeout_s + 1  # the log keeps this time itself and then knows more to say; this is for one that hangs
    try:
        with metrics.GATEWAY_APPEND_SECONDS.time():
            async with asyncio.timeout(limit_s):
                await log.append(drafts)
    except (Retryable, TimeoutError) as exc:
        raise log_away(drafts[0].topic, str(exc) or f"no answer within {limit_s:g} s") from exc


async def broadcast(log: Broadcaster, control: Control, timeout_s: float) -> None:
    """Return once `control` is durable in every partition of `alerts`. Raises Refusal if it may not be in one."""
    await broadcast_all(log, [control], timeout_s)


async def broadcast_all(log: Broadcaster, controls: Sequence[Control], timeout_s: float) -> None:
    """As `broadcast`, of several at once; each partition has them in their order."""
    try:
        async with asyncio.timeout(timeout_s):
            count = await log.partitions(ALERTS.name)
    except (Retryable, TimeoutError) as exc:
        raise log_away(ALERTS.name, str(exc) or "no answer") from exc
    values = [encode(control) for control in controls]
    drafts = [Draft(ALERTS.name, "", value, partition=number) for number in range(count) for value in values]
    await append(log, drafts, timeout_s)


def log_away(topic: str, why: str) -> Refusal:
    """The refusal for a log that does not answer; `why` may name brokers, and stays in our own log."""
    metrics.GATEWAY_UNAVAILABLE.labels("log").inc()
    logger.warning("log_unavailable", topic=topic, error=why)
    return Refusal(Kind.LOG_AWAY, "it may not be durable yet; send it again")
