"""The Faust app is set up here and nowhere else: how it reads, commits and sends, and why each setting is as it is."""

from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver

from schemas.topics import MAX_RECORD_BYTES

# A send that no broker takes within an hour ends the worker; until then an outage is only waited for.
SEND_PATIENCE_S = 3600
REQUEST_TIMEOUT_MS = 30_000
NEVER_S = 1e9
FETCH_WAIT_MS = 20


class _Producer(driver.Producer):  # type: ignore[misc]  # faust is untyped here (pyproject.toml)
    """An idempotent producer: nothing can arrive behind a send that failed, so a repeated prefix stays a prefix."""

    def _settings_extra(self) -> dict[str, Any]:
        return {"enable_idempotence": True}

    def _new_producer(self, transactional_id: str | None = None) -> Any:
        producer = super()._new_producer(transactional_id)
        # aiokafka has one number for how long a record may wait and how long one request may take. They differ: a
        # connection that died silently must be noticed long before a record is given up.
        producer.client._request_timeout_ms = REQUEST_TIMEOUT_MS
        return producer


class _ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # faust is untyped here
    """A fetch that leaves out a partition, because its records are still in hand, must not keep it waiting for long."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer


class _Consumer(driver.Consumer):  # type: ignore[misc]  # faust is untyped here
    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)


class _Transport(driver.Transport):  # type: ignore[misc]  # faust is untyped here
    Consumer = _Consumer
    Producer = _Producer


class _App(faust.App):  # type: ignore[misc]  # faust is untyped here
    """Uses our transport, and makes no folder: nothing is kept on the worker's disk."""

    def _new_transport(self) -> _Transport:
        return _Transport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> _Transport:
        return _Transport(self.conf.broker_producer, self)

    async def on_first_start(self) -> None:
        """Do not make Faust's data folder."""


class RawSchema(faust.Schema):  # type: ignore[misc]  # faust is untyped here
    """Hands bytes on as they are: no record, however broken, is refused before our own code has seen it."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        """The key's bytes, if there are any."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        """The value's bytes, if there are any."""
        return message.value


def new_app(bootstrap: str, group: str) -> Any:
    """A Faust app without agents, as a member of `group`."""
    return _App(
        group,
        broker=[f"kafka://{server}" for server in bootstrap.split(",")],
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,  # `pagesieve topics create` makes them; PartitionsMismatch would loop for ever
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=MAX_RECORD_BYTES,
        broker_max_poll_records=500,
        broker_max_poll_interval=SEND_PATIENCE_S,
        stream_buffer_maxsize=128,  # records, and one may have 16 MiB
        broker_session_timeout=6.0,  # the default, 60 s, is how long a dead worker's partitions would wait
        broker_heartbeat_interval=1.0,
        stream_wait_empty=False,  # offsets are committed by pipeline.stream.outbox, in order
        stream_recovery_delay=0.0,
        stream_processing_timeout=NEVER_S,  # else an idle partition is reported as hanging, every few seconds
        producer_acks=-1,
        producer_max_request_size=MAX_RECORD_BYTES,
        producer_request_timeout=float(SEND_PATIENCE_S),
        producer_linger=0.0,
        producer_compression_type="lz4",
    )


def raw_topic(app: Any, name: str) -> Any:
    """A topic whose records reach an agent as bytes and whose offsets Faust does not commit by itself.

    Faust's own commit may pass a record whose outputs are not durable yet: `Consumer._new_offset` takes whatever was
    acked first where nothing was committed before.
    """
    return app.topic(name, schema=RawSchema(), acks=False)
