"""The steps of a scene as the records that monitors and people really send; each driver plays these very records."""

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pipeline.sources.changes import read_change
from schemas import Control, Incident, Outcome, Silence, Status, Tick, Verdict
from tests.golden.script import Scene, Step

# Scenes begin at midnight UTC on a Monday that no clock of today overtakes: time in them is what they say it is, also
# over a worker that tells its own time wherever something is due.
BEGIN_MS = round(datetime(2100, 1, 4, tzinfo=UTC).timestamp() * 1000)


class Raw(NamedTuple):
    """A record of `alerts.raw`."""

    body: bytes
    source: str
    at_ms: int

    @property
    def headers(self) -> dict[str, str]:
        """As the gateway writes them."""
        return {"source": self.source, "received_at": _rfc3339(self.at_ms)}


class Restart(NamedTuple):
    """The worker ends and starts again under the policy of this scene; the control is what it writes into the log."""

    scene: Scene
    control: Control


Said = Raw | Tick | Control | Restart


class Speaker:
    """Says the steps of one scene, in order."""

    def __init__(self, scene: Scene, begin_ms: int) -> None:
        self._scene = scene
        self._begin_ms = begin_ms
        self._known: dict[tuple[str, ...], tuple[str, str]] = {}  # an alert → severity and source of its last firing
        self._silences: dict[str, Silence] = {}

    def say(self, step: Step, incidents: list[Incident]) -> Raw | Tick | Control:
        """The record of one step; `incidents` are those so far, for what people say about one."""
        at_ms = self._ms(step.at_s)
        verb, *words = step.what.split()
        given = dict(word.split("=", 1) for word in words if "=" in word)
        plain = [word for word in words if "=" not in word]
        if verb == "tick":
            return Tick(at_ms=at_ms)
        if verb == "silence":
            return self._silence(plain[0], given, at_ms)
        if verb == "unsilence":
            return self._silence(plain[0], {"until": f"{step.at_s}s"}, at_ms)
        if verb == "change":
            return self._change(" ".join(plain), given, at_ms)
        if verb in {"acknowledge", "unacknowledge"}:
            [about] = {one.incident_id for one in incidents if first_word(one.summary) == plain[0]}
            verdict = Verdict(f"{verb}d")
            outcome = Outcome(incident_id=about, verdict=verdict, by="ada", via="pagerduty", at_ms=at_ms)
            return Control(at_ms=at_ms, outcome=outcome)
        return self._event(Status(verb), plain, given, at_ms)

    def _event(self, status: Status, plain: list[str], given: dict[str, str], at_ms: int) -> Raw:
        began_ms = self._ms(_seconds(given.pop("began"))) if "began" in given else at_ms
        ended_ms = self._ms(_seconds(given.pop("ended"))) if "ended" in given else at_ms
        lease = given.pop("lease", None)
        source = given.pop("source", "prometheus" if lease else "alertmanager")
        *severity, name = plain
        key = (name, *sorted(f"{label}={value}" for label, value in given.items()))
        if status is Status.FIRING:
            self._known[key] = severity[0], source
        # What ends has the labels that it had when it fired; its severity is one of them.
        claimed, source = self._known.get(key, ("warning", source))
        labels = {**given, "scene": self._scene.name}
        if source not in {"alertmanager", "prometheus"}:
            event = {"source": source, "name": name, "labels": labels, "severity": claimed, "status": status}
            return Raw(json.dumps({**event, "starts_at": _rfc3339(began_ms)}).encode(), "canonical", at_ms)
        is_over = status is Status.RESOLVED
        alert: dict[str, Any] = {
            "labels": {"alertname": name, "severity": claimed, **labels},
            "annotations": {},
            "startsAt": _rfc3339(began_ms),
            "endsAt": _rfc3339(ended_ms) if is_over else "0001-01-01T00:00:00Z",
        }
        if source == "prometheus":
            if lease and not is_over:
                alert["endsAt"] = _rfc3339(at_ms + round(_seconds(lease) * 1000))
            return Raw(json.dumps([alert]).encode(), source, at_ms)
        body = {"version": "4", "receiver": "pagesieve", "status": status, "alerts": [{**alert, "status": status}]}
        return Raw(json.dumps(body).encode(), source, at_ms)

    def _silence(self, name: str, given: dict[str, str], at_ms: int) -> Control:
        ends_at_ms = self._ms(_seconds(given.pop("until")))
        begins_ms = self._ms(_seconds(given.pop("from"))) if "from" in given else at_ms
        known = self._silences.get(name)
        matchers = known.matchers if known else tuple(f'{label}="{value}"' for label, value in given.items())
        silence = Silence(
            id=f"{self._scene.name}/{name}",
            matchers=matchers,
            starts_at_ms=known.starts_at_ms if known else begins_ms,
            ends_at_ms=ends_at_ms,
            created_by="ada",
            comment="",
            updated_at_ms=at_ms,
        )
        self._silences[name] = silence
        return Control(at_ms=at_ms, silence=silence)

    def _change(self, summary: str, given: dict[str, str], at_ms: int) -> Control:
        made_ms = self._ms(_seconds(given.pop("made"))) if "made" in given else at_ms
        said = {"summary": summary, "at": _rfc3339(made_ms), "labels": {**given, "scene": self._scene.name}}
        return Control(at_ms=at_ms, change=read_change(said, "", at_ms, None))

    def _ms(self, seconds: float) -> int:
        return self._begin_ms + round(seconds * 1000)


def first_word(summary: str) -> str:
    """What an incident or a page is called in a scene."""
    return summary.split(maxsplit=1)[0].rstrip(",:")


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def _rfc3339(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
