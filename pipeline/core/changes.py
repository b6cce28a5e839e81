"""A change belongs to an incident that opens soon after it, for an alert of what the change was made to.

It is shown and nothing more: no page goes out because of a change, and none stays away.

| the change says | it belongs to alerts |
| --- | --- |
| a service (`service`, `app`, `job`, `deployment`…) | of a service of that name, under whichever of these labels |
| no service, but a `cluster`, `namespace`, `host`… | with the same label |
| either, and a place that an alert says otherwise | not: a deploy of `web` in eu-1 is no news for `web` in us-1 |
"""

from collections.abc import Iterable, Iterator, Mapping

from pipeline.core.incidents import Open
from pipeline.core.policy import Policy
from schemas import Alert, Change

MOST = 1000  # remembered, over all scopes; beyond it the oldest is forgotten
MOST_OF_ONE = 20  # of one service or place that are compared with an alert: the newest
MOST_ASKED = 1000  # incidents that may have opened after a change of which we hear late
MOST_LOOKED_AT = 5  # alerts of each of them
MOST_SHOWN = 5  # in an incident: those just before it
# One thing goes by several of these, depending on who tells of it.
_SERVICES = frozenset(
    {
        *("service", "service_name", "app", "application", "app_kubernetes_io_name", "job", "component", "workload"),
        *("deployment", "statefulset", "daemonset", "cronjob", "container", "database"),
    }
)
_NARROW = frozenset({"cluster", "namespace", "host", "hostname", "node", "instance", "zone", "site"})
# Whole parts of a company: enough to tell two places apart, too little to say that a change has to do with an alert.
_WIDE = frozenset({"environment", "env", "region", "datacenter", "dc", "tenant"})


class Changes:
    """Every change that may still belong to an incident. Shared by all scopes: a change names labels, not scopes."""

    def __init__(self, policy: Policy, known: Iterable[Change] = ()) -> None:
        self._longest_ms = max(rule.change_window_ms for rule in policy.rules)
        self._places = _NARROW | _WIDE | frozenset(policy.scope)
        self._known: dict[str, Change] = {}  # in the order in which they were made
        self.named: dict[str, list[Change]] = {}  # by service, and by label and value; the newest last
        for change in known:
            self._keep(change)

    def records(self) -> list[Change]:
        """All of them, for a snapshot."""
        return list(self._known.values())

    def hear(self, change: Change, now_ms: int) -> bool:
        """Remember a change. Whether it is news: neither known, nor older than any incident that may open."""
        if change.id in self._known or not self._longest_ms:
            return False
        oldest_ms = now_ms - self._longest_ms
        rest = [one for one in self._known.values() if one.at_ms >= oldest_ms]
        if change.at_ms >= oldest_ms:
            rest = sorted([*rest, change], key=lambda one: (one.at_ms, one.id))[-MOST:]
        self._known, self.named = {}, {}
        for one in rest:
            self._keep(one)
        return True

    def attach(self, incident: Open, alert: Alert, window_ms: int) -> None:
        """Show with an incident the changes that were made to what this alert of it is about, before it opened."""
        for change in self._candidates(alert.labels):
            if belongs(change, incident.opened_at_ms, window_ms) and self.is_about(change, alert):
                show(incident, change)

    def opened_after(self, change: Change, incidents: Iterable[Open]) -> list[Open]:
        """Which of these are open and opened soon after a change of which we hear only now: the last of too many."""
        latest_ms = change.at_ms + self._longest_ms
        found = [one for one in incidents if change.at_ms <= one.opened_at_ms <= latest_ms]
        found = [one for one in found if one.resolved_at_ms is None]
        return sorted(found, key=lambda one: (one.opened_at_ms, one.incident_id))[-MOST_ASKED:]

    def attach_late(self, incident: Open, change: Change, first: Iterable[Alert], window_ms: int) -> bool:
        """As `attach`, of a change of which we hear only now, by the incident's first alerts. Whether it is shown."""
        is_its = belongs(change, incident.opened_at_ms, window_ms) and any(self.is_about(change, one) for one in first)
        return is_its and show(incident, change)

    def is_about(self, change: Change, alert: Alert) -> bool:
        """Whether the change was made to what the alert is about."""
        labels = alert.labels
        if change.tenant is not None and change.tenant != alert.tenant:
            return False
        for label, value in change.labels.items():
            if label in self._places and labels.get(label, value) != value:
                return False
        return not _names(change.labels).isdisjoint(_names_of(labels))

    def _candidates(self, labels: Mapping[str, str]) -> Iterator[Change]:
        for name in _names_of(labels):
            yield from self.named.get(name, ())

    def _keep(self, change: Change) -> None:
        self._known[change.id] = change
        for name in sorted(_names(change.labels)):
            self.named.setdefault(name, []).append(change)
            del self.named[name][:-MOST_OF_ONE]


def belongs(change: Change, opened_at_ms: int, window_ms: int) -> bool:
    """Whether an incident that opened then opened soon after the change."""
    return window_ms > 0 and 0 <= opened_at_ms - change.at_ms <= window_ms


def show(incident: Open, change: Change) -> bool:
    """Show it with the incident. Whether that is news; of too many the last before it opened stay."""
    if any(one.id == change.id for one in incident.changes):
        return False
    found = sorted([*incident.changes, change], key=lambda one: (one.at_ms, one.id), reverse=True)[:MOST_SHOWN]
    is_news = change in found
    incident.changes = tuple(found)
    return is_news


def _names(labels: Mapping[str, str]) -> set[str]:
    """What a change was made to: its services, or where it names none, its places."""
    services = {value for label, value in labels.items() if label in _SERVICES}
    return services or {f"{label}={value}" for label, value in labels.items() if label in _NARROW}


def _names_of(labels: Mapping[str, str]) -> list[str]:
    """What an alert is about, in the same words."""
    return [
        value if label in _SERVICES else f"{label}={value}"
        for label, value in labels.items()
        if label in _SERVICES or label in _NARROW
    ]
