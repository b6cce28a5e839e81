"""Five ways in which one cause makes many alerts. Each rule waits as the usual rules do before it fires."""

import random
from collections.abc import Callable, Iterator

from benchmarks.quality.scenes.alerts import (
    Firing,
    Says,
    of_caller,
    of_database,
    of_deployment,
    of_node,
    of_pod,
    of_service,
    of_site,
    of_target,
)
from benchmarks.quality.scenes.fleet import CLUSTERS, DATABASES, SERVICES, ZONES, Fleet

Late = Iterator[tuple[float, Says]]  # seconds after the cause, and what fires then


def node_loss(fleet: Fleet, chance: random.Random) -> Late:
    """A node dies with all that runs on it."""
    node = chance.choice(fleet.nodes)
    yield from _node_gone(fleet, node.name, chance)
    for service in sorted({pod.service for pod in fleet.pods if pod.node == node}):
        yield 90 + chance.uniform(0, 60), of_deployment(fleet, service, node.cluster)


def database_down(fleet: Fleet, chance: random.Random) -> Late:
    """A primary dies: its replicas, who asks it, and who asks those, one call later each."""
    database, cluster = chance.choice([one for one in DATABASES if len(fleet.callers(one)) > 3]), _cluster(chance)
    yield 15 + chance.uniform(0, 10), of_database("PostgresqlDown", "critical", database, cluster, 0)
    for member in (1, 2):
        yield 20 + chance.uniform(0, 20), of_database("PostgresqlReplicationLag", "warning", database, cluster, member)
    hops = {database: 0} | fleet.callers(database)
    for service in list(hops)[1:]:
        late_s = 20 + 20 * hops[service]
        for called in fleet.calls[service]:
            if called in hops and hops[called] < hops[service]:
                yield late_s + chance.uniform(0, 30), of_caller(fleet, service, called, cluster)
        severity = "critical" if fleet.namespace[service] == "edge" else "error"
        yield late_s + chance.uniform(0, 40), of_service("HighErrorRate", severity, fleet, service, cluster)
        if chance.random() < 0.6:
            yield late_s + chance.uniform(0, 40), of_service("HighRequestLatency", "warning", fleet, service, cluster)


def bad_certificate(fleet: Fleet, chance: random.Random) -> Late:
    """A certificate that everything in front of the web uses is not valid any more: probes of all sites fail."""
    for site in fleet.sites:
        yield chance.uniform(0, 60), of_site("BlackboxSslCertificateExpired", "critical", site)
        yield 30 + chance.uniform(0, 60), of_site("BlackboxProbeHttpFailure", "critical", site)
    for cluster in CLUSTERS:
        yield 40 + chance.uniform(0, 60), of_service("IngressTlsHandshakeErrors", "error", fleet, "gateway", cluster)


def deploy_wave(fleet: Fleet, chance: random.Random) -> Late:
    """A bad release goes through one namespace, service after service, for some minutes."""
    namespace, cluster = chance.choice([one for one in SERVICES if one != "edge"]), _cluster(chance)
    for turn, service in enumerate(chance.sample(SERVICES[namespace], len(SERVICES[namespace]))):
        late_s = turn * 60
        for pod in fleet.pods:
            if pod.service == service and pod.node.cluster == cluster:
                yield late_s + chance.uniform(0, 60), of_pod("KubePodCrashLooping", "warning", fleet, pod)
        yield late_s + 20 + chance.uniform(0, 40), of_deployment(fleet, service, cluster)
        yield late_s + 20 + chance.uniform(0, 40), of_service("HighErrorRate", "error", fleet, service, cluster)
        yield late_s + 20 + chance.uniform(0, 60), of_service("HighRequestLatency", "warning", fleet, service, cluster)


def network_partition(fleet: Fleet, chance: random.Random) -> Late:
    """One zone cannot be reached: all its nodes, and the members of databases that stand there."""
    cluster = _cluster(chance)
    zone = CLUSTERS[cluster] + chance.choice(ZONES)
    for node in fleet.nodes:
        if node.zone == zone:
            yield from _node_gone(fleet, node.name, chance)
    for database in DATABASES:
        says = of_database("PostgresqlReplicationLag", "warning", database, cluster, ZONES.index(zone[-1]))
        yield 40 + chance.uniform(0, 60), says
    for member in range(2):
        labels = {"cluster": cluster, "zone": zone, "job": "etcd", "instance": f"etcd-{member}.{zone}:2379"}
        yield 10 + chance.uniform(0, 30), Says("EtcdNoLeader", "critical", labels, f"etcd-{member} has no leader")


def _node_gone(fleet: Fleet, name: str, chance: random.Random) -> Late:
    [node] = [one for one in fleet.nodes if one.name == name]
    yield 15 + chance.uniform(0, 15), of_target("TargetDown", "critical", node, "node-exporter", 9100)
    yield 15 + chance.uniform(0, 15), of_target("TargetDown", "critical", node, "kubelet", 10250)
    yield 45 + chance.uniform(0, 30), of_node("KubeNodeNotReady", "warning", node, "not ready:")
    yield 45 + chance.uniform(0, 30), of_node("KubeNodeUnreachable", "warning", node, "unreachable:")
    for pod in fleet.pods:
        if pod.node == node:
            yield 60 + chance.uniform(0, 60), of_pod("KubePodNotReady", "warning", fleet, pod)


def _cluster(chance: random.Random) -> str:
    return chance.choice(list(CLUSTERS))


STORMS: dict[str, Callable[[Fleet, random.Random], Late]] = {
    "node-loss": node_loss,
    "database-down": database_down,
    "bad-certificate": bad_certificate,
    "deploy-wave": deploy_wave,
    "network-partition": network_partition,
}


def unfold(kind: str, fleet: Fleet, chance: random.Random, at_s: float) -> list[Firing]:
    """The storm of that kind whose cause is at `at_s`: all that fires, until it is mended 5 to 20 minutes later."""
    late = sorted(STORMS[kind](fleet, chance), key=lambda one: one[0])
    mended_s = at_s + late[-1][0] + chance.uniform(300, 1200)
    return [
        says.firing(at_s + late_s, mended_s - at_s - late_s + chance.uniform(0, 120), kind) for late_s, says in late
    ]
