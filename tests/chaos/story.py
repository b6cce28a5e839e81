"""What the monitors of a made-up company say. It all derives from a seed, and none of it from a clock."""

import json
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

CLUSTERS = 5  # of each teller
HOSTS = 3
NAMES = ("DiskFull", "NodeDown", "Slow", "Flappy")
STORM = 16  # alerts at once, more than POLICY's floor
TOGETHER = 10  # events in a post
# Seconds tell what takes hours elsewhere, so that every part of the state is on its way at any moment.
POLICY: dict[str, Any] = {
    "scope": ["cluster"],
    "group_by": ["cluster", "host"],
    "gap": "20s",
    "max_age": "1m",
    "resolve_after": "1s",
    "reopen_within": "5s",
    "flapping": {"start": 3, "half_life": "4s", "longest": "15s"},
    "storm": {"floor": 12, "window": "4s", "quiet_windows": 2},
    "routes": [{"name": "slow", "match": 'alertname="Slow"', "hold": "2s"}],
}


class Alert(NamedTuple):
    """One condition of the made-up company."""

    name: str
    host: str


class Post(NamedTuple):
    """What one monitor posts at once: alerts that fire or are over, and perhaps one thing that is no alert."""

    cluster: str
    alerts: tuple[tuple[Alert, bool], ...]  # and whether it fires
    is_spoilt: bool = False

    @property
    def events(self) -> int:
        """How many events it holds, the bad one too."""
        return len(self.alerts) + self.is_spoilt

    @property
    def path(self) -> str:
        """Every cluster has one monitor, so that its posts stay in order: in one partition of `alerts.raw`."""
        return "/v1/events" if int(self.cluster.rpartition("-")[2]) % 2 else "/v1/alertmanager"

    def body(self, mark: str, now: str) -> bytes:
        """The body, in which `mark` tells this attempt from every other."""
        if self.path == "/v1/events":
            events: list[object] = [self._event(alert, mark, is_firing=firing) for alert, firing in self.alerts]
            return json.dumps(events + [{"name": 7, "annotations": {"mark": mark}}] * self.is_spoilt).encode()
        alerts = [self._notice(alert, mark, now, is_firing=firing) for alert, firing in self.alerts]
        return json.dumps({"version": "4", "status": "firing", "alerts": alerts}).encode()

    def _event(self, alert: Alert, mark: str, *, is_firing: bool) -> dict[str, object]:
        return {
            "name": alert.name,
            "labels": {"cluster": self.cluster, "host": alert.host, "alertname": alert.name},
            "severity": "critical",
            "status": "firing" if is_firing else "resolved",
            "annotations": {"mark": mark},
        }

    def _notice(self, alert: Alert, mark: str, now: str, *, is_firing: bool) -> dict[str, object]:
        labels = {"alertname": alert.name, "cluster": self.cluster, "host": alert.host, "severity": "critical"}
        ends_at = "0001-01-01T00:00:00Z" if is_firing else now
        status = "firing" if is_firing else "resolved"
        return {
            "status": status, "labels": labels, "annotations": {"mark": mark}, "startsAt": now, "endsAt": ends_at
        }  # fmt: skip


class Story:
    """Goes on for ever; `ending` is how it ends."""

    def __init__(self, seed: int, teller: int) -> None:
        self._rng = Random(f"{seed}/story/{teller}")  # noqa: S311 - no secret
        self.clusters = [f"c{teller}-{number}" for number in range(CLUSTERS)]
        self._firing: dict[str, list[Alert]] = {cluster: [] for cluster in self.clusters}
        self._told: dict[str, dict[Alert, None]] = {cluster: {} for cluster in self.clusters}

    def beginning(self) -> list[Post]:
        """Something pages for every cluster."""
        return [self._fire(cluster, [Alert("NodeDown", "host-0")]) for cluster in self.clusters]

    def next(self) -> Post:
        """What is said now: new alerts, what fires already, what is over, what flaps, and now and then a storm."""
        cluster, dice = self._rng.choice(self.clusters), self._rng.random()
        firing = self._firing[cluster]
        flappy = Alert("Flappy", "host-0")
        if dice < 0.02:
            return self._fire(cluster, [Alert("NodeDown", f"host-{self._rng.randrange(40)}") for _ in range(STORM)])
        if dice < 0.2:
            return self._resolve(cluster, [flappy]) if flappy in firing else self._fire(cluster, [flappy])
        if firing and dice < 0.55:
            return Post(cluster, tuple((alert, True) for alert in self._some(firing)))
        if firing and dice < 0.8:
            return self._resolve(cluster, firing if self._rng.random() < 0.5 else self._some(firing))
        host = f"host-{self._rng.randrange(HOSTS)}"
        post = self._fire(cluster, [Alert(name, host) for name in self._some(NAMES)])
        return post._replace(is_spoilt=post.path == "/v1/events" and self._rng.random() < 0.1)

    def ending(self) -> list[Post]:
        """Everything that ever fired is over. A cluster at a time, so that lists stay short."""
        posts = []
        for cluster, told in self._told.items():
            alerts = list(told)
            for start in range(0, len(alerts), TOGETHER):
                posts.append(self._resolve(cluster, alerts[start : start + TOGETHER]))
        return posts

    def _fire(self, cluster: str, alerts: Iterable[Alert]) -> Post:
        alerts = list(dict.fromkeys(alerts))
        self._firing[cluster] = list(dict.fromkeys([*self._firing[cluster], *alerts]))
        self._told[cluster] |= dict.fromkeys(alerts)
        return Post(cluster, tuple((alert, True) for alert in alerts))

    def _resolve(self, cluster: str, alerts: Iterable[Alert]) -> Post:
        alerts = list(alerts)
        self._firing[cluster] = [alert for alert in self._firing[cluster] if alert not in alerts]
        return Post(cluster, tuple((alert, False) for alert in alerts))

    def _some(self, things: Sequence[T]) -> list[T]:
        return self._rng.sample(list(things), self._rng.randint(1, min(len(things), TOGETHER)))
