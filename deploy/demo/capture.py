"""Records `story.ndjson`: every webhook that a pair of real Alertmanagers sends while the storyline plays.

Run `python -m deploy.demo.capture` where Debian's prometheus-alertmanager is installed; it takes under a minute. The
pair does not gossip, as when the network between the two is cut, so each notifies everything: the worst that a highly
available pair does.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import httpx

from deploy.demo.storyline import Condition, conditions

ALERTMANAGER = "/usr/bin/prometheus-alertmanager"
STORY = Path(__file__).with_name("story.ndjson")
REPLICAS = ("a", "b")
EVALUATION_S = 0.25  # Prometheus' evaluation_interval, much shortened
RESEND_S = 2.0  # Prometheus' --rules.alert.resend-delay, likewise; an alert's lease is four of them
QUIET_S = 5.0  # after the last condition has ended, Alertmanager still has its resolves to send

# What a site would write, with every interval shortened: 30 s, 5 m and 4 h are Alertmanager's own.
CONFIG = """\
route:
  receiver: pagesieve
  group_by: [alertname, cluster, namespace]
  group_wait: 1s
  group_interval: 2s
  repeat_interval: 9s
receivers:
  - name: pagesieve
    webhook_configs:
      - url: http://127.0.0.1:{port}/{replica}
        send_resolved: true
"""


class Webhook(NamedTuple):
    """One body as it arrived."""

    at_s: float
    replica: str
    body: str

    def line(self, start_s: float) -> str:
        """The body as a line of the story, so that `pagesieve replay` reads it; before it the ms since `start_s`."""
        after_ms = round((self.at_s - start_s) * 1000)
        return f'{{"after_ms":{after_ms},"replica":"{self.replica}",{self.body.removeprefix("{")}\n'


def main() -> None:
    """Play the storyline into two Alertmanagers and write what they notify."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=STORY)
    out: Path = parser.parse_args().out
    received: list[Webhook] = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pagesieve-capture-")))
        port = stack.enter_context(_receiver(received))
        urls = [stack.enter_context(_alertmanager(replica, folder, port)) for replica in REPLICAS]
        story = conditions()
        print(f"playing {max(condition.to_s for condition in story):.0f} s", file=sys.stderr)
        _play(story, urls)
        time.sleep(QUIET_S)
    with out.open("w", encoding="utf-8") as file:
        file.writelines(webhook.line(received[0].at_s) for webhook in received)
    print(f"{len(received)} webhooks, {out.stat().st_size:,} bytes: {out}", file=sys.stderr)


def _play(story: list[Condition], urls: list[str]) -> None:
    """Send alerts as Prometheus does: when they begin, again every RESEND_S with a renewed lease, and when they end."""
    started, began_at = time.monotonic(), datetime.now(UTC)
    sent_s: dict[int, float] = {}
    over: set[int] = set()
    while len(over) < len(story):
        now_s = time.monotonic() - started
        due = []
        for number, condition in enumerate(story):
            is_over = now_s >= condition.to_s
            is_news = number not in sent_s or is_over or now_s - sent_s[number] >= RESEND_S
            if condition.from_s <= now_s and number not in over and is_news:
                due.append(_alert(condition, began_at, now_s))
                sent_s[number] = now_s
                if is_over:
                    over.add(number)
        for url in urls if due else ():
            httpx.post(f"{url}/api/v2/alerts", json=due).raise_for_status()
        time.sleep(EVALUATION_S)


def _alert(condition: Condition, began_at: datetime, now_s: float) -> dict[str, object]:
    """One item of a body to `/api/v2/alerts`; the end of what still holds is a lease."""
    ends_s = condition.to_s if now_s >= condition.to_s else now_s + 4 * RESEND_S
    return {
        "labels": condition.labels,
        "annotations": condition.annotations(),
        "startsAt": (began_at + timedelta(seconds=condition.from_s)).isoformat(timespec="milliseconds"),
        "endsAt": (began_at + timedelta(seconds=ends_s)).isoformat(timespec="milliseconds"),
        "generatorURL": condition.generator_url(),
    }


@contextlib.contextmanager
def _receiver(received: list[Webhook]) -> Iterator[int]:
    """A loopback endpoint that keeps every body; the last part of the path says which replica sent it."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode().strip()
            json.loads(body)  # a line of the story must be JSON
            with lock:
                received.append(Webhook(time.monotonic(), self.path.strip("/"), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing for every request."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def _alertmanager(replica: str, folder: Path, receiver_port: int) -> Iterator[str]:
    """A real Alertmanager on loopback; gives its URL once it is ready."""
    config = folder / f"{replica}.yml"
    config.write_text(CONFIG.format(port=receiver_port, replica=replica))
    url = f"http://127.0.0.1:{_free_port()}"
    command = [
        ALERTMANAGER,
        f"--config.file={config}",
        f"--storage.path={folder / replica}",
        f"--web.listen-address={url.removeprefix('http://')}",
        f"--web.external-url=http://alertmanager-{replica}.example.com:9093",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    process = subprocess.Popen(command)  # noqa: S603 - a fixed command with paths of our own
    try:
        _wait_until_ready(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/-/ready").is_success:
                return
        time.sleep(0.05)
    raise SystemExit(f"no Alertmanager at {url}")


def _free_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return server.server_address[1]


if __name__ == "__main__":
    main()
