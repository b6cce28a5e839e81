"""A topology is what the user says of services: which needs which directly, and who is upstream.

Upstream is what others depend on: a database is upstream of its callers. Circles are allowed, there are such systems.
"""

from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, Field

MOST_SERVICES = 20_000
MOST_REMEMBERED = 1024  # services of which all that they need is kept at hand


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
        for service in policy.services:
            self._needs.setdefault(service.name, []).extend(service.depends_on)
        self._names = {*self._needs, *(needed for several in self._needs.values() for needed in several)}
        self._upstream: dict[str, frozenset[str]] = {}

    def service_of(self, labels: Mapping[str, str]) -> str | None:
        """Which of the services an alert with these labels is about."""
        for label in self._labels:
            value = labels.get(label)
            if value is not None and value in self._names:
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

    def _all_that_it_needs(self, service: str) -> frozenset[str]:
        found: set[str] = set()
        waiting = list(self._needs.get(service, ()))
        while waiting:
            needed = waiting.pop()
            if needed not in found:
                found.add(needed)
                waiting += self._needs.get(needed, ())
        return frozenset(found - {service})


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
