"""The contract as programs and people read it: a JSON Schema for every record, and the table of topics."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from schemas.record import Record
from schemas.topics import ALWAYS_DAYS, DAY_MS, RAW, TOPICS, Topic

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def records() -> dict[str, type[Record]]:
    """Every record that stands on a topic, by name."""
    return {record.__name__: record for topic in TOPICS for record in topic.record}


def schema_text() -> str:
    """One JSON object: record name → its JSON Schema, as a reader of the topics needs it."""
    described = {name: {"$schema": DIALECT, **record.model_json_schema()} for name, record in records().items()}
    return json.dumps(described, indent=2)


def topics_text() -> str:
    """One JSON array: every topic with key, records, partitions, retention and version."""
    return json.dumps([_described(topic) for topic in TOPICS], indent=2)


def print_topics() -> None:
    """The same for a person."""
    table = Table("topic", "key", "record", "partitions", "kept", "version", box=None, pad_edge=False)
    for topic in TOPICS:
        days = topic.retention_ms // DAY_MS
        span = "always" if days == ALWAYS_DAYS else f"{days} days"
        kept = f"{span}{', compacted' if topic.is_compacted else ''}"
        bytes_of = "the producer's own body" if topic is RAW else "bytes"
        record = " | ".join(record.__name__ for record in topic.record) or bytes_of
        table.add_row(topic.name, topic.key, record, str(topic.partitions), kept, str(topic.version))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _described(topic: Topic) -> dict[str, Any]:
    return {
        "name": topic.name,
        "key": topic.key,
        "records": [record.__name__ for record in topic.record],
        "partitions": topic.partitions,
        "retention_ms": topic.retention_ms,
        "is_compacted": topic.is_compacted,
        "version": topic.version,
    }
