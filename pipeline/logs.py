"""Every log line goes to stderr, one JSON object a line; on a terminal it is written for a person instead."""

import logging
import sys
from typing import TextIO

import structlog

# Libraries whose chatter below a warning is of no use to an operator.
QUIET = ("kafka", "aiokafka", "faust", "mode", "httpx", "httpcore", "uvicorn", "asyncio")


def configure(level: str, stream: TextIO = sys.stderr) -> None:
    """Send structlog's and the standard library's records to `stream`, from `level` (debug, info, …) on."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendering(stream.isatty()))
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _rendering(is_terminal: bool) -> list[structlog.types.Processor]:
    # structlog shows local variables by default, and one of them may be a routing key or a token.
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    drop_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if is_terminal:
        return [drop_meta, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [drop_meta, structlog.processors.ExceptionRenderer(frames), structlog.processors.JSONRenderer()]
