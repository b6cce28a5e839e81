"""Posts the captured webhooks in their order and at their own pace, only faster."""

import json
import time
from pathlib import Path
from typing import NamedTuple

import httpx

from pipeline.errors import Missing

STORY = Path(__file__).with_name("story.ndjson")
PATIENCE_S = 10.0  # Alertmanager repeats what is answered 5xx; so does this, for so long

# What happens in the story, by the time of the webhook that first tells of it.
CAPTIONS = (
    (0, "A probe from outside begins to flap: status.example.com"),
    (2_200, "worker-7, a node of cluster eu-1, dies"),
    (4_200, "The pods that ran on worker-7 follow"),
    (7_300, "The services that those pods served suffer"),
    (13_100, "Elsewhere, in us-2, a disk is filling"),
    (16_200, "Both Alertmanagers repeat what still fires"),
    (22_400, "The disk in us-2 is almost full: worse than it was"),
    (28_200, "worker-7 is back, and one by one pods and services recover"),
    (36_400, "Space is made on the disk in us-2"),
    (37_700, "All is quiet. An incident that stays so for 5 s is over"),
)


class Webhook(NamedTuple):
    """One body as an Alertmanager sent it, `after_ms` after the first."""

    after_ms: int
    replica: str
    body: bytes
    about: str  # the labels that all alerts in it share, by Alertmanager's own grouping
    alerts: tuple[str, ...]  # the labels of each alert in it, as JSON


def read_story(path: Path = STORY) -> list[Webhook]:
    """The captured webhooks, in order."""
    story = []
    for line in path.read_text(encoding="utf-8").splitlines():
        body = json.loads(line)
        after_ms, replica = body.pop("after_ms"), body.pop("replica")
        alerts = tuple(json.dumps(alert["labels"], sort_keys=True) for alert in body["alerts"])
        about = " ".join(body["groupLabels"].values())
        story.append(Webhook(after_ms, replica, json.dumps(body).encode(), about, alerts))
    return story


class Telling:
    """Tells the story to a gateway within `duration_s`; `post_due` is called as often as the caller likes."""

    def __init__(self, story: list[Webhook], url: str, duration_s: float) -> None:
        self.story = story
        self._client = httpx.Client(base_url=url, timeout=10.0)
        self._speed = story[-1].after_ms / 1000 / duration_s
        self._started_s = time.monotonic()
        self._taken_s = 0.0
        self.posted = 0

    @property
    def is_over(self) -> bool:
        """Whether every webhook was taken."""
        return self.posted == len(self.story)

    @property
    def elapsed_s(self) -> float:
        """How long the telling has lasted."""
        return time.monotonic() - self._started_s

    @property
    def caption(self) -> str:
        """What is happening in the story."""
        after_ms = self.elapsed_s * 1000 * self._speed
        return [text for from_ms, text in CAPTIONS if from_ms <= after_ms][-1]

    def post_due(self) -> None:
        """Post every webhook whose time has come, those first that were not taken before.

        Raises Missing if the gateway refuses one, or takes none for longer than PATIENCE_S.
        """
        while not self.is_over and self.story[self.posted].after_ms <= self.elapsed_s * 1000 * self._speed:
            refusal = self._post(self.story[self.posted].body)
            if refusal:
                if self.elapsed_s - self._taken_s > PATIENCE_S:
                    raise Missing(f"the gateway takes no alerts: {refusal}")
                return
            self._taken_s = self.elapsed_s
            self.posted += 1

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()

    def _post(self, body: bytes) -> str:
        """Post one body, and say why it was not taken, if it may be taken later; empty if it was."""
        try:
            answer = self._client.post("/v1/alertmanager", content=body, headers={"Content-Type": "application/json"})
        except httpx.TransportError as exc:
            return type(exc).__name__
        said = f"{answer.status_code} {answer.text[:300]}"
        if not answer.is_success and not answer.is_server_error:
            raise Missing(f"the gateway refused an alert: {said}")
        return "" if answer.is_success else said
