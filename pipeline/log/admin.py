"""The topics on a real Kafka are those of schemas/topics.py: made here, and compared here."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    AuthorizationError,
    InvalidReplicationFactorError,
    KafkaError,
    TopicAlreadyExistsError,
    for_code,
)

from pipeline.errors import Missing, Misuse, Retryable
from schemas.topics import MAX_RECORD_BYTES, TOPICS, Topic

CONNECT_TIMEOUT_MS = 5_000


def create_topics(bootstrap: str, replication: int) -> list[str]:
    """Make every topic that is not there yet and return the names of those made.

    A topic that exists is left as it is, whatever its settings: `check_topics` says what differs. Raises Missing
    if no broker answers, Misuse if the cluster is too small for `replication`, Retryable if the broker fails midway.
    """
    wanted = {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": replication,
            "configs": topic_settings(topic, replication),
        }
        for topic in TOPICS
    }
    with _admin(bootstrap) as admin:
        # Asking for all and taking "exists already" for an answer: only the controller knows, a list may be stale.
        answer = admin.create_topics(wanted, raise_errors=False)
        made = [topic["name"] for topic in answer["topics"] if _is_made(topic, replication)]
        admin.wait_for_topics(list(wanted))
        return made


def check_topics(bootstrap: str) -> list[str]:
    """Every difference between the cluster and schemas/topics.py, a sentence each that says what to do.

    Raises Missing if no broker answers, Retryable if it fails midway.
    """
    with _admin(bootstrap) as admin:
        found = {topic["name"]: topic["partitions"] for topic in admin.describe_topics()}
        names = [topic.name for topic in TOPICS if topic.name in found]
        settings = _settings(admin, names) if names else {}
    differences: list[str] = []
    for topic in TOPICS:
        if topic.name not in found:
            differences.append(f"{topic.name} does not exist: run `pagesieve topics create`.")
            continue
        partitions = found[topic.name]
        if len(partitions) != topic.partitions:
            differences.append(_partitions_differ(topic, len(partitions)))
        replication = min((len(partition["replica_nodes"]) for partition in partitions), default=1)
        wanted = topic_settings(topic, replication)
        differences += _settings_differ(topic.name, wanted, settings[topic.name])
    return differences


def topic_settings(topic: Topic, replication: int) -> dict[str, str]:
    """Kafka's own settings for `topic` with so many replicas."""
    return {
        # A compacted topic also forgets: what nobody has touched for so long is history, and the archive's.
        "cleanup.policy": "compact,delete" if topic.is_compacted else "delete",
        "max.message.bytes": str(MAX_RECORD_BYTES),
        # An acknowledged record survives the loss of one broker, and the loss of one broker stops nothing.
        "min.insync.replicas": "2" if replication > 2 else "1",
        "retention.ms": str(topic.retention_ms),
        **topic.settings,
    }


@contextmanager
def _admin(bootstrap: str) -> Iterator[Any]:
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(","), bootstrap_timeout_ms=CONNECT_TIMEOUT_MS)
    except (KafkaError, OSError) as exc:
        raise Missing(f"no Kafka broker answers at {bootstrap}: {exc}") from exc
    except ValueError as exc:
        raise Misuse(f"{bootstrap} is no list of Kafka servers, host:port[,host:port…]: {exc}") from exc
    try:
        yield admin
    except AuthorizationError as exc:
        raise Misuse(f"Kafka at {bootstrap} does not allow it: {exc}") from exc
    except KafkaError as exc:
        raise Retryable(f"Kafka at {bootstrap} failed: {exc}") from exc
    finally:
        admin.close()


def _is_made(topic: Mapping[str, Any], replication: int) -> bool:
    """Whether this call made `topic`; false if another did in the meantime. Raises the broker's refusal."""
    if not topic["error_code"]:
        return True
    refusal = for_code(topic["error_code"])
    if refusal is TopicAlreadyExistsError:
        return False
    if refusal is InvalidReplicationFactorError:
        raise Misuse(
            f"PAGESIEVE_REPLICATION={replication} asks for more replicas of {topic['name']} than there are brokers"
        )
    raise refusal(topic["error_message"])


def _settings(admin: Any, names: list[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    described = admin.describe_configs(resources, config_filter="all")["topic"]
    return {name: {key: config["value"] for key, config in described[name].items()} for name in names}


def _partitions_differ(topic: Topic, partitions: int) -> str:
    return (
        f"{topic.name} has {partitions} partitions instead of {topic.partitions}: keys would stand in other partitions "
        "than before, so stop the gateway, let the worker and the pager finish, delete the topic and run "
        "`pagesieve topics create`."
    )


def _settings_differ(name: str, wanted: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    return [
        f"{name} has {key}={found.get(key, '')} instead of {value}: run `kafka-configs.sh "
        f"--bootstrap-server $PAGESIEVE_KAFKA --alter --entity-type topics --entity-name {name} "
        f"--add-config {key}=[{value}]`."
        for key, value in wanted.items()
        if _as_set(found.get(key, "")) != _as_set(value)
    ]


def _as_set(value: str) -> set[str]:
    """Kafka keeps the order in which cleanup policies were given; the order means nothing."""
    return set(value.split(","))
