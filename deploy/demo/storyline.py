"""What happens in the demo's story: which condition holds from when to when, in seconds.

The company is invented; the alerts are shaped like those of the rules that Kubernetes clusters commonly run.
"""

from typing import NamedTuple
from urllib.parse import quote

LOST_NODE = "worker-7"
RUNBOOKS = "https://runbooks.example.com"


class Condition(NamedTuple):
    """Something that a monitor finds wrong from `from_s` until `to_s`."""

    from_s: float
    to_s: float
    labels: dict[str, str]
    summary: str
    description: str
    expression: str

    def annotations(self) -> dict[str, str]:
        """What the rule tells a person."""
        runbook = f"{RUNBOOKS}/{self.labels['alertname'].lower()}"
        return {"summary": self.summary, "description": self.description, "runbook_url": runbook}

    def generator_url(self) -> str:
        """Where Prometheus would show the expression."""
        place = self.labels.get("cluster", "edge")
        return f"https://prometheus.{place}.example.com/graph?g0.expr={quote(self.expression)}&g0.tab=1"


def conditions() -> list[Condition]:
    """The whole story."""
    return [*_flapping_probe(), *_lost_node(), *_lost_pods(), *_hurt_services(), *_full_disk()]


def _flapping_probe() -> list[Condition]:
    """A probe from outside, which belongs to no cluster, comes and goes four times."""
    labels = {
        "alertname": "ProbeFailed",
        "site": "status.example.com",
        "instance": "https://status.example.com/",
        "job": "blackbox",
        "severity": "error",
        "team": "web",
    }
    spans = [(0.5, 4.5), (8.5, 12.5), (16.5, 20.5), (25.0, 29.0)]
    summary = "status.example.com does not answer"
    description = "The probe of https://status.example.com/ fails from at least one location."
    expression = 'probe_success{job="blackbox"} == 0'
    return [Condition(start, end, labels, summary, description, expression) for start, end in spans]


def _lost_node() -> list[Condition]:
    """The cause: a node of eu-1 is gone."""
    kubelet = {"instance": "10.20.7.1:10250", "job": "kubelet", "node": LOST_NODE}
    exporter = {"instance": "10.20.7.1:9100", "job": "node-exporter", "node": LOST_NODE}
    return [
        _in_eu1(
            (3.0, 30.0),
            {"alertname": "KubeNodeNotReady", "severity": "critical", "team": "platform", "node": LOST_NODE},
            f"Node {LOST_NODE} is not ready",
            f"{LOST_NODE} in eu-1 has not been ready for more than a minute.",
            'kube_node_status_condition{condition="Ready",status="true"} == 0',
        ),
        _in_eu1(
            (3.5, 30.0),
            {"alertname": "NodeDown", "severity": "critical", "team": "platform", **exporter},
            f"{LOST_NODE} cannot be reached",
            f"node-exporter on {LOST_NODE} has not answered for more than a minute.",
            'up{job="node-exporter"} == 0',
        ),
        _in_eu1(
            (4.0, 30.5),
            {"alertname": "KubeletDown", "severity": "critical", "team": "platform", **kubelet},
            f"Kubelet on {LOST_NODE} has disappeared",
            f"Prometheus finds no kubelet on {LOST_NODE}.",
            'up{job="kubelet"} == 0',
        ),
    ]


def _lost_pods() -> list[Condition]:
    """The first ring: every pod that ran on the node, one after the other."""
    lost = [(namespace, pod) for namespace, pods in _PODS.items() for pod in pods]
    found = []
    for number, (namespace, pod) in enumerate(lost):
        team = _TEAMS[namespace]
        place = {"namespace": namespace, "pod": pod, "node": LOST_NODE, "severity": "warning", "team": team}
        not_ready = 5.0 + 0.35 * number
        found.append(
            _in_eu1(
                (not_ready, 31.0 + 0.35 * number),
                {"alertname": "KubePodNotReady", **place},
                f"Pod {namespace}/{pod} is not ready",
                f"Pod {namespace}/{pod} has been in a non-ready state for longer than a minute.",
                'kube_pod_status_phase{phase=~"Pending|Unknown"} > 0',
            )
        )
        if number % 3 == 0:
            found.append(
                _in_eu1(
                    (not_ready + 4.0, 30.5 + 0.35 * number),
                    {"alertname": "KubeContainerWaiting", "container": pod.split("-")[0], **place},
                    f"A container of {namespace}/{pod} keeps waiting",
                    f"A container of {namespace}/{pod} has been waiting to start for longer than a minute.",
                    "kube_pod_container_status_waiting_reason > 0",
                )
            )
    return found


def _hurt_services() -> list[Condition]:
    """The second ring: what those pods served."""
    found = []
    for number, (namespace, service, alertname, severity, summary) in enumerate(_SERVICES):
        found.append(
            _in_eu1(
                (8.0 + 0.6 * number, 33.0 + 0.4 * number),
                {
                    "alertname": alertname,
                    "namespace": namespace,
                    "service": service,
                    "job": service,
                    "severity": severity,
                    "team": _TEAMS[namespace],
                },
                summary,
                f"{namespace}/{service} in eu-1: {summary[0].lower()}{summary[1:]}.",
                _EXPRESSIONS[alertname],
            )
        )
    return found


def _full_disk() -> list[Condition]:
    """Another problem elsewhere, at the same time: a disk fills, is warned of, and then is almost full."""
    place = {
        "cluster": "us-2",
        "instance": "db-3.us-2.example.com:9100",
        "job": "node-exporter",
        "device": "/dev/nvme1n1",
        "mountpoint": "/var/lib/postgresql",
        "team": "data",
    }
    return [
        Condition(
            14.0,
            38.0,
            {"alertname": "NodeFilesystemSpaceFillingUp", "severity": "warning", **place},
            "db-3 runs out of space within 24 hours",
            "/var/lib/postgresql on db-3 has 14.2% left and is filling up.",
            "predict_linear(node_filesystem_avail_bytes[6h], 86400) < 0",
        ),
        Condition(
            23.0,
            37.0,
            {"alertname": "NodeFilesystemAlmostOutOfSpace", "severity": "critical", **place},
            "db-3 has less than 3% space left",
            "/var/lib/postgresql on db-3 has 2.7% left.",
            "node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.03",
        ),
    ]


def _in_eu1(
    span: tuple[float, float], labels: dict[str, str], summary: str, description: str, expression: str
) -> Condition:
    return Condition(*span, {"cluster": "eu-1", **labels}, summary, description, expression)


_TEAMS = {"shop": "shop", "payments": "payments"}
_PODS = {
    "shop": [
        "cart-6c9d8f7b5d-2xkqv",
        "cart-6c9d8f7b5d-h7m4t",
        "checkout-7f6b9c5d48-9wz2p",
        "catalog-5b8f4d7c69-k3vnj",
        "catalog-5b8f4d7c69-tq8rl",
        "search-849c6bd7f5-5gd7x",
        "frontend-66d5c8b9f4-zp6hw",
        "redis-cart-0",
    ],
    "payments": [
        "api-5d7f9b6c84-8nlqs",
        "ledger-74c6d5f98b-m2x7c",
        "fraud-6f8b7d9c55-wv4kd",
        "webhook-58d9c7b6f4-r9tzg",
        "postgres-1",
    ],
}
_SERVICES = [
    ("shop", "cart", "TargetDown", "warning", "50% of the targets of cart are down"),
    ("shop", "cart", "KubeDeploymentReplicasMismatch", "warning", "Deployment cart has 1 of 3 replicas"),
    ("shop", "checkout", "HighErrorRate", "critical", "11.4% of the requests to checkout fail"),
    ("shop", "checkout", "KubeDeploymentReplicasMismatch", "warning", "Deployment checkout has 1 of 2 replicas"),
    ("shop", "catalog", "KubeDeploymentReplicasMismatch", "warning", "Deployment catalog has 2 of 4 replicas"),
    ("shop", "frontend", "HighLatency", "error", "The 99th percentile of frontend is 4.8 s"),
    ("payments", "api", "HighErrorRate", "critical", "6.2% of the requests to api fail"),
    ("payments", "api", "TargetDown", "warning", "33% of the targets of api are down"),
    ("payments", "ledger", "KubeDeploymentReplicasMismatch", "warning", "Deployment ledger has 1 of 2 replicas"),
    ("payments", "postgres", "PostgresReplicaLost", "error", "postgres has 1 of 2 streaming replicas"),
]
_EXPRESSIONS = {
    "TargetDown": "100 * (count by (job) (up == 0) / count by (job) (up)) > 10",
    "KubeDeploymentReplicasMismatch": "kube_deployment_spec_replicas > kube_deployment_status_replicas_available",
    "HighErrorRate": 'sum by (service) (rate(http_requests_total{code=~"5.."}[5m])) > 0.05',
    "HighLatency": "histogram_quantile(0.99, rate(http_request_duration_seconds_bucket[5m])) > 2",
    "PostgresReplicaLost": "pg_stat_replication_streaming < 2",
}
