"""The machine's clock jumps an hour ahead and back: whoever fires is paged at once, and the books balance."""

import glob
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from schemas.topics import RAW
from tests.integration import plant as plants
from tests.integration.books import assert_balanced
from tests.integration.broker import Broker
from tests.integration.plant import Plant
from tests.integration.real import missing

pytestmark = pytest.mark.integration

LIBRARY = "/usr/lib/*/faketime/libfaketimeMT.so.1"
HOUR = timedelta(hours=1)


class Clock:
    """The clock of all parts, as they read it. What a monotonic clock says does not jump, as on a real machine."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        found = glob.glob(LIBRARY)
        if not found:
            missing("libfaketime is not here: apt install libfaketime")
        self.environment = {
            "LD_PRELOAD": found[0],
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.jump_to(timedelta(0))

    def jump_to(self, ahead: timedelta) -> None:
        """Be so far ahead of the true time within a second."""
        self._file.write_text(f"+{ahead.total_seconds():.0f}\n")


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.fixture(params=["kafka", "embedded"])
def jumping(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> Iterator[Plant]:
    if request.param == "kafka":
        broker: Broker = request.getfixturevalue("session_broker")
        with plants.on_kafka(broker, tmp_path, clock.environment) as plant:
            yield plant
    else:
        with plants.on_the_embedded_log(tmp_path, clock.environment) as plant:
            yield plant


def post(plant: Plant, cluster: str, status: str) -> None:
    event = {"name": "DiskFull", "labels": {"cluster": cluster}, "severity": "critical", "status": status}
    httpx.post(f"{plant.gateway.url}/v1/events", json=event, timeout=30).raise_for_status()


def test_a_clock_that_jumps_an_hour_delays_no_page_and_no_resolve(jumping: Plant, clock: Clock) -> None:
    plant = jumping
    for cluster in ("before", "throughout"):
        post(plant, cluster, "firing")
        plant.wait_for_calls(cluster, "trigger")
    clock.jump_to(HOUR)
    plant.wait_until(lambda: is_ahead(plant), lambda: "the clock has not jumped")
    post(plant, "ahead", "firing")
    plant.wait_for_calls("ahead", "trigger")
    for cluster in ("ahead", "before"):
        post(plant, cluster, "resolved")
    for cluster in ("ahead", "before"):
        plant.wait_for_calls(cluster, "trigger", "resolve")
    clock.jump_to(timedelta(0))
    plant.wait_until(lambda: not is_ahead(plant), lambda: "the clock has not jumped back")
    post(plant, "back", "firing")
    plant.wait_for_calls("back", "trigger")
    for cluster in ("back", "throughout"):
        post(plant, cluster, "resolved")
    for cluster in ("back", "throughout"):
        plant.wait_for_calls(cluster, "trigger", "resolve")
    assert_balanced(plant)  # and a replay, whose clock never jumped, says the same


def is_ahead(plant: Plant) -> bool:
    """Whether the gateway's clock is ahead now; it is asked with an event that changes nothing."""
    post(plant, "probe", "resolved")
    received = [record.headers["received_at"] for record in plant.read(RAW.name) if b"probe" in record.value]
    return datetime.fromisoformat(received[-1]) > datetime.now(UTC) + HOUR / 2
