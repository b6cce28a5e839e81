"""The topics of schemas/topics.py on a real broker: made once, compared, and explained."""

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from pipeline.errors import Missing, Misuse
from pipeline.log.admin import check_topics, create_topics
from schemas.topics import TOPICS
from tests.integration.broker import Broker
from tests.integration.real import free_ports

pytestmark = pytest.mark.integration


def test_created_topics_are_those_of_the_schema(broker: Broker) -> None:
    assert check_topics(broker.bootstrap) == []
    with broker.admin() as admin:
        assert {topic.name for topic in TOPICS} <= set(admin.list_topics())


def test_creating_again_makes_nothing(broker: Broker) -> None:
    assert create_topics(broker.bootstrap, replication=1) == []


def test_a_missing_topic_is_named_and_then_made(broker: Broker) -> None:
    broker.delete_topics(["pages"])
    assert check_topics(broker.bootstrap) == ["pages does not exist: run `pagesieve topics create`."]
    assert create_topics(broker.bootstrap, replication=1) == ["pages"]
    assert check_topics(broker.bootstrap) == []


def test_a_changed_topic_is_explained_and_left_alone(broker: Broker) -> None:
    broker.delete_topics(["alerts"])
    with broker.admin() as admin:
        admin.create_topics({"alerts": {"num_partitions": 2, "replication_factor": 1}})
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "incidents", {"cleanup.policy": "delete"})])
    assert create_topics(broker.bootstrap, replication=1) == []
    differences = check_topics(broker.bootstrap)
    assert any(line.startswith("alerts has 2 partitions instead of 4") for line in differences)
    assert any("--entity-name incidents --add-config cleanup.policy=[compact,delete]" in line for line in differences)
    assert all(line.startswith(("alerts ", "incidents ")) for line in differences)


def test_more_replicas_than_brokers_is_misuse(broker: Broker) -> None:
    broker.delete_topics(["pages"])
    with pytest.raises(Misuse, match="PAGESIEVE_REPLICATION=3"):
        create_topics(broker.bootstrap, replication=3)


def test_a_broker_that_is_away_is_missing() -> None:
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(Missing, match=f"no Kafka broker answers at {nobody}"):
        check_topics(nobody)


def test_an_address_that_is_none_is_misuse() -> None:
    with pytest.raises(Misuse, match="host:port"):
        create_topics("kafka:port", replication=1)
