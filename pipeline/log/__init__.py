"""The log: where records stand, in order and durable. Kafka for teams that have it, SQLite for those that do not."""

from pipeline.log.entry import Draft, Entry, Reader, Writer

__all__ = ["Draft", "Entry", "Reader", "Writer"]
