"""The log: where records stand, in order and durable. Kafka for teams that have it, SQLite for those that do not."""

from pipeline.log.entry import Broadcaster, Draft, Entry, Follower, Reader, Writer

__all__ = ["Broadcaster", "Draft", "Entry", "Follower", "Reader", "Writer"]
