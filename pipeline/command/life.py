"""The parts of a process live and die together: one that ends unasked ends all, and a signal stops all cleanly."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any, NoReturn

import structlog

from pipeline.errors import Fault, Missing, Misuse, Retryable

STOP_GRACE_S = 25  # longer than the gateway takes to finish its requests, shorter than supervisors wait before SIGKILL

logger = structlog.get_logger("pagesieve")


@contextlib.asynccontextmanager
async def stop_on_signals() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM or SIGINT sets; a second signal does what it does without us, and kills."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    numbers = (signal.SIGTERM, signal.SIGINT)

    def stopping() -> None:
        stop.set()
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, stopping)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def run_together(
    parts: Mapping[str, Coroutine[Any, Any, None]], stop: asyncio.Event, grace_s: float = STOP_GRACE_S
) -> None:
    """Run the named parts until `stop` is set, then wait `grace_s` for their clean end, and cut off what still runs.

    A part that ends before, with or without an exception, stops the others: a half-alive process would look ready and
    lose alerts. Raises what the part raised if it says whose fault it is (pipeline.errors), else Fault.
    """
    tasks = {asyncio.create_task(part, name=name): name for name, part in parts.items()}
    asked = asyncio.create_task(stop.wait())
    await asyncio.wait([*tasks, asked], return_when=asyncio.FIRST_COMPLETED)
    unasked = [] if stop.is_set() else [name for task, name in tasks.items() if task.done()]
    stop.set()
    asked.cancel()
    _, late = await asyncio.wait(tasks, timeout=grace_s)
    for task in late:
        logger.error("a part does not stop and is cut off; nothing acknowledged is lost", part=tasks[task])
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task, name in tasks.items():
        if not task.cancelled() and (error := task.exception()) is not None:
            _raise(name, error)
    if unasked:
        raise Fault(f"the part {unasked[0]!r} ended, and nobody had asked it to")


def _raise(part: str, error: BaseException) -> NoReturn:
    logger.error("a part died, and the process with it", part=part, exc_info=error)
    if isinstance(error, (Misuse, Missing, Retryable, Fault)):
        raise error
    raise Fault(f"the part {part!r} died of {type(error).__name__}: {error}") from error
