"""The insides of faust-streaming and aiokafka that the worker subclasses, calls or relies on, and what they were.

When this fails, a release has moved them: read the new source of what it names, beside what leans on it, make the tests
of tests/integration/test_worker*.py pass, and only then write down the new digest (the failure prints it).
"""

import asyncio
import hashlib
import inspect
from importlib.metadata import requires, version
from pydoc import locate
from typing import Any

import pytest
from faust.types import TP

from pipeline.stream.app import BATCH_RECORDS, FETCH_BYTES, SEND_BYTES, new_app
from pipeline.stream.transport import SCHEME, Transport
from pipeline.stream.transport.consumer import FETCH_WAIT_MS

DRIVER = "faust.transport.drivers.aiokafka"
FETCHER = "aiokafka.consumer.fetcher"
ACCUMULATOR = "aiokafka.producer.message_accumulator"
# What it is, what leans on it, the first twelve digits of its source's SHA-256.
INSIDES = [
    ("faust.transport.consumer.Consumer.getmany", "BatchConsumer.getmany takes its place", "4b168d84882a"),
    ("faust.transport.consumer.Consumer._wait_next_records", "BatchConsumer.getmany", "6218e1969a63"),
    ("faust.transport.consumer.Consumer._get_active_partitions", "BatchConsumer.getmany", "b24897f3c7af"),
    ("faust.transport.consumer.Consumer.on_buffer_full", "BatchConsumer.getmany", "c8961679e0bc"),
    ("faust.transport.consumer.Consumer.on_buffer_drop", "BatchConsumer.on_buffer_drop", "4b57e8a418d5"),
    ("faust.transport.consumer.Consumer.perform_seek", "BatchConsumer.getmany", "0e8c130ff4b0"),
    ("faust.transport.consumer.Consumer._drain_messages", "hands on what getmany yields, once each", "44a2500309e8"),
    ("faust.transport.consumer.Consumer._reset_state", "BatchConsumer's state outlives a restart", "488b46f5c7f1"),
    ("faust.transport.consumer.ThreadDelegateConsumer", "_new_consumer_thread, _commit", "a1b934b198fa"),
    ("faust.app.base.App._on_partitions_assigned", "_Worker._assignment: `unassigned`", "de932b7927db"),
    (
        "faust.app.base.App._on_partitions_revoked",
        "_Worker._on_revoked: is awaited",
        "d5c895bbe57d",
    ),
    (f"{DRIVER}.Consumer", "BatchConsumer", "959f899e8ebf"),
    (f"{DRIVER}.AIOKafkaConsumerThread._create_worker_consumer", "_ConsumerThread", "c2701bfc3e6f"),
    (f"{DRIVER}.AIOKafkaConsumerThread._commit", "_ConsumerThread._commit", "932852ce7a23"),
    (f"{DRIVER}.AIOKafkaConsumerThread._fetch_records", "max_poll_records bounds a batch", "39a2c6c79fc1"),
    (f"{DRIVER}.Producer._settings_extra", "IdempotentProducer", "a4c7bc41b638"),
    (f"{DRIVER}.Producer._new_producer", "IdempotentProducer", "e72355c3430e"),
    (f"{DRIVER}.Producer.on_start", "send_drafts uses Producer._producer", "219c9a7a785d"),
    (f"{DRIVER}.Transport", "Transport", "966a67907f33"),
    ("faust.transport.conductor.ConductorCompiler.build", "stream_buffer_maxsize counts batches", "837cf521368c"),
    ("faust.types.tuples.ConsumerMessage", "the message of a batch", "5edc45d571eb"),
    ("faust.types.tuples.Message.__init__", "the message of a batch", "afe1f7597559"),
    ("faust.app.base.App._new_transport", "the entry point", "42db531312dd"),
    ("faust.app.base.App._new_producer_transport", "the entry point", "eb3b4aa6a896"),
    ("faust.app.base.App.on_first_start", "_App makes no folder", "ec655d9c2234"),
    (f"{FETCHER}.Fetcher.fetched_records", "what a batch is", "be4348896b9b"),
    (f"{FETCHER}.Fetcher._get_actions_per_node", "the fetch wait; which partitions a fetch leaves out", "1dab2cf937d1"),
    (f"{FETCHER}.FetchResult.getall", "bound_aiokafka takes its place", "3e717e30de50"),
    (f"{FETCHER}.Fetcher.__init__", "_AsEntries takes the place of its _records", "bf21ecb7e0f2"),
    (f"{FETCHER}.Fetcher._proc_fetch_request", "_AsEntries", "59bf948fff47"),
    (f"{DRIVER}.AIOKafkaConsumerThread.on_start", "_ConsumerThread.on_start", "38b4e8bd1e10"),
    (f"{FETCHER}.FetchResult.__init__", "_AsEntries", "126a3e45763b"),
    (f"{FETCHER}.PartitionRecords._unpack_records", "_AsEntries", "b803e6d46480"),
    (f"{FETCHER}.PartitionRecords._consumer_record", "entry_of takes its place", "e668541600b0"),
    (f"{ACCUMULATOR}.BatchBuilder", "send_drafts", "8050802ca751"),
    (f"{ACCUMULATOR}.MessageAccumulator.add_batch", "send_drafts: batches keep their order", "5ed1c5b1367a"),
    (f"{ACCUMULATOR}.MessageBatch.failure", "Outbox: a failure is told before the next batch is sent", "719b2122c318"),
    ("aiokafka.producer.sender.Sender._sender_routine", "Outbox: as above", "2380dc5e333d"),
    ("aiokafka.producer.sender.SendProduceReqHandler", "Outbox: as above; what is retried", "708c9da866ca"),
    ("aiokafka.producer.producer.AIOKafkaProducer.create_batch", "send_drafts", "c4efda4bb7a0"),
    ("aiokafka.producer.producer.AIOKafkaProducer.send_batch", "send_drafts", "bf42b0f0c5c0"),
    ("aiokafka.partitioner.DefaultPartitioner", "send_drafts", "37af0b3aa687"),
    ("aiokafka.client.AIOKafkaClient._metadata_update", "calm_aiokafka", "06dc51ed3e0d"),
]


def digest_of(name: str) -> str:
    """Twelve digits that change when the source of `name` changes, or `gone`."""
    found: Any = locate(name)
    if found is None:
        return "gone"
    return hashlib.sha256(inspect.getsource(found).encode()).hexdigest()[:12]


@pytest.mark.parametrize(("name", "leaning", "digest"), INSIDES, ids=[name for name, *_ in INSIDES])
def test_what_the_worker_leans_on_has_not_moved(name: str, leaning: str, digest: str) -> None:
    found = digest_of(name)
    releases = f"faust-streaming {version('faust-streaming')}, aiokafka {version('aiokafka')}"
    assert found == digest, f"{name} has moved ({releases}); leaning on it: {leaning}; its digest is now {found!r}"


def test_what_has_moved_is_told_by_its_name() -> None:
    assert digest_of("aiokafka.client.AIOKafkaClient._no_such_thing") == "gone"


@pytest.mark.parametrize("distribution", ["faust-streaming", "aiokafka"])
def test_the_releases_are_pinned_exactly(distribution: str) -> None:
    [pin] = [one for one in requires("pagesieve") or () if one.startswith(distribution)]
    assert pin == f"{distribution}=={version(distribution)}"


def test_faust_finds_our_transport_by_its_entry_point() -> None:
    async def scene() -> None:
        app = new_app("127.0.0.1:1", "test")
        assert app.conf.broker_consumer[0].scheme == SCHEME
        assert type(app.transport) is Transport
        assert type(app.producer_transport) is Transport

    asyncio.run(scene())


def test_our_settings_reach_the_consumer_and_the_producer() -> None:
    async def scene() -> None:
        app = new_app("127.0.0.1:1", "test")
        thread = app.consumer._thread
        consumer = thread._create_worker_consumer(app.transport)
        thread.thread_loop.close()
        try:
            assert consumer._fetch_max_wait_ms == FETCH_WAIT_MS
            assert consumer._fetch_min_bytes == 1
            assert consumer._max_partition_fetch_bytes == FETCH_BYTES
            assert consumer._max_poll_records == BATCH_RECORDS
            assert consumer._enable_auto_commit is False
        finally:
            await consumer.stop()
        producer = app.producer._new_producer()
        try:
            assert producer._message_accumulator._batch_size == SEND_BYTES
        finally:
            await producer.stop()

    asyncio.run(scene())


def test_a_commit_of_nothing_that_is_still_held_is_no_crash() -> None:
    async def scene() -> None:
        app = new_app("127.0.0.1:1", "test")
        thread = app.consumer._thread
        thread._consumer = thread._create_worker_consumer(app.transport)  # it holds nothing
        thread.thread_loop.close()
        try:
            assert not await thread._commit({TP("alerts", 0): 7})
            assert not app._crashed.is_set()
        finally:
            await thread._consumer.stop()

    asyncio.run(scene())
