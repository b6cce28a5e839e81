"""Real parts as fixtures; every one ends what it started, also when a test fails."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests.integration import monitors
from tests.integration import plant as plants
from tests.integration.broker import Broker
from tests.integration.monitors import Monitor
from tests.integration.pagerduty import pagerduty  # noqa: F401  # a fixture: a loopback Events API v2
from tests.integration.plant import Plant
from tests.integration.worker import Topics, Workers


class StartMonitor(Protocol):
    """Starts a monitor with a configuration and further options."""

    def __call__(self, config: str, *more: str) -> Monitor: ...


@pytest.fixture(scope="session")
def session_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker for the whole run: a start costs 3 s. Tests take `broker`, which empties it first."""
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    if broker.given and int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
        pytest.fail("PAGESIEVE_KAFKA is one broker, and two would empty it: make test JOBS=0", pytrace=False)
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
def topics(broker: Broker) -> Iterator[Topics]:
    """Writes to topics as any producer would, and reads them whole."""
    topics = Topics(broker.bootstrap)
    yield topics
    topics.close()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    """Starts workers."""
    workers = Workers(tmp_path)
    yield workers
    workers.close()


@pytest.fixture
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartMonitor]:
    """Call it with a configuration: a real Alertmanager is started; call it again for its twin."""
    yield from _starter(monitors.alertmanager, tmp_path_factory)


@pytest.fixture
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartMonitor]:
    """Call it with a configuration (rule files by absolute path): a real Prometheus is started."""
    yield from _starter(monitors.prometheus, tmp_path_factory)


@pytest.fixture(scope="module")
def module_kafka_plant(session_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plants.on_kafka(session_broker, tmp_path_factory.mktemp("plant")) as plant:
        yield plant


@pytest.fixture(scope="module")
def module_embedded_plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plants.on_the_embedded_log(tmp_path_factory.mktemp("plant")) as plant:
        yield plant


@pytest.fixture
def kafka_plant(module_kafka_plant: Plant) -> Plant:
    """All parts on a real Kafka, running; shared by the scenes of a module, each of which has clusters of its own."""
    module_kafka_plant.heal()
    return module_kafka_plant


@pytest.fixture(params=["kafka", "embedded"])
def plant(request: pytest.FixtureRequest) -> Plant:
    """The same on a real Kafka and as `pagesieve up`: one suite over both."""
    found: Plant = request.getfixturevalue(f"module_{request.param}_plant")
    found.heal()
    return found


def _starter(make: Callable[..., Monitor], folders: pytest.TempPathFactory) -> Iterator[StartMonitor]:
    with ExitStack() as ended:

        def start(config: str, *more: str) -> Monitor:
            monitor = make(folders.mktemp("monitor"), config, *more)
            ended.callback(monitor.kill)
            monitor.start()
            return monitor

        yield start
