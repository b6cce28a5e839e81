"""What a monitored cluster says in the scenes: alerts posted to real Alertmanagers, which notify the gateway."""

from collections.abc import Sequence
from datetime import UTC, datetime

import httpx

from tests.integration.monitors import Monitor
from tests.integration.plant import Plant


def impatient(plant: Plant) -> str:
    """The configuration of an Alertmanager that notifies at once and repeats itself every second or two."""
    return f"""
route: {{receiver: pagesieve, group_by: [cluster], group_wait: 0s, group_interval: 1s, repeat_interval: 1s}}
receivers:
- name: pagesieve
  webhook_configs:
  - {{url: '{plant.gateway.url}/v1/alertmanager', send_resolved: true}}
"""


def fire(monitors: Sequence[Monitor], cluster: str, *names: str) -> None:
    """Each of the Alertmanagers is told that alerts of the cluster fire from now on."""
    _post(monitors, cluster, names, {"startsAt": datetime.now(UTC).isoformat()})


def resolve(monitors: Sequence[Monitor], cluster: str, *names: str) -> None:
    """Each of the Alertmanagers is told that alerts of the cluster are over now."""
    _post(monitors, cluster, names, {"endsAt": datetime.now(UTC).isoformat()})


def _post(monitors: Sequence[Monitor], cluster: str, names: Sequence[str], times: dict[str, str]) -> None:
    alerts = [{"labels": {"alertname": name, "cluster": cluster, "severity": "critical"}, **times} for name in names]
    for monitor in monitors:
        httpx.post(f"{monitor.url}/api/v2/alerts", json=alerts).raise_for_status()
