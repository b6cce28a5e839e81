"""All that kafka-python leaves untyped passes here: its clients are made, and its records become entries.

Verified against kafka-python 3.0.12. Its constructors connect at once, and when that fails they leave sockets and
threads behind; `kafka_client`, the hook for one's own network client, is how they are found and closed.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.net.compat import KafkaNetClient
from kafka.protocol.api_message import ApiMessage

from pipeline.errors import Misuse, Retryable
from pipeline.log.entry import Draft, Entry
from schemas.topics import MAX_RECORD_BYTES

BATCH_BYTES = 256 * 1024  # a partition has one batch under way, so a batch takes all that came meanwhile
METADATA_TIMEOUT_MS = 1000  # for a topic that was never written before; other appends wait behind it
RECONNECT_BACKOFF_MAX_MS = 1000  # how late, at most, the end of an outage is noticed
SESSION_TIMEOUT_MS = 6000  # how long a killed member keeps its partitions; the least that brokers allow by default
HEARTBEAT_MS = 2000
# A member that joins before its client knows the topics is dealt nothing, and learns better only at its next look: by
# default after five minutes, in which nobody was paged.
LOOK_AGAIN_MS = 3000


def make_producer(bootstrap: str, timeout_s: float) -> Any:
    """A producer whose sends are durable or fail within `timeout_s`. Raises Retryable and Misuse. Blocks."""
    timeout_ms = int(timeout_s * 1000)
    return _make(
        KafkaProducer,
        bootstrap,
        timeout_s,
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        linger_ms=0,
        batch_size=BATCH_BYTES,
        # Ours is the limit (backlog.py), and this one counts what Kafka adds around a record.
        max_request_size=MAX_RECORD_BYTES + 64 * 1024,
        max_block_ms=min(METADATA_TIMEOUT_MS, timeout_ms),
        delivery_timeout_ms=timeout_ms,
        # The answer to a request that hangs is given up in time for one more attempt.
        request_timeout_ms=timeout_ms // 2,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )


def make_consumer(bootstrap: str, timeout_s: float, group: str | None) -> Any:
    """A consumer that commits only what it is told to; without a group it only reads. Raises likewise. Blocks."""
    settings: dict[str, Any] = {"group_id": group}
    if group is not None:
        settings |= {
            "session_timeout_ms": SESSION_TIMEOUT_MS,
            "heartbeat_interval_ms": HEARTBEAT_MS,
            "metadata_max_age_ms": LOOK_AGAIN_MS,
        }
    return _make(
        KafkaConsumer,
        bootstrap,
        timeout_s,
        # "earliest" also for readers without a group: `assign` and a seek to the start race with a reset to "latest".
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        request_timeout_ms=max(int(timeout_s * 1000), 1000),
        allow_auto_create_topics=False,
        metrics_enabled=False,
        **settings,
    )


def ask(bootstrap: str, timeout_s: float) -> None:
    """Return if a broker answers for its metadata, on a new connection. Raises likewise. Blocks."""
    _make(KafkaAdminClient, bootstrap, timeout_s, request_timeout_ms=int(timeout_s * 1000)).close()


def count_partitions(bootstrap: str, timeout_s: float, topic: str) -> int:
    """How many partitions `topic` has. Raises Retryable, also where there is none of that name, and Misuse. Blocks."""
    admin = _make(KafkaAdminClient, bootstrap, timeout_s, request_timeout_ms=int(timeout_s * 1000))
    try:
        (found,) = admin.describe_topics([topic])
    except KafkaError as exc:
        raise Retryable(f"Kafka at {bootstrap} does not tell of {topic}: {exc}") from exc
    finally:
        admin.close()
    if not found["partitions"]:
        raise Retryable(f"there is no topic {topic}: run `pagesieve topics create`")
    return len(found["partitions"])


def end_producer(producer: Any, timeout_s: float) -> None:
    """Let the producer finish or fail what it has under way, and stop its thread. Blocks."""
    try:
        producer.close(timeout=timeout_s)
    except KafkaTimeoutError:
        # `close` gives up before it stops the thread if a batch is left, as without an answer to its first request.
        producer._sender.force_close()


def entry_of(record: Any) -> Entry:
    """A consumer's record as an entry. Other producers' keys and headers need not be UTF-8, nor be there at all."""
    headers = {name: (text or b"").decode(errors="replace") for name, text in record.headers}
    key = (record.key or b"").decode(errors="replace")
    return Entry(record.topic, record.partition, record.offset, key, record.value or b"", headers, record.timestamp)


def send_arguments(draft: Draft) -> Mapping[str, Any]:
    """A draft as the arguments of a producer's `send`; the partition is the default partitioner's (murmur2)."""
    return {
        "topic": draft.topic,
        "key": draft.key.encode(),
        "value": draft.value,
        "headers": [(name, text.encode()) for name, text in draft.headers.items()],
        "partition": draft.partition,
    }


def _settle_messages() -> None:
    """Make the classes of all versions of Kafka's messages now, on one thread, in a hundredth of a second.

    kafka-python makes one where it first reads such an answer, without a lock. When two clients do at the same time one
    class is dropped, and if that was the one in the registry, which holds it weakly, no client of this process could
    read that answer again: a gateway that began so was never ready.
    """
    for message in ApiMessage.__subclasses__():
        for version in range(message.min_version, message.max_version + 1):
            message[version]


def _make(make: Callable[..., Any], bootstrap: str, timeout_s: float, **settings: Any) -> Any:
    networks: list[Any] = []

    def network(**its_settings: Any) -> Any:
        networks.append(KafkaNetClient(**its_settings))
        return networks[-1]

    try:
        return make(
            bootstrap_servers=bootstrap.split(","),
            bootstrap_timeout_ms=int(timeout_s * 1000),
            reconnect_backoff_max_ms=RECONNECT_BACKOFF_MAX_MS,
            kafka_client=network,
            **settings,
        )
    except (KafkaError, OSError, ValueError) as exc:
        for made in networks:
            with contextlib.suppress(KafkaError, OSError, RuntimeError):
                made.close()
        if isinstance(exc, ValueError):
            raise Misuse(f"{bootstrap} is no list of Kafka servers, host:port[,host:port…]: {exc}") from exc
        raise Retryable(f"Kafka at {bootstrap} does not answer: {exc}") from exc


_settle_messages()
