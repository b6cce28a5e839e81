"""Real parts as fixtures; every one ends what it started, also when a test fails."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration import monitors
from tests.integration.broker import Broker
from tests.integration.monitors import Monitor
from tests.integration.pagerduty import pagerduty  # noqa: F401  # a fixture: a loopback Events API v2

StartMonitor = Callable[[str], Monitor]


@pytest.fixture(scope="session")
def session_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker for the whole run: a start costs 3 s. Tests take `broker`, which empties it first."""
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    try:
        broker.start()
        yield broker
    finally:
        broker.close()


@pytest.fixture
def broker(session_broker: Broker) -> Broker:
    """A running broker with every topic of the product, all empty; a test may stop, kill and start it."""
    session_broker.fresh_topics()
    return session_broker


@pytest.fixture
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartMonitor]:
    """Call it with a configuration: a real Alertmanager is started; call it again for its twin."""
    yield from _starter(monitors.alertmanager, tmp_path_factory)


@pytest.fixture
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartMonitor]:
    """Call it with a configuration (rule files by absolute path): a real Prometheus is started."""
    yield from _starter(monitors.prometheus, tmp_path_factory)


def _starter(make: Callable[[Path, str], Monitor], folders: pytest.TempPathFactory) -> Iterator[StartMonitor]:
    with ExitStack() as ended:

        def start(config: str) -> Monitor:
            monitor = make(folders.mktemp("monitor"), config)
            ended.callback(monitor.kill)
            monitor.start()
            return monitor

        yield start
