"""Real parts as fixtures; every one ends what it started, also when a test fails."""

from collections.abc import Iterator

import pytest

from tests.integration.broker import Broker


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
