"""Where pages go, made by name: the console, or PagerDuty with the keys that settings and environment hold."""

import os
import time

from pipeline.edge.console import ConsoleSink
from pipeline.edge.pager import Sink
from pipeline.edge.pagerduty import PagerDuty
from pipeline.edge.routing import RoutingKeys
from pipeline.settings import Settings


def make_sink(name: str, settings: Settings) -> Sink:
    """The sink called `name`. Raises Misuse for a PagerDuty address over which no key may go."""
    if name == "console":
        return ConsoleSink()
    keys = RoutingKeys(settings, os.environ, lambda: time.monotonic_ns() // 1_000_000)
    return PagerDuty(settings.pagerduty_url, keys, lambda: time.time_ns() // 1_000_000)
