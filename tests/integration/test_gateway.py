"""A real Alertmanager and a real Prometheus send to the gateway, and what they sent stands in the log."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.log.entry import Broadcaster, Entry
from pipeline.settings import Settings
from pipeline.sources import Parsed, parse
from schemas import Status
from tests.integration.conftest import StartMonitor
from tests.integration.served import Refusing, Served, served

pytestmark = pytest.mark.integration
OPEN = Settings()
CLOSED = Settings(tokens="older-token,newer-token")


def alertmanager_config(gateway: Served, http_config: str = "{}") -> str:
    """Everything goes to the gateway, at once."""
    return f"""
route: {{receiver: pagesieve, group_by: [cluster], group_wait: 0s, group_interval: 1s}}
receivers:
- name: pagesieve
  webhook_configs:
  - url: {gateway.url}/v1/alertmanager
    send_resolved: true
    http_config: {http_config}
"""


def prometheus_config(gateway: Served, rules: Path, auth: str = "") -> str:
    """One rule, evaluated each second, and the gateway in the place of an Alertmanager."""
    return f"""
global: {{evaluation_interval: 1s}}
rule_files: [{rules}]
alerting:
  alertmanagers:
  - static_configs: [{{targets: ['{gateway.url.removeprefix("http://")}']}}]
    {auth}
"""


def post(url: str, *names: str, is_over: bool = False) -> None:
    """Post alerts to an Alertmanager as its own API takes them."""
    ends = {"endsAt": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()} if is_over else {}
    started = {"startsAt": (datetime.now(UTC) - timedelta(minutes=1)).isoformat()}
    alerts = [{"labels": {"alertname": name, "cluster": "c1"}, **started, **ends} for name in names]
    httpx.post(f"{url}/api/v2/alerts", json=alerts).raise_for_status()


def read(entry: Entry) -> Parsed:
    received_at = datetime.fromisoformat(entry.headers["received_at"])
    return parse(entry.headers["source"], entry.value, int(received_at.timestamp() * 1000))


def statuses(entries: list[Entry]) -> dict[str, Status]:
    """The last word on each alert."""
    return {claim.name: claim.status for entry in entries for claim in read(entry).claims}


def test_alertmanager_delivers_firing_and_resolved(tmp_path: Path, alertmanager: StartMonitor) -> None:
    with served(tmp_path, OPEN) as gateway:
        monitor = alertmanager(alertmanager_config(gateway))
        post(monitor.url, "NodeDown", "DiskFull")
        both = {"NodeDown": Status.FIRING, "DiskFull": Status.FIRING}
        gateway.wait_for(lambda entries: statuses(entries) == both)
        post(monitor.url, "NodeDown", is_over=True)
        entries = gateway.wait_for(lambda entries: statuses(entries) == {**both, "NodeDown": Status.RESOLVED})
    body: dict[str, Any] = json.loads(entries[0].value)
    assert (body["version"], body["receiver"]) == ("4", "pagesieve")
    assert {entry.key for entry in entries} == {"alertmanager"}
    received_ms = datetime.fromisoformat(entries[0].headers["received_at"]).timestamp() * 1000
    assert abs(time.time() * 1000 - received_ms) < 60_000


def test_alertmanager_comes_back_after_a_503_and_nothing_is_lost(tmp_path: Path, alertmanager: StartMonitor) -> None:
    logs: list[Refusing] = []

    def refuse_thrice(log: Broadcaster) -> Broadcaster:
        logs.append(Refusing(log, refusals=3))
        return logs[0]

    with served(tmp_path, OPEN, refuse_thrice) as gateway:
        monitor = alertmanager(alertmanager_config(gateway))
        post(monitor.url, "NodeDown", "DiskFull")
        entries = gateway.wait_for(lambda entries: len(statuses(entries)) == 2)
    assert logs[0].refused == 3
    assert statuses(entries) == {"NodeDown": Status.FIRING, "DiskFull": Status.FIRING}


@pytest.mark.parametrize(
    "http_config",
    ["{authorization: {credentials: older-token}}", "{basic_auth: {username: any, password: newer-token}}"],
    ids=["bearer", "basic"],
)
def test_alertmanager_shows_its_token(tmp_path: Path, alertmanager: StartMonitor, http_config: str) -> None:
    with served(tmp_path, CLOSED) as gateway:
        monitor = alertmanager(alertmanager_config(gateway, http_config))
        post(monitor.url, "NodeDown")
        gateway.wait_for(lambda entries: statuses(entries) == {"NodeDown": Status.FIRING})


def test_prometheus_sends_leases_in_the_place_of_an_alertmanager(tmp_path: Path, prometheus: StartMonitor) -> None:
    rules = tmp_path / "rules.yml"
    # Prometheus takes 5 s to find its Alertmanagers, drops what fires before, and repeats only after a minute.
    rules.write_text("{groups: [{name: g, rules: [{alert: AlwaysFiring, expr: vector(1), for: 6s}]}]}")
    auth = "basic_auth: {username: prometheus, password: newer-token}"
    with served(tmp_path, CLOSED) as gateway:
        prometheus(prometheus_config(gateway, rules, auth))
        entry = gateway.wait_for(lambda entries: len(entries) > 0)[0]
    (claim,) = read(entry).claims
    assert (entry.key, claim.source, claim.name, claim.status) == (
        "prometheus",
        "prometheus",
        "AlwaysFiring",
        Status.FIRING,
    )
    assert claim.expires_at_ms is not None
    assert claim.expires_at_ms > claim.at_ms
    assert claim.url is not None
