"""Where pages go, made by name: the console, or PagerDuty with the keys that settings and environment hold."""

import os
import time

import structlog

from pipeline.edge.console import ConsoleSink
from pipeline.edge.pager import Sink
from pipeline.edge.pagerduty import PagerDuty
from pipeline.edge.routing import RoutingKeys
from pipeline.errors import Misuse
from pipeline.settings import Settings

logger = structlog.get_logger("pagesieve")


def make_sink(name: str, settings: Settings) -> Sink:
    """The sink called `name`. Raises Misuse for PagerDuty without any key, or an address over which none may go."""
    if name == "console":
        return ConsoleSink()
    keys = RoutingKeys(settings, os.environ, lambda: time.monotonic_ns() // 1_000_000)
    if keys.is_empty:
        raise Misuse("no routing key: set PAGESIEVE_ROUTING_KEY, PAGESIEVE_ROUTING_KEY_<TEAM> or …_ROUTING_KEYS_DIR")
    if not keys.has_any:
        logger.warning("no routing key is there yet: pages wait for one", folder=str(settings.routing_keys_dir))
    return PagerDuty(settings.pagerduty_url, keys, lambda: time.time_ns() // 1_000_000)
