"""A writer on Kafka: it returns once every in-sync replica has acknowledged, and it outlives the broker's outages.

One thread owns the producer, because making one and a first send to a topic block. The producer's own buffer has no
limit, so the backlog is counted here. After any send that failed the producer is given up and a new one made: its
sequence numbers may have a gap then, and what it still has under way must not come behind what is sent next.
"""

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from kafka.errors import KafkaError

from pipeline.errors import Fault, Misuse, Retryable
from pipeline.log.backlog import Backlog
from pipeline.log.entry import Draft
from pipeline.log.kafka_client import ask, count_partitions, end_producer, make_producer, send_arguments

CHECK_TIMEOUT_S = 2.0

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Sending:
    """One call of `append` on its way."""

    drafts: Sequence[Draft]
    size: int
    deadline_s: float
    done: asyncio.Future[None]
    unanswered: int
    error: Exception | None = None


class KafkaWriter:
    """A `Broadcaster` on the Kafka at `bootstrap`. Belongs to the event loop in which it is made."""

    def __init__(self, bootstrap: str, append_timeout_s: float) -> None:
        self._bootstrap = bootstrap
        self._append_timeout_s = append_timeout_s
        self._loop = asyncio.get_running_loop()
        self._backlog = Backlog()
        self._is_closed = False
        self._queue: queue.SimpleQueue[Sending | None] = queue.SimpleQueue()
        self._answers = threading.Lock()  # kafka-python answers in its thread, and at once in ours
        self._producer: Any = None
        self._has_failed = False
        self._checking = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pagesieve-kafka-check")
        self._check: asyncio.Future[None] | None = None
        self._thread = threading.Thread(target=self._run, name="pagesieve-kafka-write", daemon=True)
        self._thread.start()

    async def append(self, drafts: Sequence[Draft]) -> None:
        """See `Writer`."""
        if self._is_closed:
            raise Retryable("the writer is closed")
        if not drafts:
            return
        size = self._backlog.admit(drafts)
        deadline_s = time.monotonic() + self._append_timeout_s
        sending = Sending(drafts, size, deadline_s, self._loop.create_future(), len(drafts))
        self._queue.put(sending)
        try:
            async with asyncio.timeout(self._append_timeout_s):
                await sending.done
        except TimeoutError:
            raise Retryable(f"Kafka did not acknowledge within {self._append_timeout_s:g} s") from None

    async def check(self) -> None:
        """See `Writer`. Calls that meet share one question to the broker."""
        if self._check is None or self._check.done():
            timeout_s = min(CHECK_TIMEOUT_S, self._append_timeout_s)
            self._check = self._loop.run_in_executor(self._checking, ask, self._bootstrap, timeout_s)
            # Its callers may be gone when it fails, and nobody would have looked.
            self._check.add_done_callback(lambda check: check.cancelled() or check.exception())
        await asyncio.shield(self._check)

    async def partitions(self, topic: str) -> int:
        """See `Broadcaster`."""
        timeout_s = min(CHECK_TIMEOUT_S, self._append_timeout_s)
        return await asyncio.to_thread(count_partitions, self._bootstrap, timeout_s, topic)

    async def close(self) -> None:
        """See `Writer`. Takes `append_timeout_s` at most, twice if the broker is away."""
        self._is_closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        self._checking.shutdown(wait=False)

    def _run(self) -> None:
        while (sending := self._queue.get()) is not None:
            if self._has_failed:
                self._give_up_producer()
            if time.monotonic() < sending.deadline_s:
                sent, error = self._send(sending)
            else:
                sent, error = 0, Retryable("Kafka is behind")
            if error is not None:
                self._answer(sending, error, len(sending.drafts) - sent)
        self._give_up_producer()

    def _send(self, sending: Sending) -> tuple[int, Exception | None]:
        """Hand the drafts to the producer, which answers for each; how many, and why not the rest."""
        sent = 0
        try:
            if self._producer is None:
                self._producer = make_producer(self._bootstrap, self._append_timeout_s)
            for draft in sending.drafts:
                future = self._producer.send(**send_arguments(draft))
                sent += 1
                future.add_callback(self._acknowledged, sending)
                future.add_errback(self._refused, sending)
        except (Retryable, Misuse) as exc:
            return sent, exc
        except KafkaError as exc:
            return sent, Retryable(f"Kafka takes no record for {sending.drafts[sent].topic}: {exc}")
        except Exception as exc:
            # The thread must outlive any error, or every later append would wait in vain.
            _log.exception("the Kafka writer failed on a record")
            return sent, Fault(f"the Kafka writer failed on a record: {exc!r}")
        return sent, None

    def _acknowledged(self, sending: Sending, _metadata: Any) -> None:
        self._answer(sending, None, 1)

    def _refused(self, sending: Sending, exc: Exception) -> None:
        self._has_failed = True
        self._answer(sending, Retryable(f"Kafka did not acknowledge: {exc}"), 1)

    def _answer(self, sending: Sending, error: Exception | None, records: int) -> None:
        """Note the outcome of some of the records, and tell the caller when it was the last. Any thread."""
        with self._answers:
            sending.unanswered -= records
            sending.error = sending.error or error
            is_over = sending.unanswered == 0
        if is_over:
            # A loop that is closed already has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._settle, sending)

    def _settle(self, sending: Sending) -> None:
        self._backlog.release(sending.size)
        if sending.done.done():  # its caller has given up
            return
        if sending.error is None:
            sending.done.set_result(None)
        else:
            sending.done.set_exception(sending.error)

    def _give_up_producer(self) -> None:
        if self._producer is not None:
            # Waits for what is under way; each batch is acknowledged or given up within the delivery time-out.
            end_producer(self._producer, self._append_timeout_s + 1)
        self._producer, self._has_failed = None, False
