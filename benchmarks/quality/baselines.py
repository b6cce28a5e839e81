"""Simple methods, so that a figure means something. None knows more than the product; the batch one sees the future."""

from collections.abc import Callable

import numpy as np

from benchmarks.quality.learned import by_dbscan, by_graph
from benchmarks.quality.score import sessions
from benchmarks.quality.stream import Condition, Ints, Stream

ALERTMANAGER_S = 300  # group_interval as shipped: what comes later than that is another notification
HOST_GAP_S = 10
CHAIN_GAP_S = 2

Method = Callable[[Stream], Ints]


def by_fingerprint(stream: Stream) -> Ints:
    """One alert, one incident, until it is quiet for 300 s: deduplication without grouping."""
    return sessions(stream.condition, stream.came_s, ALERTMANAGER_S)


def by_alertname(stream: Stream) -> Ints:
    """Alertmanager-like: `group_by: [alertname]`."""
    return sessions(stream.number([(one.name,) for one in stream.conditions]), stream.came_s, ALERTMANAGER_S)


def by_alertname_and_cluster(stream: Stream) -> Ints:
    """Alertmanager-like: `group_by: [alertname, cluster]`, as its documentation has it."""
    names: list[tuple[str, ...]] = [(one.name, dict(one.labels).get("cluster", "")) for one in stream.conditions]
    return sessions(stream.number(names), stream.came_s, ALERTMANAGER_S)


def by_host(stream: Stream) -> Ints:
    """Alertmanager-like: `group_by: [host]`."""
    return sessions(_host(stream), stream.came_s, ALERTMANAGER_S)


def by_host_gap(stream: Stream) -> Ints:
    """What one host says without a gap over 10 s."""
    return sessions(_host(stream), stream.came_s, HOST_GAP_S)


def by_chain(stream: Stream) -> Ints:
    """Everything without a gap over 2 s."""
    return sessions(np.zeros(len(stream.at_s), dtype=np.int64), stream.came_s, CHAIN_GAP_S)


def _host(stream: Stream) -> Ints:
    return stream.number([(_place(one),) for one in stream.conditions])


def _place(condition: Condition) -> str:
    """The thing as operations name it, where the scorer's names for it are not there."""
    labels = dict(condition.labels)
    return condition.host() or labels.get("node") or labels.get("instance") or labels.get("service") or ""


METHODS: dict[str, Method] = {
    "fingerprint, 300 s": by_fingerprint,
    "Alertmanager-like [alertname], 300 s": by_alertname,
    "Alertmanager-like [alertname, cluster], 300 s": by_alertname_and_cluster,
    "Alertmanager-like [host], 300 s": by_host,
    "[host], gap 10 s": by_host_gap,
    "one chain, gap 2 s": by_chain,
    "DBSCAN on TF-IDF and time, batch": by_dbscan,
    "online graph, IDF Jaccard, 10 s": by_graph,
}
