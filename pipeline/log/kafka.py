"""The log on Kafka, for teams that have it."""

from pipeline.log.kafka_follower import KafkaFollower
from pipeline.log.kafka_reader import KafkaReader
from pipeline.log.kafka_writer import KafkaWriter

__all__ = ["KafkaFollower", "KafkaReader", "KafkaWriter"]
