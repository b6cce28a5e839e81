"""A topology is what the user says of services: which needs which. It gives a distance, a way, and who is upstream.

Upstream is what others depend on: a database is upstream of its callers. Circles are allowed, there are such systems.
"""

from collections import deque
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, Field

MOST_HOPS = 3  # of a way: two callers of one database are two hops apart; five apart is most of a company
MOST_SERVICES = 20_000
MOST_REMEMBERED = 1024  # services of which the surroundings are kept at hand

Ways = dict[str, tuple[str, ...]]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Service(_Part):
    """A service and what it needs to work."""

    name: str = Field(min_length=1, description="as the label has it that says which service an alert is about")
    depends_on: tuple[str, ...] = Field(default=(), description="the services that it calls, stores in or runs on")


class TopologyPolicy(_Part):
    """The services, and which label of an alert names one."""

    service_labels: tuple[str, ...] = Field(
        default=("service", "job", "app"),
        min_length=1,
        description="of an alert's labels the first of these whose value is one of the services",
    )
    services: tuple[Service, ...] = Field(default=(), max_length=MOST_SERVICES)


class Topology:
    """Answers what the user's graph says. What it remembers saves time and changes nothing."""

    def __init__(self, policy: TopologyPolicy) -> None:
        self._labels = policy.service_labels
        self._needs: dict[str, list[str]] = {}
        near: dict[str, set[str]] = {}
        for service in policy.services:
            for needed in service.depends_on:
                near.setdefault(needed, set()).add(service.name)
            near.setdefault(service.name, set()).update(service.depends_on)
            self._needs.setdefault(service.name, []).extend(service.depends_on)
        # Sorted, so that of two ways of one length it is always the same.
        self._near = {name: sorted(others - {name}) for name, others in near.items()}
        self._upstream: dict[str, frozenset[str]] = {}
        self._ways: dict[str, Ways] = {}

    def service_of(self, labels: Mapping[str, str]) -> str | None:
        """Which of the services an alert with these labels is about."""
        for label in self._labels:
            value = labels.get(label)
            if value is not None and value in self._near:
                return value
        return None

    def needs_of(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """What the service needs that an alert with these labels is about, itself and not through others."""
        service = self.service_of(labels)
        return () if service is None else tuple(self._needs.get(service, ()))

    def is_upstream(self, service: str, of: str) -> bool:
        """Whether `of` depends on `service`, itself or through others, however far."""
        found = self._upstream.get(of)
        if found is None:
            if len(self._upstream) >= MOST_REMEMBERED:
                self._upstream.clear()
            found = self._upstream[of] = self._all_that_it_needs(of)
        return service in found

    def distance(self, one: str, other: str) -> int | None:
        """Hops from one to the other, along and against dependencies; None beyond MOST_HOPS. Symmetrical."""
        way = self.way(one, other)
        return None if way is None else len(way) - 1

    def way(self, one: str, other: str) -> tuple[str, ...] | None:
        """The shortest way from one to the other, both named, of several the first in the order of names."""
        ways = self._ways.get(one)
        if ways is None:
            if one not in self._near:
                return None
            if len(self._ways) >= MOST_REMEMBERED:
                self._ways.clear()
            ways = self._ways[one] = self._surroundings(one)
        return ways.get(other)

    def _all_that_it_needs(self, service: str) -> frozenset[str]:
        found: set[str] = set()
        waiting = list(self._needs.get(service, ()))
        while waiting:
            needed = waiting.pop()
            if needed not in found:
                found.add(needed)
                waiting += self._needs.get(needed, ())
        return frozenset(found - {service})

    def _surroundings(self, service: str) -> Ways:
        ways: Ways = {service: (service,)}
        waiting = deque([service])
        while waiting:
            way = ways[waiting.popleft()]
            if len(way) > MOST_HOPS:
                break
            for other in self._near[way[-1]]:
                if other not in ways:
                    ways[other] = (*way, other)
                    waiting.append(other)
        return ways


def faults_of(services: Iterable[Service]) -> list[tuple[int, int | None, str]]:
    """What in the list makes no sense: (which service, which of what it needs or None for its name, why)."""
    found: list[tuple[int, int | None, str]] = []
    first: dict[str, int] = {}
    for index, service in enumerate(services):
        if (before := first.setdefault(service.name, index)) != index:
            found.append((index, None, f"services[{before}] has this name too; name all that it needs in one place"))
        for place, needed in enumerate(service.depends_on):
            if needed == service.name:
                found.append((index, place, "a service does not depend on itself"))
            elif needed in service.depends_on[:place]:
                found.append((index, place, f"{needed} stands there twice"))
            elif not needed:
                found.append((index, place, "is empty; name a service"))
    return found
