"""The parts of a process live and die together: one that ends unasked ends all, and a signal stops all cleanly."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any

import structlog

from pipeline.errors import Fault

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


async def run_together(parts: Mapping[str, Coroutine[Any, Any, None]], stop: asyncio.Event) -> None:
    """Run the named parts until `stop` is set, then wait for their clean end.

    A part that ends before, with or without an exception, stops the others; then its exception is raised, or Fault
    if it just returned. A half-alive process would look ready and lose alerts.
    """
    tasks = {asyncio.create_task(part, name=name): name for name, part in parts.items()}
    asked = asyncio.create_task(stop.wait())
    await asyncio.wait([*tasks, asked], return_when=asyncio.FIRST_COMPLETED)
    was_asked = stop.is_set()
    dead = [task for task in tasks if task.done()]
    for task in dead:
        if not was_asked or task.exception() is not None:
            logger.error("a part died; stopping the process", part=tasks[task], exc_info=task.exception())
    stop.set()
    asked.cancel()
    _, late = await asyncio.wait(tasks, timeout=STOP_GRACE_S)
    for task in late:
        logger.error("a part does not stop and is cut off; nothing acknowledged is lost", part=tasks[task])
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for name, result in zip(tasks.values(), results, strict=True):
        if isinstance(result, Exception):
            result.add_note(f"in the part {name!r}")
            raise result
    if not was_asked:
        raise Fault(f"the part {tasks[dead[0]]!r} ended, and nobody had asked it to")
