"""Equal keys go to equal partitions, whichever client writes them: the gateway's or the worker's."""

from types import SimpleNamespace

from aiokafka.partitioner import DefaultPartitioner as AiokafkaPartitioner
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import DefaultPartitioner as KafkaPythonPartitioner

PARTITIONS = {0, 1, 2, 3}
CLUSTER = SimpleNamespace(
    topics=lambda: {"alerts"},
    partitions_for_topic=lambda topic: PARTITIONS,
    available_partitions_for_topic=lambda topic: PARTITIONS,
)


@given(st.binary(min_size=1, max_size=200) | st.text(min_size=1).map(str.encode))
def test_both_clients_choose_the_same_partition(key: bytes) -> None:
    ours = AiokafkaPartitioner()(key, list(PARTITIONS), list(PARTITIONS))
    theirs = KafkaPythonPartitioner().partition("alerts", key, key, b"", b"", CLUSTER)
    assert ours == theirs
