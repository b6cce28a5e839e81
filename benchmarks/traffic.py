"""The alerts that are sent: about 870 bytes each, as Prometheus' usual rules make them, and the same in every run."""

import random
from typing import NamedTuple

import orjson

SEED = 3
STARTS_AT = "2026-11-23T07:06:06.120Z"
NAMES = ("KubePodNotReady", "KubePodCrashLooping", "KubeDeploymentReplicasMismatch", "TargetDown")
# Groups of both sides: pagesieve's policy and Alertmanager's route.
GROUP_BY = ("alertname", "cluster")


class Batch(NamedTuple):
    """Alerts of one group that are sent together, as either side takes them."""

    cluster: str
    webhook: bytes  # Alertmanager's webhook, for pagesieve
    posted: bytes  # what Prometheus posts to /api/v2/alerts, for Alertmanager

    def apart(self) -> "list[Batch]":
        """Each alert as a batch of its own."""
        posted = [orjson.dumps([alert]) for alert in orjson.loads(self.posted)]
        return [Batch(self.cluster, *bodies) for bodies in zip(self.singles(), posted, strict=True)]

    def singles(self) -> list[bytes]:
        """The webhook's alerts, each in a webhook of its own."""
        whole = orjson.loads(self.webhook)
        return [orjson.dumps({**whole, "alerts": [alert]}) for alert in whole["alerts"]]


def batch(cluster: str, name: str, alerts: int) -> Batch:
    """`alerts` alerts of the group (`name`, `cluster`)."""
    found = [_alert(cluster, name, number) for number in range(alerts)]
    fired = [
        {**alert, "status": "firing", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": f"{number:016x}"}
        for number, alert in enumerate(found)
    ]
    webhook = {
        "version": "4",
        "status": "firing",
        "receiver": "pagesieve",
        "groupKey": f'{{}}:{{alertname="{name}", cluster="{cluster}"}}',
        "truncatedAlerts": 0,
        "groupLabels": {"alertname": name, "cluster": cluster},
        "alerts": fired,
    }
    return Batch(cluster, orjson.dumps(webhook), orjson.dumps(found))


def repeated(run: str, groups: int, alerts: int, times: int) -> list[Batch]:
    """Every group's batch `times` times, shuffled: its first is new, all others are duplicates."""
    batches = [batch(f"{run}-{number:05d}", NAMES[number % len(NAMES)], alerts) for number in range(groups)]
    order = batches * times
    random.Random(SEED).shuffle(order)  # noqa: S311 - the same order in every run is what is wanted
    return order


def singles(run: str, count: int) -> list[Batch]:
    """One alert each, every one of a group of its own."""
    return [batch(f"{run}-{number:05d}", NAMES[number % len(NAMES)], 1) for number in range(count)]


def _alert(cluster: str, name: str, number: int) -> dict[str, object]:
    pod = f"payments-api-6c9f7d8b5-{number:05d}"
    return {
        "labels": {
            "alertname": name,
            "cluster": cluster,
            "namespace": "payments",
            "pod": pod,
            "prometheus": "monitoring/k8s",
            "severity": "warning",
            "team": "payments",
        },
        "annotations": {
            "summary": "Pod has been in a non-ready state for more than 15 minutes.",
            "description": f"Pod payments/{pod} has been in a non-ready state for longer than 15 minutes. " * 3,
            "runbook_url": f"https://runbooks.example/kubernetes/{name.lower()}",
        },
        "startsAt": STARTS_AT,
        "generatorURL": "http://prometheus.example/graph?g0.expr=kube_pod_status_phase&g0.tab=1",
    }
