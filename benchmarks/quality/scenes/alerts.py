"""What a rule says when it fires: names, labels and sentences as the usual Prometheus rules have them."""

from typing import NamedTuple

from benchmarks.quality.scenes.fleet import CLUSTERS, Fleet, Node, Pod

BACKGROUND = ""  # the storm of what belongs to none


class Firing(NamedTuple):
    """A rule whose condition holds from `at_s` to `ends_s`, and the storm that is to blame."""

    at_s: float
    ends_s: float
    name: str
    severity: str
    labels: dict[str, str]
    summary: str
    storm: str = BACKGROUND


class Says(NamedTuple):
    """A rule's alert without its time."""

    name: str
    severity: str
    labels: dict[str, str]
    summary: str

    def firing(self, at_s: float, lasts_s: float, storm: str = BACKGROUND) -> Firing:
        """It holds for so long."""
        return Firing(at_s, at_s + lasts_s, *self, storm)


def of_node(name: str, severity: str, node: Node, summary: str) -> Says:
    """A rule on kube-state-metrics or the node itself."""
    labels = {"cluster": node.cluster, "zone": node.zone, "node": node.name, "job": "kube-state-metrics"}
    return Says(name, severity, labels, f"{summary} {node.name}")


def of_target(name: str, severity: str, node: Node, job: str, port: int) -> Says:
    """A rule on what is scraped from a node."""
    labels = {"cluster": node.cluster, "zone": node.zone, "node": node.name, "job": job}
    labels["instance"] = f"{node.address}:{port}"
    return Says(name, severity, labels, f"{job} on {node.name} does not answer")


def of_pod(name: str, severity: str, fleet: Fleet, pod: Pod) -> Says:
    """A rule on one pod."""
    labels = {"cluster": pod.node.cluster, "namespace": fleet.namespace[pod.service], "pod": pod.name}
    labels |= {"container": pod.service, "node": pod.node.name, "job": "kube-state-metrics"}
    return Says(name, severity, labels, f"{name} {labels['namespace']}/{pod.name}")


def of_deployment(fleet: Fleet, service: str, cluster: str) -> Says:
    """Fewer copies than wanted; says nothing of nodes."""
    labels = {"cluster": cluster, "namespace": fleet.namespace[service], "deployment": service}
    labels["job"] = "kube-state-metrics"
    return Says("KubeDeploymentReplicasMismatch", "warning", labels, f"{service} has not the replicas that it should")


def of_service(name: str, severity: str, fleet: Fleet, service: str, cluster: str) -> Says:
    """A rule on the requests that a service answers."""
    labels = {"cluster": cluster, "namespace": fleet.namespace[service], "service": service, "job": service}
    return Says(name, severity, labels, f"{name} of {service} in {cluster}")


def of_caller(fleet: Fleet, service: str, called: str, cluster: str) -> Says:
    """A service that cannot reach what it calls."""
    says = of_service("UpstreamRequestErrors", "error", fleet, service, cluster)
    return says._replace(labels=says.labels | {"upstream": called}, summary=f"{service} gets errors from {called}")


def of_database(name: str, severity: str, database: str, cluster: str, member: int) -> Says:
    """A rule on one member of a database."""
    labels = {"cluster": cluster, "namespace": "databases", "database": database, "job": "postgres-exporter"}
    labels["instance"] = f"{database}-{member}.{CLUSTERS[cluster]}.example.com:9187"
    return Says(name, severity, labels, f"{name} {database}-{member} in {cluster}")


def of_site(name: str, severity: str, site: str) -> Says:
    """A rule on a probe from outside, which knows no cluster."""
    return Says(name, severity, {"job": "blackbox", "instance": f"https://{site}/", "site": site}, f"{name} {site}")
