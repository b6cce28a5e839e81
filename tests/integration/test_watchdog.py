"""The pipeline pages about itself: a worker that hangs is one page at PagerDuty, which resolves when it goes on."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.audit import TOPICS_IN_ORDER, audit
from pipeline.log.kafka_pulse import KafkaPulse
from pipeline.log.kafka_recording import KafkaRecording
from pipeline.watchdog import DEDUP_KEY, WORKERS
from schemas.topics import DELIVERIES, PAGES, RAW
from tests.integration.broker import Broker
from tests.integration.pagerduty import ROUTING_KEY, PagerDutyEndpoint
from tests.integration.plant import Part
from tests.integration.worker import Topics, Workers

pytestmark = pytest.mark.integration

LAG_S = 8  # longer than Kafka takes to expel a member that is silent


@pytest.fixture
def pager(broker: Broker, tmp_path: Path) -> Iterator[tuple[Part, PagerDutyEndpoint]]:
    """A pager that watches, and the PagerDuty behind it; no worker yet."""
    with PagerDutyEndpoint() as pagerduty:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PAGESIEVE_")}
        settings = {
            "PAGESIEVE_KAFKA": broker.bootstrap,
            "PAGESIEVE_PAGERDUTY_URL": pagerduty.url,
            "PAGESIEVE_ROUTING_KEY": ROUTING_KEY,
            "PAGESIEVE_WATCHDOG_LAG_S": str(LAG_S),
        }
        part = Part(tmp_path, ["pager", "--sink", "pagerduty"], inherited | settings)
        try:
            yield part, pagerduty
        finally:
            part.close()


def actions(pagerduty: PagerDutyEndpoint) -> list[str]:
    """What PagerDuty has taken about pagesieve itself."""
    return [one.action for one in pagerduty.accepted() if one.dedup_key == DEDUP_KEY]


def test_a_worker_that_hangs_is_one_page_about_ourselves_that_resolves_when_it_goes_on(
    broker: Broker, pager: tuple[Part, PagerDutyEndpoint], tmp_path: Path
) -> None:
    part, pagerduty = pager
    with closing(Workers(tmp_path)) as workers, closing(Topics(broker.bootstrap)) as topics:
        worker = workers.start(broker.bootstrap)
        worker.wait_ready()
        part.start()
        part.wait_ready()
        os.kill(worker.pid, signal.SIGSTOP)
        try:
            topics.send(RAW.name, b'{"name": "DiskFull"}')
            pagerduty.wait_until(lambda: actions(pagerduty) == ["trigger"])
            # Killed before it could note that, it would repeat the trigger, which opens nothing.
            topics.wait_for(DELIVERIES.name, lambda found: DEDUP_KEY.encode() in {one.key for one in found})
            part.kill()  # another pager knows of it, too
            part.start()
            part.wait_ready()
        finally:
            os.kill(worker.pid, signal.SIGCONT)
        pagerduty.wait_until(lambda: actions(pagerduty) == ["trigger", "resolve"])
        assert pagerduty.opened(DEDUP_KEY) == 1
        assert not pagerduty.is_open(DEDUP_KEY)
        ours = [one for one in topics.read(PAGES.name) if one.key == DEDUP_KEY.encode()]
        assert [one.json()["event_action"] for one in ours] == ["trigger", "resolve"]
        pagerduty.wait_until(lambda: len(pagerduty.incidents()) == 2)  # the alert that had to wait
        with closing(KafkaRecording(broker.bootstrap, WORKERS, TOPICS_IN_ORDER)) as recording:
            assert audit(recording).is_even


def test_a_group_that_nobody_is_in_has_no_members(broker: Broker) -> None:
    pulse = KafkaPulse(broker.bootstrap, WORKERS).look()
    assert pulse.members == 0
    assert {one.unfinished for one in pulse.extents[RAW.name].values()} == {0}
