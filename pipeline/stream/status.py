"""A worker is ready when it has the state of what it holds and is not behind; anyone may ask over HTTP."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pipeline import metrics
from pipeline.errors import Misuse

READY_LAG_RECORDS = 1000
STALE_S = 10.0
ASK_TIMEOUT_S = 5.0
STANDBY = "standby: it holds no partition, and takes over those of a worker that ends"


class Status:
    """What the worker knows about itself. Written by the event loop, read by the HTTP server's threads."""

    def __init__(self) -> None:
        self._trouble: str | None = "it is starting"
        self._role: str | None = None
        self._turned_s = time.monotonic()

    def failed(self, trouble: str) -> None:
        """Say what is wrong."""
        self._trouble, self._role = trouble, None
        metrics.WORKER_READY.set(0)

    def turned(self, held: int | None, lag_records: int) -> None:
        """Say how it stands, after every engine of the partitions held has been rebuilt.

        It holds so many; None while the group has not dealt any. A member of the group that got none is ready: it is
        one worker more than there is work for, or Faust dealt four partitions as 2, 2 and 0.
        """
        self._turned_s = time.monotonic()
        self._trouble = None
        if held is None:
            self._trouble = "the group has not dealt its partitions"
        elif lag_records > READY_LAG_RECORDS:
            self._trouble = f"it is {lag_records} records behind"
        self._role = STANDBY if held == 0 else None
        metrics.WORKER_READY.set(self._trouble is None)

    def role(self) -> str | None:
        """What a ready worker does, if that is not to work."""
        return self._role

    def trouble(self) -> str | None:
        """Why it is not ready, or None."""
        silent_s = time.monotonic() - self._turned_s
        if self._trouble is None and silent_s > STALE_S:
            return f"nothing has moved for {silent_s:.0f} s"
        return self._trouble


@contextmanager
def served(status: Status, listen: tuple[str, int] | None) -> Iterator[None]:
    """Answer /healthz, /readyz and /metrics at `listen` meanwhile; do nothing without one. Raises Misuse."""
    if listen is None:
        yield
        return
    try:
        server = ThreadingHTTPServer(listen, _handler(status))
    except OSError as exc:
        raise Misuse(f"cannot listen on {listen[0]}:{listen[1]}: {exc.strerror}") from exc
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, name="status", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _handler(status: Status) -> type[BaseHTTPRequestHandler]:
    answers: dict[str, Callable[[], tuple[int, str, bytes]]] = {
        "/healthz": lambda: (200, "application/json", b'{"status":"alive"}'),
        "/readyz": lambda: _readiness(status.trouble(), status.role()),
        "/metrics": lambda: (200, CONTENT_TYPE_LATEST, generate_latest()),
    }

    class Handler(BaseHTTPRequestHandler):
        timeout = ASK_TIMEOUT_S  # a client that never finishes its request holds one thread, not for ever

        def do_GET(self) -> None:
            answer = answers.get(self.path.partition("?")[0])
            code, kind, body = answer() if answer else (404, "text/plain", b"not found\n")
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: probes come every few seconds."""

    return Handler


def _readiness(trouble: str | None, role: str | None) -> tuple[int, str, bytes]:
    if trouble is not None:
        return 503, "application/json", json.dumps({"status": "not ready", "reason": trouble}).encode()
    body = {"status": "ready"} if role is None else {"status": "ready", "role": role}
    return 200, "application/json", json.dumps(body).encode()
