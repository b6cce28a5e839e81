"""The producer with the known truth: it writes down what it sends before it sends it, and what was acknowledged."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from random import Random

import httpx

from tests.chaos.story import Post, Story

TIMEOUT_S = 8.0  # a stopped gateway takes the connection and answers nothing
PAUSE_S = (0.02, 0.25)
AGAIN_S = 0.3


@dataclass
class Attempt:
    """One request. Unless it was acknowledged, it may have arrived or not; with a stopped gateway also much later."""

    post: Post
    is_acknowledged: bool = False


@dataclass
class Ledger:
    """All attempts by their mark, and what was answered that should never be."""

    attempts: dict[str, Attempt] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """Events that were acknowledged."""
        return sum(attempt.post.events for attempt in list(self.attempts.values()) if attempt.is_acknowledged)


class Teller(threading.Thread):
    """Tells one story to the gateways, a post at a time, each again and again until one acknowledges it."""

    def __init__(self, seed: int, number: int, gateways: Sequence[str], ledger: Ledger) -> None:
        super().__init__(daemon=True)
        self.story = Story(seed, number)
        self._rng = Random(f"{seed}/teller/{number}")  # noqa: S311 - no secret
        self._number, self._gateways, self._ledger = number, gateways, ledger
        self._posts = count()
        self._is_ending, self._is_over = threading.Event(), threading.Event()

    def run(self) -> None:
        with httpx.Client(timeout=TIMEOUT_S) as client:
            for post in self.story.beginning():
                self._tell(client, post)
            while not self._is_ending.wait(self._rng.uniform(*PAUSE_S)):
                self._tell(client, self.story.next())
            for post in self.story.ending():
                self._tell(client, post)

    def end(self) -> None:
        """Come to the end: everything that fires is over."""
        self._is_ending.set()

    def close(self) -> None:
        """Say no more."""
        self._is_ending.set()
        self._is_over.set()
        if self.is_alive():
            self.join()

    def _tell(self, client: httpx.Client, post: Post) -> None:
        number, gateway = next(self._posts), self._rng.randrange(len(self._gateways))
        for again in count():
            if self._is_over.is_set():
                return
            mark = f"mark-{self._number}-{number}-{again}."
            attempt = self._ledger.attempts[mark] = Attempt(post)
            body = post.body(mark, datetime.now(UTC).isoformat())
            try:
                answer = client.post(self._gateways[gateway] + post.path, content=body)
            except httpx.TransportError:
                pass
            else:
                attempt.is_acknowledged = is_acknowledged(answer, post)
                if attempt.is_acknowledged:
                    return
                if answer.status_code != 503:
                    self._ledger.strange.append(f"{mark} was answered {answer.status_code}: {answer.text[:300]}")
                    return
            gateway = (gateway + 1) % len(self._gateways)
            self._is_over.wait(AGAIN_S)


def is_acknowledged(answer: httpx.Response, post: Post) -> bool:
    """2xx, or the 400 of a post with something bad in it that names how many it kept."""
    if post.is_spoilt and answer.status_code == 400:
        return bool(answer.json().get("kept") == len(post.alerts))
    return answer.is_success and bool(answer.json().get("accepted") == len(post.alerts))
