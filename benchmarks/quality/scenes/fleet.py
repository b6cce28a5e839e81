"""A fleet is what can break: clusters, their nodes, services that call each other, databases, and names for the web."""

import random
from typing import NamedTuple

CLUSTERS = {"prod-eu-1": "eu-west-1", "prod-us-1": "us-east-1"}
ZONES = "abc"
NODES = 24  # in a cluster
SERVICES = {
    "edge": ("gateway", "web", "mobile-api", "graphql"),
    "checkout": ("cart", "checkout", "pricing", "promotions"),
    "payments": ("payments", "ledger", "fraud", "invoices"),
    "catalog": ("search", "catalog", "recommendations", "inventory", "images"),
    "identity": ("auth", "sessions", "users", "consent"),
    "logistics": ("shipping", "tracking", "warehouse", "returns"),
    "messaging": ("notifications", "email", "sms", "push"),
    "analytics": ("events", "exports", "reports", "features"),
}
DATABASES = ("orders-db", "users-db", "catalog-db", "ledger-db", "shipping-db", "events-db")
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


class Node(NamedTuple):
    """A machine."""

    name: str
    address: str
    cluster: str
    zone: str


class Pod(NamedTuple):
    """One copy of a service."""

    name: str
    service: str
    node: Node


class Fleet(NamedTuple):
    """All of it. A service stands in both clusters; a database has a primary and two replicas in each."""

    nodes: tuple[Node, ...]
    pods: tuple[Pod, ...]
    namespace: dict[str, str]  # of each service
    calls: dict[str, tuple[str, ...]]  # what each service calls: services and databases
    sites: tuple[str, ...]  # names that the web knows

    def callers(self, called: str) -> dict[str, int]:
        """Who calls it, themselves or through others, and over how many calls."""
        found, ring, hops = {called: 0}, {called}, 0
        while ring:
            hops += 1
            ring = {one for one, calls in self.calls.items() if one not in found and ring & set(calls)}
            found |= dict.fromkeys(sorted(ring), hops)
        del found[called]
        return found


def build(chance: random.Random) -> Fleet:
    """A fleet; the same chance builds the same."""
    nodes = tuple(_node(chance, cluster, number) for cluster in CLUSTERS for number in range(NODES))
    namespace = {service: space for space, services in SERVICES.items() for service in services}
    pods = []
    for service in namespace:
        for cluster in CLUSTERS:
            replica_set = _letters(chance, 9)
            homes = chance.sample([node for node in nodes if node.cluster == cluster], chance.randint(2, 5))
            pods += [Pod(f"{service}-{replica_set}-{_letters(chance, 5)}", service, node) for node in homes]
    services = list(namespace)
    calls = {service: _calls(chance, service, services[number + 1 :]) for number, service in enumerate(services)}
    shown = (*SERVICES["edge"], *chance.sample(services[4:], 14), "www", "docs")
    sites = tuple(f"{name}.example.com" for name in shown)
    return Fleet(nodes, tuple(pods), namespace, calls, sites)


def _node(chance: random.Random, cluster: str, number: int) -> Node:
    zone = CLUSTERS[cluster] + ZONES[number % len(ZONES)]
    address = f"10.{12 + list(CLUSTERS).index(cluster)}.{number % len(ZONES)}.{10 + number * 7 + chance.randrange(7)}"
    return Node(f"ip-{address.replace('.', '-')}.{CLUSTERS[cluster]}.compute.internal", address, cluster, zone)


def _calls(chance: random.Random, service: str, later: list[str]) -> tuple[str, ...]:
    """Calls go one way, so there are no circles; every second service also asks a database."""
    called = chance.sample(later, min(len(later), chance.randint(1, 3)))
    if chance.random() < 0.5 or not called:
        called.append(chance.choice(DATABASES))
    return tuple(called)


def _letters(chance: random.Random, count: int) -> str:
    return "".join(chance.choices(_LETTERS, k=count))
