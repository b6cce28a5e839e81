"""What an alert is about, and where many alerts are, in the words of a person: `on db-1`, `in cluster eu-1`."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from pipeline.core.shown import cut


def _ranks(*labels: str) -> dict[str, int]:
    return {label: rank for rank, label in enumerate(labels)}


# The first of these that an alert has says what it is about: a pod's alert often names its node too, a node's no pod.
_SUBJECTS = (
    *("pod", "host", "hostname", "node", "nodename", "database", "service", "deployment", "statefulset", "daemonset"),
    *("app", "instance", "device", "site", "job"),  # a device says little without its host
)
# Where alerts that have these labels in common are: one of each, the wide before the narrow.
_WIDE = _ranks(
    *("cluster", "cluster_name", "k8s_cluster", "region", "datacenter", "dc", "site", "zone", "availability_zone"),
    *("environment", "env", "tenant"),
)
_NARROW = _ranks(
    *("host", "hostname", "node", "nodename", "instance", "database", "service", "deployment", "app", "namespace")
)
_MOST = 2  # labels that say where
LONGEST = 40  # characters of a value
_LONGEST_LABEL = 20
_SHORT = 2048  # characters


def subject_of(labels: Mapping[str, str]) -> str:
    """The one thing that an alert is about; empty where its labels name none."""
    label = (_subject if is_short(labels) else _subject.__wrapped__)(tuple(labels))
    return "" if label is None else cut(labels[label], LONGEST)


def is_short(names: Iterable[str]) -> bool:
    """Whether names of labels may be kept: they come from outside, and are as long as their sender likes."""
    return sum(map(len, names)) <= _SHORT


@lru_cache(maxsize=1024)  # a monitor names its labels alike
def _subject(labels: tuple[str, ...]) -> str | None:
    return next((label for label in _SUBJECTS if label in labels), None)


def places(labels: Mapping[str, str], group: Iterable[str]) -> list[str]:
    """Which of the labels that alerts have in common say where they are; those that they are grouped by come first."""
    names = tuple(labels), tuple(group)
    return list(_places(*names) if is_short(labels) and is_short(names[1]) else _places.__wrapped__(*names))


@lru_cache(maxsize=1024)  # likewise
def _places(labels: tuple[str, ...], group: tuple[str, ...]) -> tuple[str, ...]:
    found = [label for label in group if label in labels][:_MOST]
    for kinds in (_WIDE, _NARROW):
        if len(found) < _MOST and kinds.keys().isdisjoint(found):
            found += sorted(kinds.keys() & set(labels), key=kinds.__getitem__)[:1]
    return tuple(sorted(found, key=lambda label: label not in _WIDE))  # stable: the wide ones first


def where(labels: Mapping[str, str], found: Iterable[str]) -> str:
    """In words: `cluster eu-1, namespace shop`."""
    return ", ".join([f"{cut(label, _LONGEST_LABEL)} {cut(labels[label], LONGEST)}" for label in found])
