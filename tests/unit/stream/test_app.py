"""What the worker needs of Faust and aiokafka beyond their public names; a new release of either must pass this."""

import asyncio

from aiokafka import AIOKafkaClient

from pipeline.stream.app import new_app, raw_topic
from pipeline.stream.patience import calm_aiokafka
from pipeline.stream.transport.producer import REQUEST_TIMEOUT_MS
from schemas.topics import MAX_RECORD_BYTES, RAW


def test_the_producer_is_idempotent_patient_with_outages_and_quick_to_notice_a_dead_connection() -> None:
    async def scene() -> None:
        producer = new_app("127.0.0.1:1", "test").producer._new_producer()
        try:
            assert producer._txn_manager is not None
            assert producer._sender._acks == -1
            assert producer._request_timeout_ms == 3_600_000
            assert producer.client._request_timeout_ms == REQUEST_TIMEOUT_MS
            assert producer._max_request_size == MAX_RECORD_BYTES
        finally:
            await producer.stop()

    asyncio.run(scene())


def test_faust_never_commits_an_offset_by_itself() -> None:
    async def scene() -> None:
        app = new_app("127.0.0.1:1", "test")
        topic = raw_topic(app, RAW.name)
        assert topic.acks is False
        assert not app.topics.acks_enabled_for(RAW.name)

    asyncio.run(scene())


def test_all_servers_of_a_cluster_are_used() -> None:
    async def scene() -> None:
        app = new_app("one:9092,two:9093", "test")
        assert [url.host for url in app.conf.broker_consumer] == ["one", "two"]
        assert [url.port for url in app.conf.broker_producer] == [9092, 9093]

    asyncio.run(scene())


def test_aiokafka_is_calmed_once() -> None:
    calm_aiokafka()
    calmed = AIOKafkaClient._metadata_update
    calm_aiokafka()
    assert AIOKafkaClient._metadata_update is calmed
