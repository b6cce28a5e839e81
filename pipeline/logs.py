"""Every log line goes to stderr, one JSON object a line; on a terminal it is written for a person instead."""

import logging
import sys
import time
from typing import TextIO

import structlog

# Libraries whose chatter below a warning is of no use to an operator.
QUIET = ("kafka", "aiokafka", "faust", "mode", "httpx", "httpcore", "uvicorn", "asyncio")
# Those that repeat themselves while a broker is away: without this the gateway and the pager write 17 lines a second
# each, and aiokafka thousands.
REPETITIVE = ("kafka", "aiokafka")
SAY_EVERY_S = 10.0


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
    handler.addFilter(_OncePerWhile())
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


class _OncePerWhile(logging.Filter):
    """Lets what a repetitive library says through once per SAY_EVERY_S, whatever its arguments are."""

    def __init__(self) -> None:
        super().__init__()
        self._said_s: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in REPETITIVE:
            return True
        # The line that says it, because some put their arguments into the message themselves.
        place = (record.pathname, record.lineno)
        now_s = time.monotonic()
        if now_s - self._said_s.get(place, -SAY_EVERY_S) < SAY_EVERY_S:
            return False
        self._said_s[place] = now_s
        return True
