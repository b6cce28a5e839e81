"""The Faust app is set up here and nowhere else: how it reads, commits and sends, and why each setting is as it is."""

from typing import Any

import faust
from faust import transport

from pipeline.errors import Missing
from pipeline.stream.transport import SCHEME
from schemas.topics import MAX_RECORD_BYTES

# A send that no broker takes within an hour ends the worker; until then an outage is only waited for.
SEND_PATIENCE_S = 3600
NEVER_S = 1e9
# What stands in memory is bounded by these: of each topic BATCHES batches of at most BATCH_RECORDS records and
# BATCH_BYTES (pipeline.stream.transport.bounded), about as many again in its inbox, and what a fetch of each partition
# brought, packed. One larger record is still fetched, alone.
FETCH_BYTES = 1024 * 1024
BATCH_RECORDS = 500
BATCHES = 5
SEND_BYTES = 1024 * 1024  # of one batch, unpacked; aiokafka's 16 KiB would be a request for every two webhooks of ten


class _App(faust.App):  # type: ignore[misc]  # faust is untyped here
    """Makes no folder: nothing is kept on the worker's disk."""

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


def new_app(bootstrap: str, group: str, member: str | None = None) -> Any:
    """A Faust app without agents, as a member of `group`; `member` is a name that outlives a restart.

    Raises Missing where Faust does not know our transport.
    """
    try:
        transport.by_url(f"{SCHEME}://")
    except ModuleNotFoundError:
        raise Missing("Faust does not find pagesieve's transport, an entry point: install pagesieve again") from None
    return _App(
        group,
        broker=[f"{SCHEME}://{server}" for server in bootstrap.split(",")],
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,  # `pagesieve topics create` makes them; PartitionsMismatch would loop for ever
        consumer_group_instance_id=member,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=FETCH_BYTES,
        broker_max_poll_records=BATCH_RECORDS,
        broker_max_poll_interval=SEND_PATIENCE_S,
        stream_buffer_maxsize=BATCHES,
        broker_session_timeout=6.0,  # the default, 60 s, is how long a dead worker's partitions would wait
        broker_heartbeat_interval=1.0,
        stream_wait_empty=False,  # offsets are committed by pipeline.stream.outbox, in order
        stream_recovery_delay=0.0,
        stream_processing_timeout=NEVER_S,  # else an idle partition is reported as hanging, every few seconds
        producer_acks=-1,
        producer_max_request_size=MAX_RECORD_BYTES,
        producer_request_timeout=float(SEND_PATIENCE_S),
        producer_linger=0.0,  # whatever is sent is a whole batch already
        producer_max_batch_size=SEND_BYTES,
        producer_compression_type="zstd",  # .5 µs a record and 28 bytes; aiokafka's lz4, at level 9, takes 2 and 56
    )


def raw_topic(app: Any, name: str) -> Any:
    """A topic whose records reach an agent as bytes and whose offsets Faust does not commit by itself.

    Faust's own commit may pass a record whose outputs are not durable yet: `Consumer._new_offset` takes whatever was
    acked first where nothing was committed before.
    """
    return app.topic(name, schema=RawSchema(), acks=False)
